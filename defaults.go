package lanyard

import (
	"slices"
	"strings"
)

// DefaultProfiles returns the four security profiles of a new instance, without ids. Their names
// and purposes are documented; which permissions they hold is not, so those are the sets seen in
// instances in use, completed by the documented purpose (docs/fidelity.md says which is which).
func DefaultProfiles() []*Profile {
	return []*Profile{
		defaultProfile("Admin", "May do everything that the instance offers.", adminPermissions()),
		defaultProfile("Agent", "Handles contacts in the Contact Control Panel.",
			expand("BasicAgentAccess OutboundCallAccess")),
		defaultProfile("CallCenterManager", "Runs the contact centre: people, routing, flows and metrics.",
			expand(managerPermissions)),
		defaultProfile("QualityAnalyst", "Follows metrics and contacts to improve quality.", expand(analystPermissions)),
	}
}

func defaultProfile(name, description string, permissions []string) *Profile {
	return &Profile{Meta: Meta{Name: name}, Description: description, Permissions: SortPermissions(permissions)}
}

// adminPermissions is the catalogue without restricting permissions and without replaced names.
func adminPermissions() []string {
	var names []string
	for _, p := range Permissions() {
		if !p.Restriction && p.Status != "renamed" {
			names = append(names, p.Name)
		}
	}
	return names
}

const managerPermissions = `AccessMetrics AgentStates.{Create,Edit,EnableAndDisable,View} AgentTimeCard.View
	ContactAttributes.View ContactFlowModules.{Create,Delete,Edit,Publish,View}
	ContactFlows.{Create,Delete,Edit,Publish,View} ContactSearch.View
	CustomerProfiles.CalculatedAttributes.{Create,Delete,Edit,View} DeleteCallRecordings DownloadCallRecordings
	HoursOfOperation.{Create,Edit,View} ListenCallRecordings ManagerListenIn
	MetricsReports.{Create,Delete,Edit,Publish,Schedule,Share,View} PhoneNumbers.{Claim,Edit,Release,View}
	Prompts.{Create,Delete,Edit,View} Queues.{Create,Edit,EnableAndDisable,View} ReportSchedules.{Create,Delete,Edit,View}
	RoutingPolicies.{Create,Edit,View} TaskTemplates.{Create,Delete,Edit,View} TransferDestinations.{Create,Edit,View}
	Users.{Create,Edit,EnableAndDisable,View}`

const analystPermissions = `AccessMetrics AccessMetrics.{RealTimeMetrics,HistoricalMetrics,AgentActivityAudit}.Access
	AgentTimeCard.View ContactAttributes.View ContactSearch.View MetricsReports.View`

// expand turns "A X.{B,C}" into A, X.B and X.C.
func expand(short string) []string {
	var names []string
	for word := range strings.FieldsSeq(short) {
		stem, rest, braces := strings.Cut(word, "{")
		if !braces {
			names = append(names, word)
			continue
		}
		middle, tail, _ := strings.Cut(rest, "}")
		for m := range strings.SplitSeq(middle, ",") {
			names = append(names, stem+m+tail)
		}
	}
	return slices.Clip(names)
}
