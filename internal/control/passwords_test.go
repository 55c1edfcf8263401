package control_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

const password = "Harbour-42"

func TestSignIn(t *testing.T) {
	w := newWorld(t, manyOfAll)
	managed, err := made(w.CreateInstance(t.Context(), call("CreateInstance"),
		control.NewInstance{Alias: "managed", IdentityManagement: control.ConnectManaged}))
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := control.List[*lanyard.Profile](t.Context(), w.Service, call("x"), managed.ID,
		control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	routing, err := control.List[*lanyard.RoutingProfile](t.Context(), w.Service, call("x"), managed.ID,
		control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	create := func(name, password string) (*lanyard.User, error) {
		return made(w.CreateUser(t.Context(), call("CreateUser"), managed.ID, control.NewUser{Password: &password,
			User: lanyard.User{Meta: lanyard.Meta{Name: name}, Profiles: []string{profiles.Items[0].ID},
				RoutingProfile: routing.Items[0].ID}}))
	}
	ann, err := create("ann", password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := create("ann", password); !errors.Is(err, lanyard.ErrDuplicate) {
		t.Errorf("a second ann: %v", err)
	}
	for _, weak := range []string{"", "Abcdef1", "abcdefg1", "ABCDEFG1", "Abcdefgh", "Abcdef 1", "Abc\ndef1",
		strings.Repeat("Ab1", 22), "Ünïcödé", "Abcdef1\xff"} {
		if _, err := create("weak", weak); !errors.Is(err, lanyard.ErrInvalid) ||
			!strings.HasPrefix(err.Error(), "Password must be 8 to 64 characters") {
			t.Errorf("the password %q: %v", weak, err)
		}
	}
	for _, tt := range []struct {
		name, account, instance, user, password string
		ok                                      bool
	}{
		{"right", account, managed.ID, "ann", password, true},
		{"by alias", account, "managed", "ann", password, true},
		{"wrong password", account, "managed", "ann", "Harbour-43", false},
		{"no password", account, "managed", "ann", "", false},
		{"the hash of nobody", account, "managed", "nobody", strings.Repeat("\x00", 32), false},
		{"another case", account, "managed", "Ann", password, false},
		{"unknown user", account, "managed", "nobody", password, false},
		{"by id", account, "managed", ann.ID, password, false},
		{"unknown instance", account, "nowhere", "ann", password, false},
		{"another instance", account, "centre", "ann", password, false},
		{"one of several instances", account, "", "ann", password, false},
		{"another account", stranger, managed.ID, "ann", password, false},
		{"no user", account, "managed", "", password, false},
		{"a very long name", account, "managed", strings.Repeat("a", 100_000), password, false},
	} {
		in, u, err := w.SignIn(t.Context(), tt.account, tt.instance, tt.user, tt.password)
		switch {
		case tt.ok && (err != nil || in.ID != managed.ID || u.ID != ann.ID):
			t.Errorf("%s: %v, %v", tt.name, u, err)
		case !tt.ok && (!errors.Is(err, lanyard.ErrDenied) || u != nil ||
			err.Error() != "the instance, the user name or the password is wrong"):
			t.Errorf("%s: %v, %v", tt.name, u, err)
		}
	}
	hash, err := w.store.Reader(managed.ID).Password(t.Context(), ann.ID)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, password) {
		t.Errorf("what is stored is %q, %v", hash, err)
	}
	bob, err := create("bob", password)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := w.store.Reader(managed.ID).Password(t.Context(), bob.ID); err != nil || other == hash {
		t.Errorf("the same password has the same hash, %v", err)
	}
	if _, err := w.DeleteUser(t.Context(), call("DeleteUser"), managed.ID, ann.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.SignIn(t.Context(), account, "managed", "ann", password); !errors.Is(err, lanyard.ErrDenied) {
		t.Errorf("who was deleted signs in: %v", err)
	}
}

// Whether a user exists cannot be told by how long the answer takes: each does the work of one hash.
func TestSignInDoesAsMuch(t *testing.T) {
	w := newWorld(t)
	var known string
	u, err := made(w.CreateUser(t.Context(), call("CreateUser"), w.in.ID,
		control.NewUser{User: lanyard.User{Meta: lanyard.Meta{Name: "ann"},
			Profiles: []string{w.first(t)}, RoutingProfile: w.routing(t)}}))
	if err == nil {
		known = u.Name
		err = w.SetPassword(t.Context(), call("SetUserPassword"),
			control.NewPassword{Instance: w.in.ID, User: u.ID, Password: password})
	}
	if err != nil {
		t.Fatal(err)
	}
	// An Argon2id hash fills megabytes, and nothing else in a sign-in does: what it allocates says whether one was made.
	took := func(instance, name string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := w.SignIn(t.Context(), account, instance, name, "Wrong-4242"); !errors.Is(err, lanyard.ErrDenied) {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	wrong := took("centre", known)
	for name, who := range map[string][2]string{"an unknown user": {"centre", "nobody"},
		"an unknown instance": {"nowhere", known}} {
		if got := took(who[0], who[1]); got < wrong/2 || got > 2*wrong || got < 1<<20 {
			t.Errorf("%s works on %d bytes, a wrong password on %d", name, got, wrong)
		}
	}
}

// Whoever changes a password takes another one, and not the most obvious; one that is refused changes nothing.
func TestChangePassword(t *testing.T) {
	w := newWorld(t, manyOfAll)
	u, err := made(w.CreateUser(t.Context(), call("CreateUser"), w.in.ID, control.NewUser{
		User: lanyard.User{Meta: lanyard.Meta{Name: "jonas.becker"}, Profiles: []string{w.first(t)},
			RoutingProfile: w.routing(t)}}))
	if err == nil {
		err = w.SetPassword(t.Context(), call("SetUserPassword"),
			control.NewPassword{Instance: w.in.ID, User: u.ID, Password: password})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"the old one again", password, password, "NewPassword must be different from OldPassword"},
		{"the user name", password, "Jonas.Becker1", "NewPassword must be different from the user name"},
		{"the most obvious", password, "Password1", "NewPassword must be less common"},
		{"too short", password, "Abcdef1", "NewPassword must be 8 to 64 characters"},
		{"a wrong old one", "Harbour-43", "Mountain-7", "OldPassword is not the current password"},
		{"another", password, "Mountain-7", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := w.ChangePassword(t.Context(), call("SetUserPassword"),
				control.NewPassword{Instance: w.in.ID, User: u.ID, Password: tt.new}, tt.old)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if _, _, err := w.SignIn(t.Context(), account, w.in.ID, u.Name, password); (err == nil) != (tt.want != "") {
				t.Errorf("the old password signs in: %v", err)
			}
		})
	}
}

// A flood of sign-ins waits in line and takes no more memory than a few.
func TestSignInFlood(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	kinds := map[string]int{}
	for i := range 64 {
		wg.Go(func() {
			_, _, err := w.SignIn(t.Context(), account, "", fmt.Sprint("nobody", i), password)
			mu.Lock()
			defer mu.Unlock()
			kinds[lanyard.KindOf(err).String()]++
		})
	}
	wg.Wait()
	if kinds["denied"]+kinds["throttled"] != 64 || kinds["denied"] == 0 {
		t.Errorf("a flood is answered with %v", kinds)
	}
}

func (w *world) first(t *testing.T) string {
	list, err := control.List[*lanyard.Profile](t.Context(), w.Service, call("x"), w.in.ID, control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items[0].ID
}

func (w *world) routing(t *testing.T) string {
	list, err := control.List[*lanyard.RoutingProfile](t.Context(), w.Service, call("x"), w.in.ID,
		control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items[0].ID
}
