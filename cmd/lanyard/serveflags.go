package main

import (
	"errors"
	"net"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/frontends"
)

type quotaFlags struct {
	Instances         int `help:"Instances of an account (2)." default:"0"`
	Profiles          int `help:"Security profiles of an instance (100)." default:"0"`
	Users             int `help:"Users of an instance (500)." default:"0"`
	Groups            int `help:"Hierarchy groups of an instance (500)." default:"0"`
	Queues            int `help:"Queues of an instance (50)." default:"0"`
	RoutingProfiles   int `help:"Routing profiles of an instance (100)." default:"0"`
	Hours             int `help:"Hours of operation of an instance (100)." default:"0"`
	Modules           int `help:"Flow modules of an instance (200)." default:"0"`
	QuickConnects     int `help:"Quick connects of an instance (100)." default:"0"`
	DataTables        int `help:"Data tables of an instance (100)." default:"0"`
	Attributes        int `help:"Attributes of a data table (100)." default:"0" name:"attributes-per-data-table"`
	Primary           int `help:"Primary attributes of a data table (5)." default:"0" placeholder:"N" name:"primary-attributes-per-data-table"`
	Values            int `help:"Values of a data table, counting each attribute of each row (1000)." default:"0" name:"values-per-data-table"`
	QueuesPerProfile  int `help:"Queues of a routing profile, counting each channel (50)." default:"0" name:"queues-per-routing-profile"`
	AIAgents          int `help:"AI agents with profiles in an instance (10000)." default:"0" name:"ai-agents"`
	Documents         int `help:"Resources of each other type, such as flows or rules, in an instance (depends on the type)." default:"0"`
	RestrictedPerUser int `help:"Profiles with tag or hierarchy restrictions that one user may hold (3)." default:"0"`
}

// all are the quotas.
func (q *quotaFlags) all() []*int {
	return []*int{&q.Instances, &q.Profiles, &q.Users, &q.Groups, &q.Queues, &q.RoutingProfiles, &q.Hours, &q.Modules,
		&q.QuickConnects, &q.DataTables, &q.Attributes, &q.Primary, &q.Values, &q.QueuesPerProfile, &q.AIAgents,
		&q.Documents, &q.RestrictedPerUser}
}

func (q quotaFlags) quotas() control.Quotas {
	return control.Quotas{InstancesPerAccount: q.Instances, Profiles: q.Profiles, Users: q.Users, Groups: q.Groups,
		Queues:          q.Queues,
		RoutingProfiles: q.RoutingProfiles, Hours: q.Hours, Modules: q.Modules, QuickConnects: q.QuickConnects,
		DataTables: q.DataTables, AttributesPerTable: q.Attributes, PrimaryPerTable: q.Primary, ValuesPerTable: q.Values,
		QueuesPerRoutingProfile: q.QueuesPerProfile, AIAgents: q.AIAgents, Documents: q.Documents,
		RestrictedProfilesPerUser: q.RestrictedPerUser}
}

// checkFlags refuses combinations that cannot be meant.
func (c *serveCmd) checkFlags() error {
	for _, check := range []func() error{
		c.checkRootKey, c.checkIdentity, c.checkListen, c.checkEmulator, c.checkSync,
		c.checkAudit, c.checkBounds, c.checkConsole,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *serveCmd) checkRootKey() error {
	id, secret := c.RootAccessKeyID, c.RootSecretAccessKey
	switch {
	case (id == "") != (secret == ""):
		return refuse("--root-access-key-id and --root-secret-access-key are required together, got only one")
	case id == "":
		return nil
	case len(id) < 16 || len(id) > 128 || strings.ContainsAny(id, "/ \t\r\n,="):
		return refuse("--root-access-key-id must be 16 to 128 characters with no spaces, slashes, commas or equals signs")
	case len(secret) < 16:
		return refuse("--root-secret-access-key must have at least 16 characters, got %d", len(secret))
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return refuse("--root-secret-access-key must be printable characters with no spaces")
	}
	return nil
}

// checkIdentity checks what the server stands for and where it keeps its data.
func (c *serveCmd) checkIdentity() error {
	if err := c.checkTLS(); err != nil {
		return err
	}
	if err := checkPlace(c.Account, c.Region); err != nil {
		return err
	}
	if !partitionForm.MatchString(c.Partition) {
		return refuse("--partition must be aws or a name that begins with aws-, such as aws-cn, got %q", c.Partition)
	}
	return errors.Join(checkServedStore(c.Store), notURL("--data", c.Data))
}

func (c *serveCmd) checkListen() error {
	if err := checkAddress(c.Listen); err != nil {
		return err
	}
	if c.NoAuth && !frontends.IsLoopback(c.Listen) {
		return refuse("--listen must be a loopback address when --no-auth is set, got %s, which others can reach", c.Listen)
	}
	return nil
}

// checkTLS checks that the flags are set together.
func (c *tlsFlags) checkTLS() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return refuse("--tls-cert and --tls-key are required together, got only one")
	}
	return nil
}

// checkAddress checks an address to listen on.
func checkAddress(listen string) error {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return refuse("--listen must be ADDRESS:PORT, such as 127.0.0.1:4580, got %q", listen)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return refuse("the port of --listen must be 0 to 65535, got %q", port)
	}
	return nil
}

// checkSync checks how the server keeps up with others.
func (c *serveCmd) checkSync() error {
	if c.Poll < time.Millisecond {
		return refuse("--poll must be 1ms or more, got %v", c.Poll)
	}
	if least := max(time.Second, 2*c.Poll); c.MaxStaleness < 0 || c.MaxStaleness > 0 && c.MaxStaleness < least {
		return refuse("--max-staleness must be 0s for no limit, or at least %v (a second, and twice --poll), got %v",
			least, c.MaxStaleness)
	}
	return nil
}

func (c *serveCmd) checkAudit() error {
	if _, err := c.retention(); err != nil {
		return refuse("--audit-keep-days, --audit-keep-events: %s", err)
	}
	if c.AuditKeepEvery < time.Second {
		return refuse("--audit-keep-every must be 1s or more, got %v", c.AuditKeepEvery)
	}
	return nil
}

func (c *serveCmd) checkBounds() error {
	switch {
	case c.Grace < 0:
		return refuse("--grace must be 0s or more, got %v", c.Grace)
	case c.MaxConnections < 1:
		return refuse("--max-connections must be 1 or more, got %d", c.MaxConnections)
	case c.MaxConnectionsPerAddress < 0:
		return refuse("--max-connections-per-address must be 0 for no limit, or more, got %d", c.MaxConnectionsPerAddress)
	case c.BodyMemory < awsapi.MaxBody || c.BodyMemory > 1<<40:
		return refuse("--body-memory must be 4MiB to 1TiB, got %d bytes", c.BodyMemory)
	}
	return nil
}

func checkPlace(account, region string) error {
	if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return refuse("--account must be an account id of twelve digits, got %q", account)
	}
	if !regionForm.MatchString(region) {
		return refuse("--region must be an AWS Region, such as us-east-1, got %q", region)
	}
	return nil
}
