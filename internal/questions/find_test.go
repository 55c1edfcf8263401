package questions

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Find shows what the viewer may see, in the order of names, in pages of any size.
func TestFind(t *testing.T) {
	s := centre(t)
	agents := func(country string) (names []string) {
		for i := range 20 {
			if country == "" || country == []string{"FR", "DE"}[i%2] {
				names = append(names, fmt.Sprint("agent ", i))
			}
		}
		slices.Sort(names)
		return names
	}
	for _, tt := range []struct {
		name, user, resourceType, text string
		want                           []string
	}{
		{"a part of the name", "", access.TypeUser, "agent", agents("")},
		{"in any case", "", access.TypeUser, "AGENT", agents("")},
		{"what the viewer sees", "claire", access.TypeUser, "agent", agents("FR")},
		{"who sees all", "olivia", access.TypeUser, "agent", agents("")},
		{"all", "claire", access.TypeSecurityProfile, "", []string{"the desk", "the lead"}},
		{"an id", "", access.TypeUser, "DE-03", []string{"agent 3"}},
		{"an id of one that is hidden", "claire", access.TypeUser, "DE-03", nil},
		{"nothing", "", access.TypeUser, "nobody", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, page := range []Page{{}, {Limit: 1}, {Limit: 3}, {Bytes: 1}, {Bytes: 200}} {
				var got []string
				for {
					out, err := s.Find(t.Context(), Viewer{User: tt.user}, Find{tt.resourceType, tt.text, page})
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range out.Results {
						got = append(got, r.Properties.Name)
					}
					if n := len(out.Results); page.Limit > 0 && n > page.Limit || page.Bytes == 1 && n > 1 || n != out.Page.Count {
						t.Errorf("a page of %+v has %d results", page, n)
					}
					if page.Token = out.Page.NextToken; page.Token == "" {
						break
					}
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("pages of %+v have %q, want %q", page, got, tt.want)
				}
			}
		})
	}
	for _, tt := range []struct {
		name string
		user string
		q    Find
		want lanyard.Kind
	}{
		{"who may view none", "idle", Find{Type: access.TypeUser}, lanyard.Denied},
		{"a type that is not stored", "", Find{Type: access.TypeContact}, lanyard.Malformed},
		{"the token of another question", "", Find{Type: access.TypeUser, Page: Page{Token: "x"}}, lanyard.Malformed},
	} {
		if out, err := s.Find(t.Context(), Viewer{User: tt.user}, tt.q); lanyard.KindOf(err) != tt.want {
			t.Errorf("%s: %+v, %v, want %v", tt.name, out, err, tt.want)
		}
	}
}

// A token of a page is for one viewer and one text.
func TestFindTokens(t *testing.T) {
	s := centre(t)
	first, err := s.Find(t.Context(), Viewer{User: "olivia"}, Find{access.TypeUser, "agent", Page{Limit: 2}})
	if err != nil || first.Page.NextToken == "" {
		t.Fatal(first, err)
	}
	for _, tt := range []struct{ user, text string }{{"claire", "agent"}, {"", "agent"}, {"olivia", "agent 1"}} {
		if out, err := s.Find(t.Context(), Viewer{User: tt.user}, Find{access.TypeUser, tt.text,
			Page{Token: first.Page.NextToken}}); lanyard.KindOf(err) != lanyard.Malformed {
			t.Errorf("%q asks %q with another's token: %+v, %v", tt.user, tt.text, out, err)
		}
	}
}

// The nearest name is one that the viewer may see.
func TestNearest(t *testing.T) {
	s := centre(t)
	for _, tt := range []struct{ user, resourceType, name, want string }{
		{"", access.TypeSecurityProfile, "the secrte", "the secret"},
		{"claire", access.TypeSecurityProfile, "the secrte", ""},
		{"claire", access.TypeSecurityProfile, "the leed", "the lead"},
		{"", access.TypeUser, "clair", "claire"},
		{"idle", access.TypeUser, "clair", ""},
		{"", access.TypeUser, "somebody else", ""},
		{"", access.TypeContact, "x", ""},
	} {
		got, err := s.Nearest(t.Context(), Viewer{User: tt.user}, tt.resourceType, tt.name)
		if err != nil || got != tt.want {
			t.Errorf("the nearest %s to %q for %q is %q, %v, want %q", tt.resourceType, tt.name, tt.user, got, err, tt.want)
		}
	}
}

// Pages that are bounded by their size have together what one page has.
func TestPagesOfBytes(t *testing.T) {
	s := centre(t)
	q := Search{Question: of("olivia", "", "", "")}
	whole, err := s.Effective(t.Context(), Viewer{}, q)
	if err != nil {
		t.Fatal(err)
	}
	var got []Granted
	for q.Page.Bytes = 150; ; {
		page, err := s.Effective(t.Context(), Viewer{}, q)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Marshal(page.Results)
		if err != nil || len(page.Results) > 1 && len(b) > 150+2 {
			t.Errorf("a page has %d bytes: %s, %v", len(b), b, err)
		}
		got = append(got, page.Results...)
		if q.Page.Token = page.Page.NextToken; q.Page.Token == "" {
			break
		}
	}
	if !reflect.DeepEqual(got, whole.Results) || len(got) < 3 || strings.Contains(fmt.Sprint(got), "secret") {
		t.Errorf("the pages have %+v, want %+v", got, whole.Results)
	}
}
