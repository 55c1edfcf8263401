package lanyard

import (
	_ "embed"
	"encoding/csv"
	"slices"
	"strings"
	"sync"
)

// A Permission is an entry of the catalogue of permission names.
type Permission struct {
	Name  string // e.g. Users.View
	Group string // the heading under which administrators know it
	Label string // how administrators know it
	// Status says how the name is known: documented, observed (in deployed profiles), legacy (still
	// valid, hidden from administrators) or renamed (an older name of another).
	Status string
	// Restriction marks the four names that take something away from their holder.
	Restriction bool
	// Sensitive says why a holder deserves attention: escalates, exposes, intrudes, destroys, or "".
	Sensitive string
}

//go:embed permissions.csv
var permissionsCSV string

var catalogue = sync.OnceValues(func() ([]Permission, map[string]int) {
	rows, err := csv.NewReader(strings.NewReader(permissionsCSV)).ReadAll()
	if err != nil {
		panic("lanyard: permissions.csv: " + err.Error())
	}
	list := make([]Permission, 0, len(rows))
	index := make(map[string]int, len(rows))
	for _, row := range rows[1:] {
		status, restriction := strings.CutSuffix(row[3], " restriction")
		index[row[0]] = len(list)
		list = append(list, Permission{Name: row[0], Group: row[1], Label: row[2], Status: status, Restriction: restriction,
			Sensitive: row[4]})
	}
	return list, index
})

// Permissions returns the catalogue, sorted by name. It must not be changed.
func Permissions() []Permission {
	list, _ := catalogue()
	return list
}

// LookupPermission returns the entry of the catalogue with a name, compared exactly.
func LookupPermission(name string) (Permission, bool) {
	list, index := catalogue()
	i, ok := index[name]
	if !ok {
		return Permission{}, false
	}
	return list[i], true
}

// IsPermissionName reports whether name has the form of a permission name: words of letters and
// digits, joined by dots, at most 128 characters in all. The catalogue need not have it: Amazon Connect keeps adding
// names.
func IsPermissionName(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	for word := range strings.SplitSeq(name, ".") {
		if word == "" {
			return false
		}
		for i := range len(word) {
			c := word[i]
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' && i > 0) {
				return false
			}
		}
	}
	return true
}

// ApplicationTypes and their meaning: tools of an MCP server, or a third-party application.
const (
	ApplicationMCP        = "MCP"
	ApplicationThirdParty = "THIRD_PARTY_APPLICATION"
)

// SortPermissions returns names in byte order and without duplicates, as in Amazon Connect's own exports. It returns
// nil if there are none.
func SortPermissions(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// pulled are the documented permissions that others need in addition to the View of the same resource.
var pulled = map[string][]string{
	"AccessMetrics": {"AccessMetrics.AgentActivityAudit.Access", "AccessMetrics.HistoricalMetrics.Access",
		"AccessMetrics.RealTimeMetrics.Access"},
	"MetricsReports.Create": {"MetricsReports.Share"},
	"MetricsReports.Schedule": {"MetricsReports.Publish", "ReportSchedules.Create", "ReportSchedules.Delete",
		"ReportSchedules.Edit", "ReportSchedules.View"},
	"ScreenRecording.Redacted.Download": {"ScreenRecording.Redacted.Access"},
	"ManagerListenIn":                   {"BasicAgentAccess"},
	"ManagerBargeIn":                    {"BasicAgentAccess"},
}

// Prerequisites returns the permissions without which one cannot be used on the admin website. Decisions do not depend
// on them.
func Prerequisites(name string) []string {
	var all []string
	for _, n := range pulled[name] {
		if _, ok := LookupPermission(n); ok {
			all = append(all, n)
		}
	}
	if view, ok := ViewOf(name); ok {
		all = append(all, view)
	}
	return all
}

// ViewOf returns the permission that opens the pages on which another one is used: the View of the same resource. ok is
// false when there is none.
func ViewOf(name string) (view string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 || name[i:] == ".View" || name[i:] == ".Access" {
		return "", false
	}
	view = name[:i] + ".View"
	_, ok = LookupPermission(view)
	return view, ok
}
