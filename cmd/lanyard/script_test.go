package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"lanyard": main})
}

// tests stops the database server that the tests started, and removes the programs that they built.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer removePrograms()
	return pgtest.Main(t.M)
}

// TestScripts runs scripts that call the program as a separate process, each in a folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Deadline:            time.Now().Add(2 * time.Minute),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // a second for each command adds up
			return nil
		},
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"api":     scriptAPI,
			"ask":     scriptAsk,
			"await":   scriptAwait,
			"capture": scriptCapture,
			"certify": scriptCertify,
			"exits":   scriptExits,
			"fill":    scriptFill,
			"free":    scriptFree,
			"mode":    scriptMode,
			"pruned":  scriptPruned,
			"occupy":  scriptOccupy,
			"place":   scriptPlace,
			"ready":   scriptReady,
			"up":      scriptUp,
		},
	})
}

// patience is how long a test waits for anything.
const patience = 20 * time.Second

// until polls until check succeeds, and returns its last error if it does not.
func until(check func() error) (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = check(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("waited %v in vain: %w", patience, err)
}

// caller sends signed requests to the server that uses a data folder.
type caller struct {
	url, region, id, secret string // unsigned without id
	client                  *http.Client
}

// callerOf returns a caller that signs with the root key of a data folder.
func callerOf(dir string) (*caller, error) {
	here, err := readEndpoint(dir)
	if err != nil {
		return nil, err
	}
	id, secret, err := readCredentials(dir)
	return &caller{url: here.URL, region: here.Region, id: id, secret: secret, client: here.client()}, err
}

// request makes a request and signs it.
func (c *caller) request(method, path, body string) (*http.Request, error) {
	req, err := http.NewRequest(method, c.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.id != "" {
		sum := sha256.Sum256([]byte(body))
		key := aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret}
		if err := v4.NewSigner().SignHTTP(context.Background(), key, req, hex.EncodeToString(sum[:]), "connect", c.region,
			time.Now()); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// send returns the status and the body of the answer.
func (c *caller) send(method, path, body string) (int, string, error) {
	req, err := c.request(method, path, body)
	if err != nil {
		return 0, "", err
	}
	res, err := c.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, string(answer), err
}

// get decodes the answer of a call that must succeed.
func (c *caller) get(method, path, body string, out any) error {
	status, answer, err := c.send(method, path, body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s %s answers %d %s", method, path, status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal([]byte(answer), out)
}

// api [-data DIR] [-key FILE] [-unsigned] METHOD PATH [BODY] prints the status and the body. A key
// FILE is what key create printed. A status of 400 or more is a failure.
func scriptAPI(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	data, key, unsigned := flags.String("data", "data", ""), flags.String("key", "", ""), flags.Bool("unsigned", false, "")
	ts.Check(flags.Parse(args))
	c, err := callerOf(ts.MkAbs(*data))
	ts.Check(err)
	if *key != "" {
		var k struct{ AccessKeyID, SecretAccessKey string }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(*key)), &k))
		c.id, c.secret = k.AccessKeyID, k.SecretAccessKey
	}
	if *unsigned {
		c.id = ""
	}
	status, body, err := c.send(flags.Arg(0), flags.Arg(1), flags.Arg(2))
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", status, body)
	if failed := status >= 400; failed != neg {
		ts.Fatalf("%s %s answers %d %s", flags.Arg(0), flags.Arg(1), status, body)
	}
}

// await FILE PATTERN waits for a file to have what the pattern matches.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(until(func() error {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && !regexp.MustCompile(args[1]).Match(b) {
			err = fmt.Errorf("%s has no %s but:\n%s", args[0], args[1], b)
		}
		return err
	}))
}

// capture VAR PATTERN sets a variable to what the pattern's group matches in the last output.
func scriptCapture(ts *testscript.TestScript, neg bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("no match of %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// certify NAME makes NAME.cert and NAME.key, signed by itself, for a host of another name.
func scriptCertify(ts *testscript.TestScript, neg bool, args []string) {
	public, private, err := ed25519.GenerateKey(nil)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"centre.example"},
		NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	ts.Check(err)
	key, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".cert"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		0o600))
}

// exits STATUS PROGRAM ARGS… runs a program to its end and checks its exit status.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// fill INSTANCE makes security profiles until one is refused, and prints how many were made and
// the refusal.
func scriptFill(ts *testscript.TestScript, neg bool, args []string) {
	c, err := callerOf(ts.MkAbs("data"))
	ts.Check(err)
	for i := range 200 {
		status, body, err := c.send("PUT", "/security-profiles/"+args[0],
			fmt.Sprintf(`{"SecurityProfileName":"Filler %d"}`, i))
		ts.Check(err)
		if status != http.StatusOK {
			fmt.Fprintf(ts.Stdout(), "made %d, then %d %s\n", i, status, body)
			return
		}
	}
	ts.Fatalf("no quota stopped this")
}

// mode MODE FILE checks the permissions of a file or a folder.
func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// pruned INSTANCE N waits for only so many records of an instance to be left.
func scriptPruned(ts *testscript.TestScript, neg bool, args []string) {
	c, err := callerOf(ts.MkAbs("data"))
	ts.Check(err)
	ts.Check(until(func() error {
		var events []json.RawMessage
		err := c.get("GET", "/lanyard/v1/events?instance="+args[0], "", &events)
		if err == nil && strconv.Itoa(len(events)) != args[1] {
			err = fmt.Errorf("%d records are left", len(events))
		}
		return err
	}))
}

// occupy VAR listens on a port until the end of the script and sets a variable to its address.
func scriptOccupy(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// place VAR DIR sets a variable to the URL of the server that uses a data folder.
func scriptPlace(ts *testscript.TestScript, neg bool, args []string) {
	here, err := readEndpoint(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv(args[0], here.URL)
}

// free VAR sets a variable to an address that is free.
func scriptFree(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], l.Addr().String())
}

// ready ADDR waits for an emulator that listens there to be ready, and sets URL to its.
func scriptReady(ts *testscript.TestScript, neg bool, args []string) {
	c := &caller{url: "http://" + args[0], client: http.DefaultClient}
	ts.Check(until(func() error {
		status, answer, err := c.send("GET", "/_lanyard/init/ready", "")
		if err == nil && !strings.Contains(answer, `"completed":true`) {
			err = fmt.Errorf("it answers %d %s", status, answer)
		}
		return err
	}))
	ts.Setenv("URL", c.url)
}

// ask [-body BODY] METHOD PATH sends a request that is not signed to URL, and prints the status and the answer.
func scriptAsk(ts *testscript.TestScript, neg bool, args []string) {
	body := ""
	if args[0] == "-body" {
		body, args = args[1], args[2:]
	}
	c := &caller{url: ts.Getenv("URL"), client: http.DefaultClient}
	status, answer, err := c.send(args[0], args[1], body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", status, strings.TrimSpace(answer))
}

// up DIR waits for a server to be ready on a data folder.
func scriptUp(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(until(func() error { return ready(ts.MkAbs(args[0])) }))
}

func ready(dir string) error {
	here, err := readEndpoint(dir)
	if err != nil {
		return err
	}
	client := here.client()
	defer client.CloseIdleConnections()
	res, err := client.Get(here.URL + "/readyz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", filepath.Base(dir), res.Status)
	}
	return nil
}
