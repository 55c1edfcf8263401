package lanyard

import (
	"regexp"
	"strings"
)

// An ARN names a resource of an instance across accounts and regions:
//
//	arn:PARTITION:connect:REGION:ACCOUNT:instance/INSTANCE
//	arn:PARTITION:connect:REGION:ACCOUNT:instance/INSTANCE/TYPE/ID
//	arn:PARTITION:connect:REGION:ACCOUNT:phone-number/ID
//	arn:PARTITION:connect:REGION:ACCOUNT:traffic-distribution-group/ID
//
// The TYPE of the queue that a user has for themselves is of two words, queue/agent.
type ARN struct {
	Partition string // aws, aws-us-gov, aws-cn, …
	Region    string
	Account   string
	Instance  string
	Type      Type   // TypeInstance when the ARN names the instance itself
	ID        string // "" when the ARN names the instance itself
}

// The types that are only in ARNs and are not resources of their own.
const (
	TypeLevel      = Type("agent-group-level") // a level of the hierarchy, part of the Structure
	TypeAgentQueue = Type("queue/agent")       // the queue that a user has for themselves; its id is the user's
)

// apart has the types whose ARNs do not say of which instance they are.
var apart = map[Type]bool{TypePhoneNumber: true, TypeTrafficGroup: true}

// Apart reports whether ARNs of the type do not say of which instance they are: their Instance is "".
func (t Type) Apart() bool { return apart[t] }

// MayBeOf reports whether the ARN is that of an instance or of something in it, as far as it says so itself.
func (a ARN) MayBeOf(instance string) bool { return a.Instance == instance || a.Type.Apart() }

func (a ARN) String() string {
	s := "arn:" + a.Partition + ":connect:" + a.Region + ":" + a.Account + ":"
	if a.Type.Apart() {
		return s + string(a.Type) + "/" + a.ID
	}
	s += "instance/" + a.Instance
	if a.ID != "" {
		s += "/" + string(a.Type) + "/" + a.ID
	}
	return s
}

// IsARN reports whether s is meant as an ARN rather than an id: it begins with "arn:".
func IsARN(s string) bool { return strings.HasPrefix(s, "arn:") }

// MaxARN is the longest ARN, in bytes, that is read.
const MaxARN = 1011

// ParseARN parses the ARN of an instance or of a resource of one. The error matches ErrInvalid.
func ParseARN(s string) (ARN, error) {
	bad := func(problem string) (ARN, error) {
		return ARN{}, Errorf(Invalid,
			"must be an ARN of the form arn:PARTITION:connect:REGION:ACCOUNT:instance/INSTANCE[/TYPE/ID], got %q: %s", Clip(s),
			problem)
	}
	if len(s) > MaxARN {
		return bad("it is too long")
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return bad("it does not have six parts separated by colons")
	}
	if !strings.HasPrefix(parts[1], "aws") {
		return bad("its partition does not begin with aws")
	}
	if parts[2] != "connect" {
		return bad("its service is not connect")
	}
	if parts[3] == "" || len(parts[4]) != 12 || strings.Trim(parts[4], "0123456789") != "" {
		return bad("its region is empty or its account is not twelve digits")
	}
	a := ARN{Partition: parts[1], Region: parts[3], Account: parts[4]}
	path := strings.Split(parts[5], "/")
	if t := Type(path[0]); t.Apart() && len(path) == 2 && path[1] != "" {
		a.Type, a.ID = t, path[1]
		return a, nil
	}
	if path[0] != "instance" || len(path) < 2 || path[1] == "" {
		return bad("its resource does not begin with instance/INSTANCE")
	}
	a.Instance = path[1]
	switch len(path) {
	case 2:
		a.Type = TypeInstance
	case 4:
		a.Type, a.ID = Type(path[2]), path[3]
		if a.Type == "" || a.ID == "" {
			return bad("its type or id is empty")
		}
		if a.Type.Apart() {
			return bad("those of a " + a.Type.Word() + " are " + string(a.Type) + "/ID")
		}
	case 5:
		a.Type, a.ID = Type(path[2]+"/"+path[3]), path[4]
		if a.Type != TypeAgentQueue || a.ID == "" {
			return bad("its resource has five parts and is not instance/INSTANCE/queue/agent/ID")
		}
	default:
		return bad("its resource is not instance/INSTANCE or instance/INSTANCE/TYPE/ID")
	}
	return a, nil
}

// IsID reports whether a text has the form of the ids that resources are given: a UUID. Nothing may have a name of that
// form, or names could be taken for ids.
func IsID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// An AgentARN is where the ARN of an AI agent says that the agent is. AI agents are not resources of an instance.
type AgentARN struct{ Partition, Region, Account string }

var agentARN = regexp.MustCompile(`^arn:(aws(?:-[a-z-]+)?):wisdom:([a-z]{2,}(?:-[a-z]+)+-[0-9]):([0-9]{12}):` +
	`ai-agent/[A-Za-z0-9-]{1,128}/[A-Za-z0-9-]{1,128}(?::(?:\$LATEST|\$SAVED|[0-9]{1,10}))?$`)

// ParseAgentARN parses the ARN of an AI agent, which may have a qualifier. The error matches ErrInvalid.
func ParseAgentARN(s string) (AgentARN, error) {
	form := agentARN.FindStringSubmatch(s)
	if len(s) > MaxARN || form == nil {
		return AgentARN{}, Errorf(Invalid, "must be arn:PARTITION:wisdom:REGION:ACCOUNT:ai-agent/ASSISTANT/AGENT, with or "+
			"without :$LATEST, :$SAVED or :VERSION, got %s", Quote(s))
	}
	return AgentARN{form[1], form[2], form[3]}, nil
}
