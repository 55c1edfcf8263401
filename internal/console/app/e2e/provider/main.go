// Command provider is the OpenID Connect provider that the console's browser tests sign in with: zitadel/oidc, which
// lanyard has no part in, with three people. It is for tests only and in nothing that is shipped.
package main

import (
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"golang.org/x/text/language"
)

// people are those whom the provider knows, by user name, which is their subject too.
type people map[string]*storage.User

func (p people) GetUserByID(id string) *storage.User         { return p[id] }
func (p people) GetUserByUsername(name string) *storage.User { return p[name] }
func (people) ExampleClientID() string                       { return "service" }

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	console := flag.String("console", "", "URL of the console that browsers are sent back to")
	secret := flag.String("secret", "", "what the console proves itself with, and everybody's password")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	known := people{}
	for _, name := range []string{"claire.dubois", "olivia.stone", "somebody.else"} {
		known[name] = &storage.User{ID: name, Username: name, Password: *secret, Email: name + "@harbour.example",
			EmailVerified: true, PreferredLanguage: language.English}
	}
	storage.RegisterClients(storage.WebClient("lanyard", *secret, *console+"/console/oidc/callback"))
	// Another host name than the console's makes it another site, as providers are: cookies must cope.
	_, port, _ := net.SplitHostPort(l.Addr().String())
	issuer := "http://localhost:" + port
	srv := &http.Server{Handler: exampleop.SetupServer(issuer, storage.NewStorage(known), slog.New(slog.DiscardHandler),
		false), ReadHeaderTimeout: time.Minute}
	fmt.Println(issuer)
	log.Fatal(srv.Serve(l))
}
