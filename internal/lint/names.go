package lint

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/typo"
)

// A spelling is what a name that the catalogue does not have likely stands for.
type spelling struct {
	names []string // of the catalogue; none when nothing is near
	iam   bool     // it is an action of IAM
	exact bool     // it differs in case and separators only
}

// maxSpellings is for how many unknown names the nearest are looked for.
const maxSpellings = 2000

// spell returns what an unknown name likely stands for.
func (l *linter) spell(name string) spelling {
	if s, ok := l.spellings[name]; ok {
		return s
	}
	if len(l.spellings) >= maxSpellings {
		if len(l.spellings) == maxSpellings {
			l.spellings[""] = spelling{}
			l.skip("the nearest names of more than %d unknown permissions", maxSpellings)
		}
		return spelling{}
	}
	s := spellingOf(name)
	l.spellings[name] = s
	return s
}

func spellingOf(name string) spelling {
	if action, ok := iamAction(name); ok {
		return spelling{names: permissionsFor(action), iam: true}
	}
	if len(name) > 128 {
		return spelling{}
	}
	if known, ok := folded[fold(name)]; ok {
		return spelling{names: []string{known}, exact: true}
	}
	if known, ok := renameStem(name); ok {
		return spelling{names: []string{known}}
	}
	if near := nearestName(name); near != "" {
		return spelling{names: []string{near}}
	}
	return spelling{}
}

// fold removes what people get wrong without meaning anything by it.
func fold(name string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "", ".", "", "/", "").Replace(strings.ToLower(name))
}

// folded has the names of the catalogue by their folded form, those that share theirs with no other.
var folded = func() map[string]string {
	m := map[string]string{}
	for _, p := range lanyard.Permissions() {
		key := fold(p.Name)
		if _, twice := m[key]; twice {
			m[key] = ""
			continue
		}
		m[key] = p.Name
	}
	for key, name := range m {
		if name == "" {
			delete(m, key)
		}
	}
	return m
}()

// stemWords are what people call the first words of permissions, after the web site, the API and CloudFormation.
var stemWords = map[string]string{
	"routingprofile": "RoutingPolicies", "routingprofiles": "RoutingPolicies", "quickconnect": "TransferDestinations",
	"quickconnects": "TransferDestinations", "agenthierarchy": "AgentGrouping", "hierarchygroup": "AgentGrouping",
	"hierarchygroups": "AgentGrouping", "userhierarchy": "AgentGrouping", "userhierarchygroup": "AgentGrouping",
	"agentstatus": "AgentStates", "agentstatuses": "AgentStates", "flow": "ContactFlows", "flows": "ContactFlows",
	"flowmodule": "ContactFlowModules", "flowmodules": "ContactFlowModules", "agent": "Users", "agents": "Users",
	"operatinghours": "HoursOfOperation", "hours": "HoursOfOperation", "hoursofoperations": "HoursOfOperation",
	"assistant": "Wisdom", "qinconnect": "Wisdom", "dashboards": "AccessMetrics.Dashboards", "permissions": "SecurityProfiles",
	"aiagents": "QConnectAIAgents", "aiprompts": "QConnectAIPrompts", "aiguardrails": "QConnectGuardrails",
}

// renameStem replaces the first word of a name by the one of the catalogue.
func renameStem(name string) (string, bool) {
	stem, action, _ := strings.Cut(name, ".")
	known, ok := stemWords[fold(stem)]
	if !ok {
		return "", false
	}
	full, ok := folded[fold(known+"."+action)]
	return full, ok
}

// nearestName returns the name of the catalogue that differs from an unknown one in the fewest letters, if they are
// few and no other name is as near; "" otherwise.
func nearestName(name string) string {
	lower := strings.ToLower(name)
	most := 1
	if len(name) >= 12 {
		most = 2
	}
	best, found, tie := most+1, "", false
	for _, p := range lanyard.Permissions() {
		if d := len(p.Name) - len(name); d > most || d < -most {
			continue
		}
		switch d := typo.Distance(lower, strings.ToLower(p.Name), best); {
		case d < best:
			best, found, tie = d, p.Name, false
		case d == best && d <= most:
			tie = true
		}
	}
	if tie {
		return ""
	}
	return found
}

var iamForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,40}:[A-Za-z*?]{1,64}$`)

// iamAction returns the operation in an action of IAM, such as UpdateUser of connect:UpdateUser.
func iamAction(name string) (operation string, ok bool) {
	if !iamForm.MatchString(name) {
		return "", false
	}
	_, operation, _ = strings.Cut(name, ":")
	return operation, true
}

// iamNouns are the resources of operations and the first words of the permissions about them, longer ones first.
var iamNouns = []struct{ noun, stem string }{
	{"SecurityProfile", "SecurityProfiles"}, {"UserHierarchyGroup", "AgentGrouping"},
	{"UserHierarchyStructure", "AgentGrouping"}, {"RoutingProfile", "RoutingPolicies"},
	{"HoursOfOperation", "HoursOfOperation"}, {"QuickConnect", "TransferDestinations"},
	{"ContactFlowModule", "ContactFlowModules"}, {"DataTable", "DataTables"}, {"ContactFlow", "ContactFlows"}, {"AgentStatus", "AgentStates"},
	{"PhoneNumber", "PhoneNumbers"}, {"Prompt", "Prompts"}, {"Rule", "Rules"}, {"TaskTemplate", "TaskTemplates"},
	{"EvaluationForm", "EvaluationForms"}, {"View", "Views"}, {"Queue", "Queues"}, {"User", "Users"},
}

// permissionsFor returns the permissions that allow an operation of the API on the web site; none when that is not
// known.
func permissionsFor(operation string) []string {
	switch {
	case operation == "UpdateUserSecurityProfiles":
		return []string{"Users.EditPermission"}
	case strings.HasPrefix(operation, "MonitorContact"):
		return []string{"ManagerListenIn"}
	case operation == "SearchContacts":
		return []string{"ContactSearch.View"}
	case operation == "CreateDataTableAttribute" || operation == "DeleteDataTableAttribute": // they change the table
		return []string{"DataTables.Edit"}
	}
	verbs := map[string]string{"Create": "Create", "Update": "Edit", "Delete": "Delete", "Describe": "View", "List": "View",
		"Search": "View", "Get": "View", "Associate": "Edit", "Disassociate": "Edit"}
	for verb, action := range verbs {
		rest, ok := strings.CutPrefix(operation, verb)
		if !ok {
			continue
		}
		for _, n := range iamNouns {
			if !strings.HasPrefix(rest, n.noun) {
				continue
			}
			if _, ok := lanyard.LookupPermission(n.stem + "." + action); ok {
				return []string{n.stem + "." + action}
			}
		}
	}
	return nil
}

// replaced are the newer names of renamed and legacy permissions.
var replaced = map[string][]string{
	"RealTimeMetrics.Access":    {"AccessMetrics.RealTimeMetrics.Access"},
	"HistoricalMetrics.Access":  {"AccessMetrics.HistoricalMetrics.Access"},
	"AgentActivityAudit.Access": {"AccessMetrics.AgentActivityAudit.Access"},
	"Audio.View":                {"AudioDeviceSettings.Access"},
	"RedactedData.View":         {"CallRecordings.Redacted.Access", "ContactTranscripts.Redacted.Access"},
	"ListenCallRecordings":      {"CallRecordings.Unredacted.Access", "ContactTranscripts.Unredacted.Access"},
	"DownloadCallRecordings": {"CallRecordings.Redacted.DownloadButton", "CallRecordings.Unredacted.DownloadButton",
		"ContactTranscripts.Unredacted.DownloadButton"},
}

// unknownNames calls do for each permission of each profile that the catalogue does not know.
func (l *linter) unknownNames(do func(p *lanyard.Profile, name string, s spelling)) {
	for _, p := range l.Profiles {
		for _, name := range p.Permissions {
			if _, known := lanyard.LookupPermission(name); !known {
				do(p, name, l.spell(name))
			}
		}
	}
}

// checkUnknownNames makes one finding of all unknown names of a profile.
func (l *linter) checkUnknownNames() {
	var last *lanyard.Profile
	var names []string
	flush := func() {
		if len(names) > 0 {
			l.add(Finding{Details: names, in: Permissions, value: names[0],
				Message: "it has permissions that the catalogue does not know"}, last)
		}
	}
	l.unknownNames(func(p *lanyard.Profile, name string, s spelling) {
		if len(s.names) > 0 || s.iam {
			return
		}
		if p != last {
			flush()
			last, names = p, nil
		}
		names = append(names, name)
	})
	flush()
}

func (l *linter) checkMisspelt() {
	l.unknownNames(func(p *lanyard.Profile, name string, s spelling) {
		if len(s.names) == 0 || s.iam {
			return
		}
		l.add(Finding{about: name, in: Permissions, value: name, Details: []string{name},
			Message: fmt.Sprintf("the permission %s does not exist; did you mean %s?", lanyard.Quote(name), s.names[0]),
			Fixes:   []Fix{fixOf(p, Permissions, []string{name}, s.names, s.exact && !sensitive(s.names))}}, p)
	})
}

// sensitive reports whether one of the permissions is. A fix that has a profile grant one is not safe.
func sensitive(names []string) bool { return maskOf(names...).and(sensitiveMask) != (mask{}) }

func (l *linter) checkIAM() {
	l.unknownNames(func(p *lanyard.Profile, name string, s spelling) {
		if !s.iam {
			return
		}
		f := Finding{about: name, in: Permissions, value: name, Details: []string{name},
			Message: fmt.Sprintf("%s is an action of IAM and not a permission", lanyard.Quote(name))}
		if len(s.names) > 0 {
			f.Message += "; the permission for it is " + s.names[0]
			f.Fixes = []Fix{fixOf(p, Permissions, []string{name}, s.names, false)}
		}
		l.add(f, p)
	})
}

func (l *linter) checkRenamed() {
	l.checkReplaced("renamed", "it has permissions by names that were changed")
}

func (l *linter) checkLegacy() {
	l.checkReplaced("legacy", "it has older names of permissions, which still count but are hidden in the web site")
}

// checkReplaced finds names of a status, and proposes those that replace them.
func (l *linter) checkReplaced(status, message string) {
	for _, p := range l.Profiles {
		var old, now []string
		f := Finding{Message: message, in: Permissions}
		for _, name := range p.Permissions {
			known, _ := lanyard.LookupPermission(name)
			if known.Status != status {
				continue
			}
			f.value = cmp.Or(f.value, name)
			by := replaced[name]
			if len(by) == 0 {
				f.Details = append(f.Details, name)
				continue
			}
			old = append(old, name)
			f.Details = append(f.Details, name+" is now "+strings.Join(by, " and "))
			for _, n := range by {
				if !slices.Contains(p.Permissions, n) {
					now = append(now, n)
				}
			}
		}
		if len(f.Details) == 0 {
			continue
		}
		if len(old) > 0 {
			f.Fixes = []Fix{fixOf(p, Permissions, old, lanyard.SortPermissions(now), true)}
		}
		l.add(f, p)
	}
}

func (l *linter) checkRestricting() {
	for _, p := range l.Profiles {
		var names []string
		for _, name := range p.Permissions {
			if known, _ := lanyard.LookupPermission(name); known.Restriction {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			l.add(Finding{Details: names, in: Permissions, value: names[0],
				Message: "it has permissions that take something away from its holders, whatever their other profiles grant"}, p)
		}
	}
}

// checkViews finds actions without the View of the same resource.
func (l *linter) checkViews() {
	for _, p := range l.Profiles {
		var details, missing []string
		f := Finding{in: Permissions, Message: "it grants actions without the View of the same resource, so the web site does " +
			"not show what they are for"}
		for _, name := range p.Permissions {
			view, ok := lanyard.ViewOf(name)
			if !ok || slices.Contains(p.Permissions, view) {
				continue
			}
			f.value = cmp.Or(f.value, name)
			details = append(details, name+" requires "+view)
			missing = append(missing, view)
		}
		if len(details) > 0 {
			f.Details = details
			f.Fixes = []Fix{fixOf(p, Permissions, nil, lanyard.SortPermissions(missing), !sensitive(missing))}
			l.add(f, p)
		}
	}
}

// checkPrerequisites finds permissions that others depend on and that holders have in no profile.
func (l *linter) checkPrerequisites() {
	for i, p := range l.Profiles {
		for _, name := range p.Permissions {
			view, _ := lanyard.ViewOf(name)
			need := slices.DeleteFunc(lanyard.Prerequisites(name), func(n string) bool { return n == view })
			if len(need) == 0 {
				continue
			}
			if holders, lacks := l.lacking(i, need); holders > 0 {
				l.add(Finding{about: name, in: Permissions, value: name, Details: lacks,
					Message: fmt.Sprintf("%s requires %s, which %s of its holders have in no profile", name, list(lacks),
						count(holders))}, p)
			}
		}
	}
}

// lacking counts the users who hold a profile and lack any of some permissions, and returns those that they lack.
func (l *linter) lacking(profile int, need []string) (users int, lacks []string) {
	for _, set := range l.everybody().holding[profile] {
		has := l.granted(set)
		before := len(lacks)
		for _, name := range need {
			if !has.has(places[name]) {
				lacks = append(lacks, name)
			}
		}
		if len(lacks) > before {
			users += set.count
		}
	}
	return users, lanyard.SortPermissions(lacks)
}

func fixOf(p *lanyard.Profile, member Member, remove, add []string, safe bool) Fix {
	keep := []string{}
	for _, name := range add {
		if member != Permissions || !slices.Contains(p.Permissions, name) {
			keep = append(keep, name)
		}
	}
	if remove == nil {
		remove = []string{}
	}
	return Fix{Profile: profileResource(p), Member: member, Remove: remove, Add: keep, Safe: safe}
}
