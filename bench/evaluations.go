package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/lanyard/lanyard/bench/peer"
)

// An exchange is a kind of request, sent over HTTP again and again.
type exchange struct {
	name      string
	clients   int
	decisions int // of a request
}

// The exchanges, in the order in which they come in a round.
const (
	trivialPost = iota
	verifiedPost
	decidedPost
	askedByToken
	askedSigned
	askedOPA
	askedOpenFGA
	batchOfOne
	batchOfMany
	whoCan
	exchanges
)

const (
	connections = 32
	batched     = 100 // decisions of a batch
	pageOf      = 100 // subjects of a search
	requests    = 1024
	noResource  = "Instance" // AuthZEN's type for questions about no resource
)

var exchanged = [exchanges]exchange{
	trivialPost:  {"trivial JSON handler of net/http", connections, 0},
	verifiedPost: {"the same, signature checked", connections, 0},
	decidedPost:  {"the same, signature checked, bare lookup", connections, 1},
	askedByToken: {"lanyard, evaluation, bearer token", connections, 1},
	askedSigned:  {"lanyard, evaluation, SigV4", connections, 1},
	askedOPA:     {"OPA's server", connections, 1},
	askedOpenFGA: {"OpenFGA's server, permissions only", connections, 1},
	batchOfOne:   {"lanyard, evaluations: one user and action, 100 resources", connections, batched},
	batchOfMany:  {"lanyard, evaluations: 100 different questions", connections, batched},
	whoCan:       {"lanyard, subject search, first 100", 1, 0},
}

// evaluations is what was found over HTTP.
type evaluations struct {
	users, fewUsers, manyUsers int // of the instances: of most, of OpenFGA's, of the search's
	missing                    [exchanges]string
	rounds                     [][exchanges]result
}

// A preparedExchange is an exchange with its requests and the answers that are expected.
type preparedExchange struct {
	addr     string
	requests func() ([][]byte, error) // made for each measurement: signatures grow old
	// expected are the answers, in the order of the requests; read takes those out of a body.
	expected any
	read     func(body []byte) (any, error)
}

// measureEvaluations asks lanyard's and other servers over HTTP.
func measureEvaluations(ctx context.Context, o options, bin, dir string) (*evaluations, error) {
	b := &testbed{o: o, bin: bin, dir: dir, found: &evaluations{users: tens, fewUsers: 100, manyUsers: o.search}}
	defer b.stop()
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	progress("asserting that all servers answer alike")
	for i, t := range b.prepared {
		if t == nil {
			continue
		}
		if err := t.checkAnswers(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", exchanged[i].name, err)
		}
	}
	for round := range o.rounds {
		var found [exchanges]result
		for i, t := range b.prepared {
			if t == nil {
				continue
			}
			e := exchanged[i]
			all, err := t.requests()
			if err != nil {
				return nil, err
			}
			var clients [][][]byte
			for c := range e.clients { // each begins elsewhere
				at := c * len(all) / e.clients
				clients = append(clients, slices.Concat(all[at:], all[:at]))
			}
			if found[i], err = load(ctx, o.step, clients, t.addr); err != nil {
				return nil, fmt.Errorf("%s: %w", e.name, err)
			}
			progress("round %d of %d: %-56s %3d clients %9s/s   p50 %-8v p99 %v", round+1, o.rounds, e.name, e.clients,
				thousands(found[i].rate), short(found[i].p50), short(found[i].p99))
		}
		b.found.rounds = append(b.found.rounds, found)
	}
	return b.found, nil
}

// checkAnswers sends each request once and compares the answers with those expected.
func (t *preparedExchange) checkAnswers(ctx context.Context) error {
	if t.read == nil {
		return nil
	}
	all, err := t.requests()
	if err != nil {
		return err
	}
	c, err := dial(ctx, t.addr)
	if err != nil {
		return err
	}
	defer c.c.Close()
	expected, err := json.Marshal(t.expected)
	if err != nil {
		return err
	}
	var one []json.RawMessage
	if err := json.Unmarshal(expected, &one); err != nil {
		return err
	}
	for i, r := range all {
		var body bytes.Buffer
		status, err := c.do(r, &body)
		if err != nil {
			return err
		}
		_, content, _ := bytes.Cut(r, []byte("\r\n\r\n"))
		if status != http.StatusOK {
			return fmt.Errorf("asked %s: status %d: %s", content, status, body.Bytes())
		}
		answer, err := t.read(body.Bytes())
		if err != nil {
			return fmt.Errorf("asked %s: %w: %s", content, err, body.Bytes())
		}
		if got, err := json.Marshal(answer); err != nil || !bytes.Equal(got, one[i]) {
			return fmt.Errorf("disagreement: asked %s, lanyard in process says %s, this one says %s", content, one[i], got)
		}
	}
	return nil
}

// evaluation is a question as AuthZEN has it.
func evaluation(q *peer.Question) object {
	kind := q.Type
	if kind == "" {
		kind = noResource
	}
	return object{"subject": object{"type": "user", "id": q.User}, "action": object{"name": q.Action},
		"resource": object{"type": kind, "id": q.Resource}}
}

// bearer makes the same requests every time, signatures new ones.
func bearer(addr, path, token string, bodies []any) func() ([][]byte, error) {
	return encoded(bodies, func(body any) ([]byte, error) { return bearing(addr, path, token, body) })
}

func signatures(addr, path string, bodies []any) func() ([][]byte, error) {
	return encoded(bodies, func(body any) ([]byte, error) { return signed(addr, http.MethodPost, path, body) })
}

func encoded(bodies []any, encode func(any) ([]byte, error)) func() ([][]byte, error) {
	return func() ([][]byte, error) {
		all := make([][]byte, len(bodies))
		for i, body := range bodies {
			var err error
			if all[i], err = encode(body); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
}

// readDecision reads the answer of any of the servers.
func readDecision(body []byte) (any, error) {
	var a struct {
		Decision *bool `json:"decision"` // AuthZEN
		Result   *bool `json:"result"`   // OPA
		Allowed  *bool `json:"allowed"`  // OpenFGA, which may leave out false
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	for _, p := range []*bool{a.Decision, a.Result, a.Allowed} {
		if p != nil {
			return *p, nil
		}
	}
	return nil, fmt.Errorf("no decision in the answer")
}

func readDecisions(body []byte) (any, error) {
	var a struct {
		Evaluations []struct{ Decision bool } `json:"evaluations"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	var all []bool
	for _, e := range a.Evaluations {
		all = append(all, e.Decision)
	}
	return all, nil
}

func readSubjects(body []byte) (any, error) {
	var a struct {
		Results []struct{ ID string } `json:"results"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	all := []string{}
	for _, r := range a.Results {
		all = append(all, r.ID)
	}
	return all, nil
}

// latency is the median of a round's p50, or p99, in a unit.
func (e *evaluations) latency(i int, f func(result) time.Duration) spread {
	var all []float64
	for _, r := range e.rounds {
		all = append(all, milliseconds(f(r[i])))
	}
	return newSpread(all)
}
