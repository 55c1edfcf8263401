package authority

import (
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gateway"
)

// The paths below the management API at which a server answers a Remote. Each takes a POST with one of the questions
// below as its body.
const (
	PathDecide   = "gateway/decide"
	PathRefusal  = "gateway/refusal"
	PathNext     = "gateway/next"
	PathToken    = "gateway/token"
	PathInstance = "gateway/instance"
	PathUser     = "gateway/user"
	PathRecord   = "gateway/record"
)

type (
	// Who is a gateway.Caller as far as decisions are about it.
	Who struct{ Account, Instance, Agent, User string }

	// DecideQuestion asks for decisions.
	DecideQuestion struct {
		Who
		Rights []gateway.Right
	}
	// Decisions answers a DecideQuestion, in order and from one state, which was altered last at a revision.
	Decisions struct {
		Altered   int64
		Decisions []gateway.Decision
	}

	// RefusalQuestion asks for the words of a refusal.
	RefusalQuestion struct {
		Who
		Right gateway.Right
	}
	// Refusal answers a RefusalQuestion.
	Refusal struct{ Text string }

	// NextQuestion asks at which revision something was changed last that decisions depend on, as soon as it is not the
	// one that is known, and after Wait at the latest, which is a bounded number of nanoseconds.
	NextQuestion struct {
		Account, Instance string
		Known             int64
		Wait              int64
	}
	// Next answers a NextQuestion.
	Next struct{ Altered int64 }

	// TokenQuestion asks for a token by the SHA-256 of its text, in hexadecimal.
	TokenQuestion struct{ Hash string }
	// Token answers a TokenQuestion: with the token, its hash left out, or why it is not valid.
	Token struct {
		Token   lanyard.Token
		Refused string
	}

	// InstanceQuestion asks for an instance by id or alias; "" stands for the server's account, and for its only
	// instance.
	InstanceQuestion struct{ Account, Ref string }

	// UserQuestion asks for a user by id or name.
	UserQuestion struct{ Account, Instance, Ref string }
	// RecordQuestion asks to store calls; see control.Service.RecordCalls.
	RecordQuestion struct {
		UserAgent string // of the gateway
		Batch     lanyard.CallBatch
	}
	// User answers a UserQuestion; the ID is "" when there is none.
	User struct{ ID string }
)

// MaxWait bounds how long a NextQuestion waits.
const MaxWait = 2 * time.Second

// MaxRights bounds a DecideQuestion.
const MaxRights = 10_000

// NewWho returns the Who of a caller.
func NewWho(c *gateway.Caller) Who { return Who{c.Account, c.Instance, c.Agent, c.User} }

// Caller is the inverse of NewWho.
func (w Who) Caller() *gateway.Caller {
	return &gateway.Caller{Account: w.Account, Instance: w.Instance, Agent: w.Agent, User: w.User}
}
