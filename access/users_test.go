package access_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Users are told as they were last put, whatever their names have in them.
func TestUsers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := access.Empty("i").Edit()
		e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		groups, profiles := []string{"", "g0", "g1"}, []string{"p0", "p1", "p2", "p3", "p4", "p5"}
		for _, g := range groups[1:] {
			e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: g}, Path: []string{g}})
		}
		for _, p := range profiles {
			e.Put(&lanyard.Profile{Meta: lanyard.Meta{ID: p, Name: p}})
		}
		word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "\x00", "a\x00b", strings.Repeat("x", 200)}))
		want, withTags := map[string]string{}, rapid.Bool().Draw(rt, "withTags")
		say := func(u *lanyard.User, tags map[string]string) string {
			return fmt.Sprintf("%q %d %q %q %q %q %q %q", u.ID, u.Seq, u.Name, u.FirstName, u.LastName, u.Group, u.Profiles,
				tags)
		}
		for i := range rapid.IntRange(0, 20).Draw(rt, "steps") {
			id := fmt.Sprint("u", rapid.IntRange(0, 5).Draw(rt, "id"))
			if rapid.IntRange(0, 3).Draw(rt, "remove") == 0 {
				e.Remove(lanyard.TypeUser, id)
				delete(want, id)
				continue
			}
			u := &lanyard.User{Meta: lanyard.Meta{ID: id, Seq: int64(i + 1), Name: word.Draw(rt, "name"),
				Tags: rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), word, 0, 6).Draw(rt, "tags")},
				FirstName: word.Draw(rt, "first"), LastName: word.Draw(rt, "last"),
				Group:    rapid.SampledFrom(groups).Draw(rt, "group"),
				Profiles: rapid.SliceOfNDistinct(rapid.SampledFrom(profiles), 0, 6, rapid.ID[string]).Draw(rt, "profiles")}
			e.Put(u)
			if want[id] = say(u, nil); withTags {
				want[id] = say(u, u.Tags)
			}
		}
		var got []string
		users := e.Snapshot(1).Users()
		if withTags {
			users = e.Snapshot(1).UsersWithTags()
		}
		for _, u := range slices.Collect(users) { // none of which the next one overwrites
			got = append(got, say(&u, u.Tags))
		}
		wanted := slices.Sorted(maps.Values(want))
		if slices.Sort(got); !slices.Equal(got, wanted) {
			rt.Fatalf("the users are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
		}
	})
}
