package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lanyard/lanyard"
)

// printGreeting tells a newcomer what to do next.
func (c *serveCmd) printGreeting(io streams, here endpoint, root lanyard.AccessKey, shown demoShown) {
	credentials, whose := c.credentials(root)
	fmt.Fprintf(io.out, `lanyard serves %s. In another shell:

  export AWS_ENDPOINT_URL_CONNECT=%s
  export %s
  export AWS_REGION=%s AWS_DEFAULT_REGION=%s

`, here.URL, here.URL, credentials, c.Region, c.Region)
	// Variables that are set here are probably set there too, and would take precedence over the credentials.
	var others []string
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if os.Getenv(name) != "" && !strings.Contains(credentials, name) {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(io.out, "  unset %s\n\n", strings.Join(others, " "))
	}
	if shown.instance != nil {
		fmt.Fprintf(io.out, "  aws connect list-security-profiles --instance-id %s\n\n", shown.instance.ID)
	} else {
		fmt.Fprint(io.out, "  aws connect create-instance --identity-management-type CONNECT_MANAGED --instance-alias "+
			"my-centre --inbound-calls-enabled --outbound-calls-enabled\n\n")
	}
	c.printSignIns(io, here, shown, whose)
}

// credentials returns the variables that give a client the root access key, and where that is. A key without a folder
// is shown, unless the caller chose it: one that was generated is in no other place, and gone when the server stops.
func (c *serveCmd) credentials(root lanyard.AccessKey) (variables, where string) {
	switch {
	case c.Data != "":
		file := filepath.Join(c.Data, credentialsFile)
		if absolute, err := filepath.Abs(file); err == nil {
			file = absolute
		}
		return "AWS_SHARED_CREDENTIALS_FILE=" + shellQuote(file), "in " + file
	case c.RootSecretAccessKey != "" && c.RootSecretAccessKey != testSecret: // which is no secret
		return "AWS_ACCESS_KEY_ID=" + shellQuote(root.ID) + ` AWS_SECRET_ACCESS_KEY="$LANYARD_ROOT_SECRET_ACCESS_KEY"`,
			"of LANYARD_ROOT_ACCESS_KEY_ID"
	}
	return "AWS_ACCESS_KEY_ID=" + root.ID + " AWS_SECRET_ACCESS_KEY=" + shellQuote(root.Secret), "above"
}

// printSignIns tells how to sign in to the console.
func (c *serveCmd) printSignIns(io streams, here endpoint, shown demoShown, credentials string) {
	url, people := cmp.Or(c.ConsoleURL, here.URL), filepath.Join(c.Data, demoFile)
	if shown.signIns != "" {
		also := ", who are also in " + people
		if c.Data == "" {
			also = ""
		}
		fmt.Fprintf(io.out, "The console is at %s/ for a browser. Sign in as one of these users%s:\n\n", url, also)
		for line := range strings.Lines(shown.signIns) {
			fmt.Fprint(io.out, "  "+line)
		}
		fmt.Fprintln(io.out)
		return
	}
	fmt.Fprintf(io.out, "The console is at %s/ for a browser. Sign in with the root access key %s, or as a user "+
		"with a password\n(lanyard user password).\n", url, credentials)
	if _, err := os.Stat(people); c.Demo && c.Data != "" && err == nil {
		fmt.Fprintf(io.out, "The users of the demo are in %s.\n", people)
	}
	fmt.Fprintln(io.out)
}
