package access_test

import (
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Mirrors do not have flows, so a question about one goes by the tags that it has itself. Elsewhere a flow must exist,
// and its own tags count.
func TestUnmirroredTypes(t *testing.T) {
	profile := &lanyard.Profile{Meta: lanyard.Meta{ID: "p"}, Permissions: []string{"ContactFlows.View"},
		AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"ContactFlow"}}
	user := &lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "ann"}, Profiles: []string{"p"}}
	french, german := map[string]string{"Country": "FR"}, map[string]string{"Country": "DE"}
	flow := &lanyard.Flow{Document: lanyard.Document{Meta: lanyard.Meta{ID: "f", Tags: german}}}
	for _, tt := range []struct {
		name   string
		mirror *lanyard.Mirror
		id     string
		tags   map[string]string
		want   access.Reason
	}{
		{"a mirror, and the tag", new(lanyard.Mirror), "elsewhere", french, access.Granted},
		{"a mirror, and another tag", new(lanyard.Mirror), "elsewhere", german, access.ConditionFailed},
		{"no mirror, and the tag", nil, "elsewhere", french, access.UnknownResource},
		{"no mirror, and the tag of a flow that has another", nil, "f", french, access.ConditionFailed},
	} {
		in := &lanyard.Instance{Meta: lanyard.Meta{ID: "i"}, Mirror: tt.mirror}
		s, err := access.New(in, profile, user, flow)
		if err != nil {
			t.Fatal(err)
		}
		q := &access.Query{Subject: access.Subject{ID: "u"}, Action: "ContactFlows.View",
			Resource: access.Resource{Type: "ContactFlow", ID: tt.id, Tags: tt.tags}}
		if got := s.Decide(q); got.Reason != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got.Reason, tt.want)
		}
		if r, ok := s.RightsOf(access.Subject{ID: "u"}); !ok {
			t.Errorf("%s: the user has no rights", tt.name)
		} else if solo, err := r.Compile(); err != nil || tt.mirror != nil && solo.Decide(q).Reason != tt.want {
			t.Errorf("%s: the rights of the user alone say %v, %v, want %s", tt.name, solo.Decide(q).Reason, err, tt.want)
		}
	}
}
