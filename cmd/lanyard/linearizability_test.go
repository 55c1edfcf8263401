package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// TestLinearizability expects that concurrent calls to three servers on one database, which are killed at times, look
// as if they were made one after another, each at one moment between its request and its answer.
// LANYARD_LINEARIZABILITY asks for a longer time, and for failovers (make linearizability).
func TestLinearizability(t *testing.T) {
	t.Parallel()
	var primary, replica *pgtest.Server
	duration := 4 * time.Second
	if text := os.Getenv("LANYARD_LINEARIZABILITY"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil || duration <= 0 {
			t.Fatalf("LANYARD_LINEARIZABILITY=%q is not a time such as 5m", text)
		}
		primary = pgtest.Own(t)
		replica = primary.Replica(t, 0)
		primary.Synchronous(t)
	} else {
		primary = pgtest.Start(t)
	}
	c := newCluster(t, built(t, ""), primary, replica)
	var all checked
	for end, i := time.Now().Add(duration), 0; time.Now().Before(end); i++ {
		h := newHistory(t, c)
		part := min(4*time.Second, time.Until(end))
		port := c.primary.Port
		h.runClients(part, func(left func() bool) {
			for failover := replica != nil && i%2 == 1; left(); failover = false {
				time.Sleep(time.Duration(300+rand.IntN(700)) * time.Millisecond) // at any moment of the work
				if failover {
					c.failover()
				} else {
					c.kill(rand.IntN(3))
				}
			}
		})
		n := h.checkOrder()
		all.add(n)
		t.Logf("history %d: %v", i+1, n)
		for _, wrong := range h.wrong {
			t.Error(wrong)
		}
		if t.Failed() {
			return
		}
		if replica != nil && c.replica == nil {
			c.rejoin(port)
		}
	}
	t.Logf("all: %v; %d kills of servers, %d failovers", &all, c.kills, c.failovers)
	if all.decisions == 0 || all.operations == 0 {
		t.Error("nothing was checked")
	}
}

// TestLinearizabilityFindsFaults expects that the check fails with each of these faults.
func TestLinearizabilityFindsFaults(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t)
	for _, tt := range []struct {
		fault, in string
	}{
		{"lost-update", "calls"}, {"stale-read", "calls"}, {"stale-decision", "decisions"},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			c := newCluster(t, built(t, tt.fault), primary, nil)
			var all checked
			found := func(wrong string) bool {
				return strings.Contains(wrong, "the "+tt.in+" ") && strings.Contains(wrong, "not linearizable")
			}
			for range 10 { // nearly always the first will do
				h := newHistory(t, c)
				h.runClients(1500*time.Millisecond, func(func() bool) {})
				all.add(h.checkOrder())
				if i := slices.IndexFunc(h.wrong, found); i >= 0 {
					t.Logf("found in %v: %s", &all, h.wrong[i])
					return
				}
			}
			t.Errorf("%s is not found in the %s: %v", tt.fault, tt.in, &all)
		})
	}
}

// A history is a list of calls to an instance with their answers. Clients share its profiles: some
// are made and deleted all the time, others are held by a user for whom questions are decided.
type history struct {
	t        *testing.T
	cluster  *cluster
	instance string
	holders  map[string]string // user names by the names of held profiles
	manager  string            // a user who may see every profile there is
	began    time.Time

	told    atomic.Int64 // the newest revision that anybody was told
	stamp   atomic.Int64
	stopped atomic.Bool

	mu         sync.Mutex
	ids        map[string]string // of profiles by name, as last heard of
	operations map[string][]porcupine.Operation
	wrong      []string
	failed     int
	unknown    int
}

// freeNames are those of profiles that come and go, heldNames of those that stay.
var (
	freeNames = []string{"free 0", "free 1", "free 2", "free 3", "free 4", "free 5"}
	heldNames = []string{"held 0", "held 1"}
)

// Kinds of operations on one profile name.
const (
	creates   = "create"
	updates   = "update"
	deletes   = "delete"
	describes = "describe"     // the description
	lists     = "list rights"  // the permissions
	finds     = "find"         // the id
	decides   = "may see"      // whether a decision finds the profile there
	judges    = "what may the" // which permissions a decision finds in it
)

// An input is what was asked: text and rights are stamps, 0 what is left as it is.
type input struct {
	Kind, Name, ID string
	Text, Rights   int
}

// An output is what was answered.
type output struct {
	Outcome outcome
	There   bool
	ID      string
	Value   int
}

// register is a profile name: the zero value is one that no profile has.
type register struct {
	ID           string
	Text, Rights int
}

// model is one name as an implementation without any concurrency has it. An operation of unknown
// outcome never has to return, so that its moment may come at any time, or after everything.
var model = porcupine.Model{
	Init: func() any { return register{} },
	Step: func(state, in, out any) (bool, any) {
		s, i, o := state.(register), in.(input), out.(output)
		there := s.ID != "" && s.ID == i.ID
		open := o.Outcome == unknown
		switch i.Kind {
		case creates:
			free := s.ID == ""
			if free && o.Outcome != refused {
				return true, register{o.ID, i.Text, i.Rights}
			}
			return open || !free && o.Outcome == refused, s
		case updates:
			if there && o.Outcome != refused {
				if i.Text > 0 {
					s.Text = i.Text
				}
				if i.Rights > 0 {
					s.Rights = i.Rights
				}
				return true, s
			}
			return open || !there && o.Outcome == refused, s
		case deletes:
			if there && o.Outcome != refused {
				return true, register{}
			}
			return open || !there && o.Outcome == refused, s
		case describes:
			return there == o.There && (!there || s.Text == o.Value), s
		case lists:
			return there == o.There && (!there || s.Rights == o.Value), s
		case finds:
			return s.ID == o.ID, s
		case decides:
			return there == o.There, s
		case judges:
			return s.Rights == o.Value, s
		}
		return false, s
	},
	DescribeOperation: func(in, out any) string {
		i, o := in.(input), out.(output)
		return fmt.Sprintf("%s %.4s text %d rights %d: %v there %v %.4s %d", i.Kind, i.ID, i.Text, i.Rights, o.Outcome,
			o.There, o.ID, o.Value)
	},
	DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
}

func newHistory(t *testing.T, c *cluster) *history {
	t.Helper()
	h := &history{t: t, cluster: c, holders: map[string]string{}, began: time.Now(), ids: map[string]string{},
		operations: map[string][]porcupine.Operation{}}
	s := c.up[0].Load()
	var err error
	if h.instance, err = s.newInstance(fmt.Sprintf("history-%d", time.Now().UnixNano())); err != nil {
		t.Fatal(err)
	}
	var routing struct{ RoutingProfileSummaryList []struct{ Id string } }
	if err := s.get("GET", "/routing-profiles-summary/"+h.instance, "", &routing); err != nil {
		t.Fatal(err)
	}
	user := func(name, profile string) string {
		body := fmt.Sprintf(`{"Username":%q,"SecurityProfileIds":[%q],"RoutingProfileId":%q,"Password":"Passw0rd!","PhoneConfig":{"PhoneType":"SOFT_PHONE"}}`,
			name, profile, routing.RoutingProfileSummaryList[0].Id)
		if err := s.get("PUT", "/users/"+h.instance, body, nil); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for i, name := range heldNames {
		h.do(s, input{Kind: creates, Name: name, Text: h.nextStamp(), Rights: 1 + i})
		h.holders[name] = user(fmt.Sprintf("holder%d", i), h.ids[name])
	}
	var seer struct{ SecurityProfileId string }
	if err := s.get("PUT", "/security-profiles/"+h.instance,
		`{"SecurityProfileName":"seer","Permissions":["SecurityProfiles.View"]}`, &seer); err != nil {
		t.Fatal(err)
	}
	h.manager = user("manager", seer.SecurityProfileId)
	for i := range c.up { // have them all hold the instance in memory
		h.do(c.up[i].Load(), input{Kind: judges, Name: heldNames[0]})
	}
	return h
}

func (h *history) nextStamp() int { return int(h.stamp.Add(1)) }

// runClients calls from 12 clients while disturb disturbs the servers.
func (h *history) runClients(duration time.Duration, disturb func(left func() bool)) {
	end := time.Now().Add(duration)
	var clients sync.WaitGroup
	for range 12 {
		clients.Go(func() {
			for !h.stopped.Load() {
				s := h.cluster.any()
				if s == nil || !h.do(s, h.choose()) {
					time.Sleep(5 * time.Millisecond) // as clients do that get no answer
				}
			}
		})
	}
	disturb(func() bool { return time.Now().Before(end) })
	time.Sleep(time.Until(end)) // how long the history is to be
	h.stopped.Store(true)
	clients.Wait()
}

// choose draws an operation.
func (h *history) choose() input {
	i := input{Name: heldNames[rand.IntN(len(heldNames))]}
	free := rand.IntN(3) > 0
	if free {
		i.Name = freeNames[rand.IntN(len(freeNames))]
	}
	h.mu.Lock()
	i.ID = h.ids[i.Name]
	h.mu.Unlock()
	switch n := rand.IntN(100); {
	case free && i.ID == "" && n < 50:
		i.Kind = finds
	case free && (i.ID == "" || n < 10):
		i.Kind = creates
	case free && n < 20:
		i.Kind = deletes
	case n < 40:
		i.Kind = updates
	case n < 60:
		i.Kind = describes
	case n < 70:
		i.Kind = lists
	case free && n < 75:
		i.Kind = finds
	case free:
		i.Kind = decides
	default:
		i.Kind = judges
	}
	if i.Kind == creates || i.Kind == updates {
		which := rand.IntN(3) // one, the other or both
		if i.Kind == creates || which != 0 {
			i.Text = h.nextStamp()
		}
		if i.Kind == creates || which != 1 {
			i.Rights = 1 + h.nextStamp()%(1<<len(crashPermissions)-1)
		}
	}
	return i
}

// do makes a call and records its outcome. It reports whether the call was answered.
func (h *history) do(s *server, i input) bool {
	op := porcupine.Operation{Input: i, Call: time.Since(h.began).Nanoseconds()}
	told := h.told.Load() // by now: whatever was answered before this call began
	r := h.call(s, i, told)
	o, revision := r.output, r.revision
	if revision > 0 {
		for was := h.told.Load(); was < revision && !h.told.CompareAndSwap(was, revision); was = h.told.Load() {
		}
	}
	op.Return = time.Since(h.began).Nanoseconds()
	h.mu.Lock()
	defer h.mu.Unlock()
	reads := i.Kind != creates && i.Kind != updates && i.Kind != deletes
	switch {
	case o.Outcome == unknown && !reads:
		h.unknown++
		op.Return = math.MaxInt64
	case o.Outcome == unknown || o.Outcome == failed:
		h.failed++
		return false // it did nothing, or at least that is what was promised
	case o.Outcome == done && reads, i.Kind == describes, i.Kind == lists:
	case o.Outcome == refused && reads:
		if r.status != http.StatusConflict { // the revision did not come in time
			h.wrong = append(h.wrong, fmt.Sprintf("%+v answers %d %s %v", i, r.status, r.answer, r.err))
		}
		h.failed++
		return false
	}
	if (i.Kind == decides || i.Kind == judges) && revision < told {
		h.wrong = append(h.wrong, fmt.Sprintf("%+v asks for revision %d or later, and is answered from %d", i, told, revision))
	}
	switch {
	case i.Kind == creates && o.Outcome == done, i.Kind == finds:
		h.ids[i.Name] = o.ID
	case i.Kind == creates && o.Outcome == refused && h.ids[i.Name] == i.ID && rand.IntN(4) == 0:
		h.ids[i.Name] = "" // perhaps it is of another id
	}
	op.Output = o
	h.operations[i.Name] = append(h.operations[i.Name], op)
	return o.Outcome != unknown
}

// A reply is what a call was answered, with the revision of the answer if it has one.
type reply struct {
	output
	revision int64
	status   int
	answer   string
	err      error
}

// call makes a call.
func (h *history) call(s *server, i input, told int64) reply {
	var r reply
	path := "/security-profiles/" + h.instance
	members := map[string]any{}
	if i.Text > 0 {
		members["Description"] = strconv.Itoa(i.Text)
	}
	if i.Rights > 0 {
		members["Permissions"] = stampPermissions(i.Rights)
	}
	method, body := "GET", ""
	switch i.Kind {
	case creates:
		members["SecurityProfileName"] = i.Name
		method, body = "PUT", encoded(members)
	case updates:
		method, path, body = "POST", path+"/"+i.ID, encoded(members)
	case deletes:
		method, path = "DELETE", path+"/"+i.ID
	case describes:
		path += "/" + i.ID
	case lists:
		path = "/security-profiles-permissions/" + h.instance + "/" + i.ID + "?maxResults=100"
	case finds:
		path = "/security-profiles-summary/" + h.instance + "?maxResults=100"
	case decides:
		method, path = "POST", "/instances/"+h.instance+"/access/v1/evaluation"
		body = fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"SecurityProfiles.View"},"resource":{"type":"SecurityProfile","id":%q},"context":{"at_least_revision":%d}}`,
			h.manager, i.ID, told)
	case judges:
		method, path = "POST", "/instances/"+h.instance+"/access/v1/evaluations"
		var questions []any
		for _, p := range crashPermissions {
			questions = append(questions, map[string]any{"action": map[string]any{"name": p}})
		}
		body = fmt.Sprintf(`{"subject":{"type":"user","id":%q},"resource":{"type":"Instance","id":""},"evaluations":%s,"context":{"at_least_revision":%d}}`,
			h.holders[i.Name], encoded(questions), told)
	}
	req, err := s.request(method, path, body)
	if err != nil {
		return reply{output: output{Outcome: failed}, err: err}
	}
	res, err := s.client.Do(req)
	r.err = err
	if r.err == nil {
		var b []byte
		b, r.err = io.ReadAll(res.Body)
		res.Body.Close()
		r.status, r.answer = res.StatusCode, string(b)
	}
	r.Outcome = outcomeOf(r.status, r.answer, r.err)
	if i.Kind != creates && r.Outcome == refused && r.status == http.StatusNotFound {
		return r // not there
	}
	if r.Outcome != done {
		if r.Outcome == refused && !(i.Kind == creates && strings.Contains(r.answer, "exists")) &&
			r.status != http.StatusConflict {
			h.mu.Lock()
			h.wrong = append(h.wrong, fmt.Sprintf("%+v answers %d %s", i, r.status, r.answer))
			h.mu.Unlock()
		}
		return r
	}
	type decision struct {
		Decision bool
		Context  struct{ Revision int64 }
	}
	var out struct {
		SecurityProfileId          string
		SecurityProfile            struct{ Description string }
		Permissions                []string
		SecurityProfileSummaryList []struct{ Id, Name string }
		Evaluations                []decision
		decision
	}
	if r.answer != "" {
		if r.err = json.Unmarshal([]byte(r.answer), &out); r.err != nil {
			h.t.Errorf("%+v answers %s: %v", i, r.answer, r.err)
		}
	}
	r.There = true
	switch i.Kind {
	case creates:
		r.ID = out.SecurityProfileId
	case describes:
		r.Value, r.err = strconv.Atoi(out.SecurityProfile.Description)
	case lists:
		for n, p := range crashPermissions {
			if slices.Contains(out.Permissions, p) {
				r.Value |= 1 << n
			}
		}
	case finds:
		for _, p := range out.SecurityProfileSummaryList {
			if p.Name == i.Name {
				r.ID = p.Id
			}
		}
	case decides:
		r.There, r.revision = out.Decision, out.Context.Revision
	case judges:
		for n, d := range out.Evaluations {
			if r.revision = d.Context.Revision; d.Decision {
				r.Value |= 1 << n
			}
		}
	}
	if n := res.Header.Get("X-Lanyard-Revision"); n != "" {
		r.revision, r.err = strconv.ParseInt(n, 10, 64)
	}
	return r
}

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings encode
	}
	return string(b)
}

// checked counts what was.
type checked struct {
	operations, decisions, unknown, failed, partitions, events int
	longest                                                    time.Duration
}

func (n *checked) add(m *checked) {
	n.operations += m.operations
	n.decisions += m.decisions
	n.unknown += m.unknown
	n.failed += m.failed
	n.partitions += m.partitions
	n.events += m.events
	n.longest = max(n.longest, m.longest)
}

func (n *checked) String() string {
	return fmt.Sprintf("%d operations, of which %d decisions, %d of unknown outcome; %d more failed; %d partitions checked, the longest in %v; %d events",
		n.operations, n.decisions, n.unknown, n.failed, n.partitions, n.longest.Round(time.Millisecond), n.events)
}

// checkOrder looks for an order of the operations that explains every answer. Reads from the store, and
// refusals, are in one history with the changes, decisions in another: what a read shows of a change
// that is not acknowledged yet has no revision that a question could carry.
func (h *history) checkOrder() *checked {
	n := &checked{unknown: h.unknown, failed: h.failed}
	events, err := h.cluster.events(h.instance)
	if err != nil {
		h.wrong = append(h.wrong, err.Error())
	}
	n.events = len(events)
	made := map[string]string{} // ids by the description that they were made with
	for _, e := range events {
		if e.Operation == "CreateSecurityProfile" && len(e.Changes) == 1 {
			made[e.Changes[0].After.Description] = e.Changes[0].ID
		}
	}
	if told := h.told.Load(); told > int64(len(events)) {
		h.wrong = append(h.wrong, fmt.Sprintf("revision %d was answered, of %d", told, len(events)))
	}
	for name, all := range h.operations {
		var calls, decisions []porcupine.Operation
		for _, op := range all {
			i, o := op.Input.(input), op.Output.(output)
			if i.Kind == creates && o.Outcome == unknown {
				// Nobody was told its id.
				if o.ID = made[strconv.Itoa(i.Text)]; o.ID == "" {
					o.ID = "made by nobody"
				}
				op.Output = o
			}
			switch {
			case i.Kind == decides || i.Kind == judges:
				n.decisions++
				decisions = append(decisions, op)
			case i.Kind == describes || i.Kind == lists || i.Kind == finds || o.Outcome == refused:
				calls = append(calls, op)
			default:
				calls, decisions = append(calls, op), append(decisions, op)
			}
		}
		n.operations += len(all)
		for what, list := range map[string][]porcupine.Operation{"calls": calls, "decisions": decisions} {
			n.partitions++
			began := time.Now()
			result, info := porcupine.CheckOperationsVerbose(model, list, time.Minute)
			n.longest = max(n.longest, time.Since(began))
			switch result {
			case porcupine.Illegal:
				wrong := fmt.Sprintf("the %s of profile %q are not linearizable", what, name)
				if file, err := picture(info); err == nil {
					wrong += "; see " + file
				}
				h.wrong = append(h.wrong, wrong)
			case porcupine.Unknown:
				h.wrong = append(h.wrong,
					fmt.Sprintf("it takes too long to find out about %d %s of profile %q", len(list), what, name))
			}
		}
	}
	return n
}

// picture draws a history to the folder LANYARD_PICTURES.
func picture(info porcupine.LinearizationInfo) (string, error) {
	dir := os.Getenv("LANYARD_PICTURES")
	if dir == "" {
		return "", errors.New("no pictures were asked for")
	}
	f, err := os.CreateTemp(dir, "history-*.html")
	if err != nil {
		return "", err
	}
	defer f.Close()
	return f.Name(), porcupine.Visualize(model, info, f)
}
