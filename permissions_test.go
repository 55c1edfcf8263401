package lanyard_test

import (
	"slices"
	"testing"

	"github.com/lanyard/lanyard"
)

func TestPrerequisites(t *testing.T) {
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"Users.View", nil},
		{"Users.Edit", []string{"Users.View"}},
		{"DataTables.ManageValues", []string{"DataTables.View"}},
		{"PhoneNumbers.Claim", []string{"PhoneNumbers.View"}},
		{"FileAttachments.Configurations.Edit", []string{"FileAttachments.Configurations.View"}}, // not FileAttachments.View
		{"CustomerProfiles.Segments.View", nil},
		{"ContactSearchWithKeywords.Access", nil},
		{"RestrictTaskCreation.Access", nil},
		{"ManagerBargeIn", []string{"BasicAgentAccess"}},
		{"MetricsReports.Create", []string{"MetricsReports.Share", "MetricsReports.View"}},
		{"BasicAgentAccess", nil},
		{"Unknown.Edit", nil},
	} {
		if got := lanyard.Prerequisites(tt.name); !slices.Equal(got, tt.want) {
			t.Errorf("%s needs %v, want %v", tt.name, got, tt.want)
		}
	}
}
