package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"plain, Ünïcödé 日本 🙂 \\":   "plain, Ünïcödé 日本 🙂 \\",
		"a\x1b]0;owned\x07\x1b[2J": `a\x1b]0;owned\a\x1b[2J`,
		"a\r\nb\tc":                `a\r\nb\tc`,
		"\u202egnp.exe\u2066":      `\u202egnp.exe\u2066`,
		"\u009b31m\u2028\u200b":    `\u009b31m\u2028\u200b`,
		"\xff\xc3(\uFFFD":          `\xff\xc3(` + "\uFFFD",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
	if got := printableLines("a\x1b\nb\r"); got != "a\\x1b\nb\\r" {
		t.Errorf("lines are shown as %q", got)
	}
}

func unsafe(r rune) bool { return !strconv.IsPrint(r) }

// TestTablesAreTables expects that all tables go through one function.
func TestTablesAreTables(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	other := regexp.MustCompile(`tabwriter|\\t%[svdq]|%[svdq]\\t`)
	for _, name := range files {
		if name == "table.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := other.Find(source); found != nil {
			t.Errorf("%s has %s: tables are written by newTable", name, found)
		}
	}
}

// hostile moves the cursor, starts a line or a column, and reverses text.
const hostile = "x\x1b[2J\x07\r\nFAKE\ty\u202ez\u009b\u2067"

// seedHostile makes a folder in which every text is hostile, as an older server or another program may have left it.
func seedHostile(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	svc := control.New(control.Config{Store: db, Region: "us-east-1", Logger: slog.New(slog.DiscardHandler)})
	root, err := svc.SetRootKey(ctx, "", "", "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	tags := map[string]string{"K" + hostile: "V" + hostile}
	meta := func(id string) lanyard.Meta {
		return lanyard.Meta{ID: id, Name: id + hostile, Tags: tags, Modified: now}
	}
	list := []lanyard.Resource{
		&lanyard.Instance{Meta: lanyard.Meta{ID: "i", Name: "alias" + hostile, Modified: now}, Account: "123456789012",
			Region: "us-east-1"},
		&lanyard.Group{Meta: meta("group")},
		&lanyard.Profile{Meta: meta("free"), Permissions: []string{"Users.View", "Queues.View"}},
		&lanyard.Profile{Meta: meta("bound"), Permissions: []string{"Users.View"}, AccessTags: tags,
			TagRestricted: []string{"User"}},
		&lanyard.Profile{Meta: meta("tools"),
			Applications: []lanyard.Application{{Namespace: "app" + hostile, Permissions: []string{"tool" + hostile}}}},
		&lanyard.User{Meta: meta("ann"), Profiles: []string{"free", "tools"}, Group: "group", RoutingProfile: "r"},
		&lanyard.User{Meta: meta("bob"), Profiles: []string{"bound"}, Group: "group", RoutingProfile: "r"},
		&lanyard.User{Meta: lanyard.Meta{ID: "cog", Name: "cog" + hostile, Modified: now}, Profiles: []string{"bound"},
			RoutingProfile: "r"},
		&lanyard.Queue{Meta: meta("queue"), Hours: "h"},
		&lanyard.AIAgent{Meta: lanyard.Meta{ID: "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b:1" + hostile,
			Name: "agent" + hostile}, Profiles: []string{"free"}},
	}
	for _, refused := range []string{"", "refused " + hostile} {
		err := db.Update(ctx, "i", func(tx store.Tx) error {
			for _, r := range list {
				if err := tx.Put(ctx, r); err != nil {
					return err
				}
			}
			list = nil
			return tx.Append(ctx,
				&lanyard.Event{ID: hostile, Instance: "i", Time: now, Operation: "Create" + hostile, Account: "123456789012",
					AccessKeyID: "AKIA" + hostile, OnBehalfOf: "ann" + hostile, UserAgent: hostile, Refused: refused,
					Request: json.RawMessage(`{}`)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.PutKey(ctx,
		lanyard.AccessKey{ID: "AKIAOTHER" + hostile, Account: "1" + hostile, Comment: hostile}); err != nil {
		t.Fatal(err)
	}
	if err := db.PutToken(ctx,
		lanyard.Token{ID: "token" + hostile, Account: "1" + hostile, Comment: hostile, Instance: hostile}); err != nil {
		t.Fatal(err)
	}
	if err := writeKey(dir, root); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTablesShowTextsAsText expects that names can do nothing to a terminal but be read.
func TestTablesShowTextsAsText(t *testing.T) {
	dir := seedHostile(t)
	for name, args := range map[string][]string{
		"audit":              {"audit"},
		"audit verify":       {"audit", "verify", "--state"},
		"key list":           {"key", "list"},
		"token list":         {"token", "list"},
		"check":              {"check", "ann", "Users.View", "User/bob", "--explain"},
		"check, denied":      {"check", "bob", "Users.View", "User/cog", "--explain"},
		"check a tool":       {"check", "ann", "tool" + hostile, "Application/app" + hostile, "--explain"},
		"who-can":            {"who-can", "Users.View"},
		"what-can":           {"what-can", "ann"},
		"what-if":            {"what-if", "--user", "bob", "--profiles", "free"},
		"what-if, explained": {"what-if", "bob", "Users.View", "User/cog", "--user", "bob", "--profiles", "free"},
		"no such user":       {"check", "ann" + hostile + "?", "Users.View"},
		"no such instance":   {"check", "ann", "Users.View", "--instance", "i" + hostile},
		"no such flag":       {"check", "--" + hostile},
	} {
		t.Run(name, func(t *testing.T) {
			args = append(args, "--data", dir)
			if !strings.HasPrefix(name, "no such") {
				args = append(args, "--output", "table")
			}
			status, out, errs := command(t, args...)
			t.Logf("status %d\n%s%s", status, out, errs)
			if status == usageError && !strings.HasPrefix(name, "no such") {
				t.Errorf("the command is not understood: %s", errs)
			}
			for _, text := range []string{out, errs} {
				for i, r := range text {
					if r != '\n' && unsafe(r) || r == utf8.RuneError {
						t.Fatalf("%q is written as it is: …%q…", r, text[max(0, i-20):min(len(text), i+20)])
					}
				}
				for line := range strings.Lines(text) {
					if strings.HasPrefix(line, "FAKE") {
						t.Errorf("a name begins the line %q", line)
					}
				}
			}
			if !strings.Contains(out+errs, `\x1b[2J`) && name != "audit verify" {
				t.Error("the test shows no hostile text")
			}
		})
	}
}

// TestTextLogShowsTextsAsText expects the same of the text log.
func TestTextLogShowsTextsAsText(t *testing.T) {
	var out strings.Builder
	log := (&logFlags{LogLevel: "info", LogFormat: "text"}).newLogger(streams{errs: &out})
	log.Info("m"+hostile, "key"+hostile, hostile, "error", os.ErrNotExist, slog.Group("g"+hostile, "k", []string{hostile}))
	text := strings.TrimSuffix(out.String(), "\n")
	if text == "" || strings.IndexFunc(text, unsafe) >= 0 {
		t.Errorf("the log has %q", text)
	}
}
