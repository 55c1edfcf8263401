package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/world"
)

// TestEmulatorReach lets others reach an emulator only where that was decided by somebody.
func TestEmulatorReach(t *testing.T) {
	for _, tt := range []struct {
		name, listen, container string
		network                 bool
		refused                 bool
	}{
		{"loopback", "127.0.0.1:4580", "", false, false},
		{"loopback, by name", "localhost:4580", "", false, false},
		{"loopback of IPv6", "[::1]:4580", "", false, false},
		{"all addresses", "0.0.0.0:4580", "", false, true},
		{"all addresses, none named", ":4580", "", false, true},
		{"all addresses of IPv6", "[::]:4580", "", false, true},
		{"an address of the network", "192.0.2.1:4580", "", false, true},
		{"a name that may be anything", "lanyard.example:4580", "", false, true},
		{"in a container", "0.0.0.0:4580", "/.dockerenv", false, false},
		{"by a flag", "0.0.0.0:4580", "", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &serveCmd{Listen: tt.listen}
			c.EmulatorNetwork = tt.network
			if err := c.checkReach(tt.container); (err != nil) != tt.refused {
				t.Errorf("got %v, refused should be %v", err, tt.refused)
			}
		})
	}
}

// TestKeptStateOnPostgres refuses what would delete the instances of others.
func TestKeptStateOnPostgres(t *testing.T) {
	k := &keptState{place: "postgres://db.example/lanyard", faults: new(fault.Set)}
	if err := k.Reset(context.Background(), world.Empty); lanyard.KindOf(err) != lanyard.Condition ||
		!strings.Contains(err.Error(), "an emulator on PostgreSQL cannot be reset") {
		t.Errorf("got %v", err)
	}
}

// TestSeedInstance finds out which instance a seed is for.
func TestSeedInstance(t *testing.T) {
	const arn = "arn:aws:connect:eu-west-2:111122223333:instance/5d1f4a3e-90b7-4c52-8a6d-2f6b1c7e9d10"
	declaring := "Parameters:\n  InstanceArn: {Type: String}\n"
	resource := "Resources:\n  P:\n    Type: AWS::Connect::SecurityProfile\n    Properties:\n      SecurityProfileName: P\n" +
		"      InstanceArn: "
	named := func(name string, templates ...string) (s *templateSeed, err error) {
		t.Helper()
		c := &serveCmd{Account: "123456789012", Region: "us-east-1", Partition: "aws"}
		folder := t.TempDir()
		for i, text := range templates {
			file := filepath.Join(folder, []string{"team_a.yaml", "b.yaml"}[i])
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c.Seed = append(c.Seed, file)
		}
		if value, ok := strings.CutPrefix(name, "parameter "); ok {
			c.Param = map[string]string{"InstanceArn": value}
		} else {
			c.SeedInstance = name
		}
		return c.readSeed()
	}
	for _, tt := range []struct {
		name, flag, template, arn, alias, refused string
	}{
		{"by the name of the file", "", declaring + resource + "!Ref InstanceArn\n",
			"arn:aws:connect:us-east-1:123456789012:instance/", "team-a", ""},
		{"by a literal ARN", "", resource + arn + "\n", arn, "instance-5d1f4a3e", ""},
		{"by a parameter", "parameter " + arn, declaring + resource + "!Ref InstanceArn\n", arn, "instance-5d1f4a3e", ""},
		{"by a flag", "support", resource + "!Ref X\n", "arn:aws:connect:us-east-1:123456789012:instance/", "support", ""},
		{"by a flag with an ARN", arn, declaring + resource + "!Ref InstanceArn\n", arn, "instance-5d1f4a3e", ""},
		{"an ARN of something else", arn + "/queue/x", declaring + resource + "!Ref InstanceArn\n", "", "",
			"must be an alias or the ARN of an instance"},
		{"an ARN whose id is none", arn[:len(arn)-4], declaring + resource + "!Ref InstanceArn\n", "", "",
			"must be an alias or the ARN of an instance"},
		{"an ARN of another partition", "", resource + strings.Replace(arn, "aws", "aws-cn", 1) + "\n", "", "",
			"--partition must be that of the instance of --seed, got aws and arn:aws-cn"},
		{"no alias", "a b", declaring + resource + "!Ref InstanceArn\n", "", "", "--seed-instance must be an ARN, or an alias"},
		{"an alias of a directory", "d-1", declaring + resource + "!Ref InstanceArn\n", "", "", "--seed-instance must be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := named(tt.flag, tt.template)
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("got %v, want a refusal that says %s", err, tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := s.arn.String(); !strings.HasPrefix(got, tt.arn) || s.alias != tt.alias {
				t.Errorf("the instance is %s, alias %s; want %s, alias %s", got, s.alias, tt.arn, tt.alias)
			}
			again, err := named(tt.flag, tt.template)
			if err != nil || again.arn != s.arn {
				t.Errorf("a second start has %v, %v; want the same id", again.arn, err)
			}
		})
	}
}

// TestVariables quotes what a data folder may be called, for each shell.
func TestVariables(t *testing.T) {
	v := variables{set: [][2]string{{"A", `/it's "$HOME" \ ’`}, {"B", "plain"}}, unset: []string{"C", "D"}}
	for _, tt := range []struct{ shell, got, want string }{
		{"posix", v.posix(), "export A='/it'\\''s \"$HOME\" \\ ’'\nexport B=plain\nunset C D\n"},
		{"fish", v.fish(), "set -gx A '/it\\'s \"$HOME\" \\\\ ’';\nset -gx B 'plain';\nset -e C D;\n"},
		{"PowerShell", v.powershell(), "$env:A = '/it''s \"$HOME\" \\ ’’'\n$env:B = 'plain'\n$env:C = $null\n$env:D = $null\n"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.shell, tt.got, tt.want)
		}
	}
}
