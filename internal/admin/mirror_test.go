package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
)

const mirrored = "99999999-0000-4000-8000-000000000000"

// piece is the body of a piece of a mirror.
func piece(t *testing.T, change func(*admin.MirrorPiece)) string {
	t.Helper()
	p := admin.MirrorPiece{Run: "one", First: true, Last: true, Instance: &lanyard.Instance{
		Meta: lanyard.Meta{ID: mirrored, Name: "production"}, Account: account, Region: "eu-west-2",
		Mirror: &lanyard.Mirror{Source: "https://connect.eu-west-2.amazonaws.com", Refreshed: time.Now()}}}
	change(&p)
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMirrorOverHTTP(t *testing.T) {
	w := newWorld(t)
	profiles := func(n int, description string) (list []admin.Resource) {
		for i := range n {
			b, err := json.Marshal(&lanyard.Profile{Meta: lanyard.Meta{ID: fmt.Sprint("p", i), Name: fmt.Sprint("Profile ", i)},
				Description: description})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, admin.Resource{Type: lanyard.TypeProfile, Resource: b})
		}
		return list
	}
	put := func(list []admin.Resource) string {
		return piece(t, func(p *admin.MirrorPiece) { p.Put = list })
	}
	if status, answer := w.do("GET", "mirrors/"+mirrored, ""); status != 200 ||
		!strings.Contains(answer, `"Instance":null,"Account":"`+account) {
		t.Errorf("before the first piece: %d %s", status, answer)
	}
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"the first piece", "POST", "mirrors/pieces", put(profiles(3, "")), 200, `"Changed":true,"Revision":1`},
		{"the same again", "POST", "mirrors/pieces", put(profiles(3, "")), 200, `"Changed":false,"Revision":1`},
		{"what is there", "GET", "mirrors/" + mirrored, "", 200, `"Source":"https://connect.eu-west-2.amazonaws.com"`},
		{"its resources", "GET", "mirrors/" + mirrored + "/resources?type=security-profile", "", 200, `"Name":"Profile 2"`},
		{"the last page", "GET", "mirrors/" + mirrored + "/resources?type=agent&after=5", "", 200, `"Resources":[],"Next":0`},
		{"a large piece", "POST", "mirrors/pieces", put(profiles(400, strings.Repeat("x", 2000))), 200, `"Changed":true`},
		{"a piece that is too large", "POST", "mirrors/pieces", put(profiles(9, strings.Repeat("x", 1<<20))), 400, "bytes"},
		{"too many resources", "POST", "mirrors/pieces", put(profiles(501, "")), 400, "at most 500 resources, got 501"},
		{"an unknown type", "POST", "mirrors/pieces", put([]admin.Resource{{Type: "pigeon",
			Resource: lanyard.JSON("{}")}}), 400, "pigeon"},
		{"an unknown member", "POST", "mirrors/pieces", put([]admin.Resource{{Type: lanyard.TypeProfile,
			Resource: lanyard.JSON(`{"ID":"x","Color":"red"}`)}}), 400, "Color"},
		{"no resource", "POST", "mirrors/pieces", put([]admin.Resource{{Type: lanyard.TypeProfile,
			Resource: lanyard.JSON(`null`)}}), 400, "with ids"},
		{"the instance as a resource", "POST", "mirrors/pieces", put([]admin.Resource{{Type: lanyard.TypeInstance,
			Resource: lanyard.JSON(`{"ID":"` + mirrored + `"}`)}}), 400, "that a mirror has"},
		{"no JSON", "POST", "mirrors/pieces", "nonsense", 400, "cannot be read"},
		{"resources of an unknown type", "GET", "mirrors/" + mirrored + "/resources?type=pigeon", "", 400, "pigeon"},
		{"a position that is none", "GET", "mirrors/" + mirrored + "/resources?type=agent&after=x", "", 400, "after must be"},
		{"detaching nothing", "POST", "mirrors/detach", `{"Instance":"nowhere"}`, 404, "does not exist"},
		{"detaching", "POST", "mirrors/detach", `{"Instance":"production"}`, 200, `"Name":"production"`},
		{"detaching again", "POST", "mirrors/detach", `{"Instance":"production"}`, 409, "must be a mirror"},
		{"a piece for what was detached", "POST", "mirrors/pieces", put(profiles(1, "")), 409, "is not a mirror"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, answer := w.do(tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(answer, tt.says) {
				t.Errorf("%d %.300s, want %d with %q", status, answer, tt.status, tt.says)
			}
		})
	}
	other, err := w.svc.CreateKey(t.Context(), lanyard.AccessKey{Account: account})
	if err != nil {
		t.Fatal(err)
	}
	for method, path := range map[string]string{"GET": "mirrors/" + mirrored, "POST": "mirrors/pieces"} {
		for _, key := range []lanyard.AccessKey{other, {}} {
			if status, answer := w.send(w.request(key, method, path, "")); status != 403 {
				t.Errorf("%s %s with key %q = %d %s, want 403", method, path, key.ID, status, answer)
			}
		}
	}
}
