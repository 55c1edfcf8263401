package console_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"golang.org/x/text/language"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/frontends"
)

// people are the users whom the provider of these tests knows, by subject.
type people map[string]*storage.User

func (p people) GetUserByID(id string) *storage.User { return p[id] }

func (p people) GetUserByUsername(name string) *storage.User {
	for _, u := range p {
		if u.Username == name {
			return u
		}
	}
	return nil
}

func (people) ExampleClientID() string { return "service" }

func newPerson(id, name string) *storage.User {
	return &storage.User{ID: id, Username: name, Password: "secret", FirstName: "A", LastName: "B", Email: name +
		"@harbour.example", EmailVerified: true, PreferredLanguage: language.English}
}

// startProvider starts an OpenID provider that sends browsers back to a console.
func startProvider(t *testing.T, l net.Listener, console string) {
	t.Helper()
	known := people{"s1": newPerson("s1", "claire.dubois"), "s2": newPerson("s2", "somebody.else"),
		"s3": newPerson("s3", "tom.ellis")}
	known["s3"].EmailVerified = false
	storage.RegisterClients(storage.WebClient("lanyard", "the secret", console+"/console/oidc/callback"))
	srv := &http.Server{Handler: exampleop.SetupServer("http://"+l.Addr().String(), storage.NewStorage(known), nil, false)}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
}

// walk is a browser that goes through single sign-on; it ends at a fragment or path.
type walk struct {
	*testing.T
	client *http.Client
	base   string
}

func newWalk(t *testing.T, base string) *walk {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Transport: &http.Transport{},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasSuffix(r.URL.Path, "/login/username") || strings.HasSuffix(r.URL.Path, "/console/oidc/callback") ||
				r.URL.Path == "/" {
				return http.ErrUseLastResponse
			}
			return nil
		}}
	t.Cleanup(c.CloseIdleConnections)
	return &walk{t, c, base}
}

// get asks for a page and returns where it leads.
func (w *walk) get(url string) string {
	w.Helper()
	res, err := w.client.Get(url)
	if err != nil {
		w.Fatal(err)
	}
	res.Body.Close()
	to, err := res.Location()
	if err != nil {
		w.Fatalf("%s answers %d", url, res.StatusCode)
	}
	return to.String()
}

// begin goes from the console to the provider's form and, as somebody, back to the callback.
func (w *walk) begin(name string) (callback string) {
	w.Helper()
	form := w.get(w.base + "/console/oidc/start")
	u, err := url.Parse(form)
	if err != nil || !strings.Contains(form, "/login/username") {
		w.Fatalf("the console leads to %s, %v", form, err)
	}
	res, err := w.client.PostForm(u.Scheme+"://"+u.Host+u.Path,
		url.Values{"username": {name}, "password": {"secret"}, "id": {u.Query().Get("authRequestID")}})
	if err != nil {
		w.Fatal(err)
	}
	res.Body.Close()
	to, err := res.Location()
	if err != nil {
		w.Fatalf("the provider answers %d, %v", res.StatusCode, err)
	}
	return to.String()
}

// session tells who is signed in, "" when nobody is.
func (w *walk) session() string {
	w.Helper()
	res, err := w.client.Get(w.base + "/console/api/session")
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	var b [4096]byte
	n, _ := res.Body.Read(b[:])
	if m := regexp.MustCompile(`"Username":"([^"]*)"`).FindSubmatch(b[:n]); m != nil && res.StatusCode == 200 {
		return string(m[1])
	}
	return ""
}

// TestSingleSignOn goes through a provider of another project, in this process.
func TestSingleSignOn(t *testing.T) {
	start := func(t *testing.T, claim string, change ...func(*frontends.Config)) (base string, s *site, l net.Listener) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		s = newSite(t, append(change, func(c *frontends.Config) {
			c.Console.OIDC = &console.OIDC{Issuer: "http://" + l.Addr().String(), ClientID: "lanyard", ClientSecret: "the secret",
				Claim: claim, Label: "Sign on"}
		})...)
		web := httptest.NewServer(s.handler)
		t.Cleanup(web.Close)
		return web.URL, s, l
	}
	t.Run("by user name", func(t *testing.T) {
		base, s, l := start(t, "preferred_username")
		startProvider(t, l, base)
		w := newWalk(t, base)
		callback := w.begin("claire.dubois")
		if to := w.get(callback); to != base+"/" || w.session() != "claire.dubois" {
			t.Fatalf("it leads to %s and signs %q in", to, w.session())
		}
		if to := w.get(callback); !strings.Contains(to, "error=failed") {
			t.Errorf("the same callback again leads to %s", to)
		}
		if status, answer := s.nobody().do("GET", "/console/api/session", ""); status != 401 ||
			!strings.Contains(fmt.Sprint(answer), "Sign on") {
			t.Errorf("the page learns %d %v", status, answer)
		}
	})
	t.Run("who gets no further", func(t *testing.T) {
		base, _, l := start(t, "preferred_username")
		startProvider(t, l, base)
		for _, tt := range []struct {
			name   string
			change func(w *walk, callback string) string
			want   string
		}{
			{"a person without a user", func(w *walk, _ string) string { return w.begin("somebody.else") },
				"error=unknown-user"},
			{"who says no", func(w *walk, c string) string {
				u, _ := url.Parse(c)
				return base + "/console/oidc/callback?error=access_denied&state=" + u.Query().Get("state")
			}, "error=denied"},
			{"another state", func(w *walk, c string) string { return c + "x" }, "error=failed"},
			{"no state", func(w *walk, c string) string { return base + "/console/oidc/callback?code=x" }, "error=failed"},
			{"an invented code", func(w *walk, c string) string {
				u, _ := url.Parse(c)
				return base + "/console/oidc/callback?code=x&state=" + u.Query().Get("state")
			}, "error=failed"},
			{"another browser", func(w *walk, c string) string {
				w.client.Jar, _ = cookiejar.New(nil)
				return c
			}, "error=failed"},
			{"a code of another's", func(w *walk, c string) string {
				u, _ := url.Parse(c)
				theirs, _ := url.Parse(newWalk(w.T, base).begin("claire.dubois"))
				return base + "/console/oidc/callback?code=" + url.QueryEscape(theirs.Query().Get("code")) + "&state=" +
					u.Query().Get("state")
			}, "error=failed"},
			{"a cookie of one's own making", func(w *walk, c string) string {
				u, _ := url.Parse(base + "/console/oidc/")
				w.client.Jar.SetCookies(u,
					[]*http.Cookie{{Name: "lanyard-oidc", Value: "eyJTdGF0ZSI6IiJ9", Path: "/console/oidc/"}})
				return base + "/console/oidc/callback?code=x&state="
			}, "error=failed"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				w := newWalk(t, base)
				if to := w.get(tt.change(w, w.begin("claire.dubois"))); !strings.Contains(to, tt.want) || w.session() != "" {
					t.Errorf("it leads to %s and signs %q in, want %s", to, w.session(), tt.want)
				}
			})
		}
	})
	t.Run("by e-mail address", func(t *testing.T) {
		base, s, l := start(t, "email")
		startProvider(t, l, base)
		for _, name := range []string{"claire.dubois@harbour.example", "tom.ellis@harbour.example"} {
			_, err := s.svc.CreateUser(t.Context(), s.operation("CreateUser"), s.in.ID,
				control.NewUser{User: lanyard.User{Meta: lanyard.Meta{Name: name}, Profiles: []string{s.profile("Agent")},
					RoutingProfile: s.routing}})
			if err != nil {
				t.Fatal(err)
			}
		}
		w := newWalk(t, base)
		if to := w.get(w.begin("claire.dubois")); w.session() != "claire.dubois@harbour.example" {
			t.Errorf("it leads to %s and signs %q in", to, w.session())
		}
		w = newWalk(t, base)
		if to := w.get(w.begin("tom.ellis")); !strings.Contains(to, "error=failed") || w.session() != "" {
			t.Errorf("an address that is not verified leads to %s and signs %q in", to, w.session())
		}
	})
	t.Run("a claim that the provider does not tell", func(t *testing.T) {
		base, _, l := start(t, "department")
		startProvider(t, l, base)
		w := newWalk(t, base)
		if to := w.get(w.begin("claire.dubois")); !strings.Contains(to, "error=failed") || w.session() != "" {
			t.Errorf("it leads to %s and signs %q in", to, w.session())
		}
	})
	t.Run("a provider that is down", func(t *testing.T) {
		base, s, l := start(t, "preferred_username")
		l.Close()
		w := newWalk(t, base)
		if to := w.get(base + "/console/oidc/start"); !strings.Contains(to, "error=unavailable") {
			t.Errorf("it leads to %s", to)
		}
		s.operator().ok("call/ListInstances", `{}`) // the rest goes on
	})
}
