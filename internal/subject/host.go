package subject

import (
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/access"
)

// A Host holds the snapshots of a program in another language, by numbers, and answers its questions. It is what the
// WebAssembly module exports. It must be used by one goroutine at a time.
type Host struct {
	held []*held
	free []int
	q    questionReader
}

// held is a snapshot, or why there is none.
type held struct {
	snapshot *Snapshot
	fault    *Fault
	profiles []string
}

// A LoadRequest is a snapshot to hold, and for whom it must be.
type LoadRequest struct {
	Snapshot string   `json:"snapshot"`
	Keys     KeySet   `json:"keys"`
	Instance string   `json:"instance,omitempty"`
	Subject  QSubject `json:"subject,omitzero"`
	Now      float64  `json:"now"` // in milliseconds since 1970
}

// A QSubject is a subject as the decision API writes it.
type QSubject struct {
	Type      string `json:"type,omitempty"` // user, which is the default, or ai_agent
	ID        string `json:"id"`
	Assisting string `json:"assisting,omitempty"`
}

// The types of subjects.
const (
	TypeUser  = "user"
	TypeAgent = "ai_agent"
)

// Parse returns the subject that s names.
func (s QSubject) Parse() (access.Subject, bool) {
	out := access.Subject{ID: s.ID, Human: s.Assisting}
	switch s.Type {
	case "", TypeUser:
		return out, s.Assisting == ""
	case TypeAgent:
		out.Type = access.AIAgent
		return out, true
	}
	return out, false
}

// subjectOf writes a subject.
func subjectOf(s access.Subject) QSubject {
	out := QSubject{Type: TypeUser, ID: s.ID, Assisting: s.Human}
	if s.Type == access.AIAgent {
		out.Type = TypeAgent
	}
	return out
}

// Loaded describes a snapshot that is held, or says why there is none.
type Loaded struct {
	OK       bool     `json:"ok"`
	Reason   string   `json:"reason,omitempty"`
	Why      string   `json:"why,omitempty"`
	Instance string   `json:"instance,omitempty"`
	Subject  QSubject `json:"subject,omitzero"`
	Revision int64    `json:"revision,omitzero"`
	Issued   int64    `json:"issued,omitzero"` // in milliseconds since 1970
	Expires  int64    `json:"expires,omitzero"`
	Key      string   `json:"key,omitempty"`
	Profiles []string `json:"profiles,omitempty"`
}

// Load holds what a LoadRequest, as JSON, brings, and returns its number and what it is. What is of no use is held too,
// and denies everything.
func (h *Host) Load(request []byte) (int, []byte) {
	one, about := new(held), Loaded{}
	var r LoadRequest
	if err := json.Unmarshal(request, &r); err != nil {
		one.fault = &Fault{ReasonInvalid, "the request to load a subject snapshot cannot be read: " + err.Error()}
	} else if subject, ok := r.Subject.Parse(); !ok {
		one.fault = &Fault{ReasonSubject, "subject.type must be user or ai_agent, and assisting is for an ai_agent"}
	} else {
		one.open(&r, subject)
	}
	if one.fault != nil {
		about.Reason, about.Why = one.fault.Reason, one.fault.Text
	}
	if s := one.snapshot; s != nil {
		about = Loaded{OK: one.fault == nil, Reason: about.Reason, Why: about.Why, Instance: s.Claims.Rights.Instance,
			Subject: subjectOf(s.Subject()), Revision: s.Revision(), Issued: s.Claims.Issued * 1000,
			Expires: s.Claims.Expires * 1000, Key: s.Key, Profiles: one.profiles}
	}
	return h.hold(one), encode(&about)
}

// open verifies and compiles the snapshot of a request. One that is only too old or too new is kept: the clock may be
// set.
func (one *held) open(r *LoadRequest, subject access.Subject) {
	s, err := Open([]byte(r.Snapshot), r.Keys.Keys, Expected{r.Instance, subject}, atMillis(r.Now))
	if err != nil && !errors.As(err, &one.fault) {
		one.fault = &Fault{ReasonInvalid, err.Error()}
	}
	if s == nil || s.Solo == nil {
		return
	}
	one.snapshot = s
	for _, p := range s.Claims.Rights.Profiles {
		one.profiles = append(one.profiles, p.ID)
	}
	s.Claims.Rights = access.Rights{Instance: s.Claims.Rights.Instance} // compiled, so the rest is only in the way
}

func atMillis(ms float64) time.Time { return time.UnixMilli(int64(ms)) }

// hold keeps one under a number from 1 on.
func (h *Host) hold(one *held) int {
	if n := len(h.free); n > 0 {
		i := h.free[n-1]
		h.free = h.free[:n-1]
		h.held[i] = one
		return i + 1
	}
	h.held = append(h.held, one)
	return len(h.held)
}

// Free drops the snapshot with a number.
func (h *Host) Free(n int) {
	if n >= 1 && n <= len(h.held) && h.held[n-1] != nil {
		h.held[n-1] = nil
		h.free = append(h.free, n-1)
	}
}

// usable returns the snapshot with a number, or why there is none at a time.
func (h *Host) usable(n int, now float64) (*held, *Fault) {
	if n < 1 || n > len(h.held) || h.held[n-1] == nil {
		return nil, &Fault{ReasonMissing, "there is no subject snapshot"}
	}
	one := h.held[n-1]
	if one.snapshot == nil {
		return one, one.fault
	}
	if err := one.snapshot.Check(atMillis(now)); err != nil {
		f := new(Fault)
		errors.As(err, &f)
		return one, f
	}
	return one, nil
}

// A Code is a reason of decisions.
type Code struct {
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

// Codes are the reasons of decisions, in the order in which Decide numbers them.
var Codes = func() (all []Code) {
	for r := access.NotGranted; whys[r] != ""; r++ {
		all = append(all, Code{r.String(), whys[r]})
	}
	for _, reason := range []string{ReasonMissing, ReasonInvalid, ReasonForged, ReasonKey, ReasonExpired, ReasonEarly,
		ReasonSubject, ReasonInstance} {
		all = append(all, Code{Reason: reason})
	}
	return all
}()

// whys say what the reasons of the decision engine mean. Those of a Fault say it themselves.
var whys = map[access.Reason]string{
	access.NotGranted:      "no security profile of the subject grants it",
	access.Granted:         "a security profile of the subject grants it",
	access.ConditionFailed: "security profiles of the subject grant it, but not on this resource",
	access.UnknownSubject:  "there is no such subject, or it holds no security profile",
	access.UnknownAction:   "the action is neither in the permission catalogue nor in a security profile of the subject",
	access.UnknownResource: "the resource is not known; its id, and tags if the subject is restricted by them, are required",
	access.UnknownInstance: "the instance does not exist",
	access.WrongType:       "the permission is not about resources of that type",
	access.Restricted:      "a restricting permission takes it away",
	access.Unenforceable:   "two profiles with tags and hierarchy each cannot be enforced on reports",
	access.HumanDenied:     "the AI agent may, but the human whom it assists may not",
}

// codeOf returns the number of a reason.
func codeOf(reason string) int32 {
	return int32(slices.IndexFunc(Codes, func(c Code) bool { return c.Reason == reason }))
}

// BadQuestion is what Decide returns of a question that cannot be read.
const BadQuestion = -1

// Decide answers a question, in the form of questionReader, by the snapshot with a number at a time. Bit 0 of the
// answer says whether it is allowed, the next 7 bits are the reason, by its place in Codes, and the rest is the profile
// that allows it, by its place among those of Loaded and counted from 1; 0 is for none.
func (h *Host) Decide(n int, question []byte, now float64) int32 {
	if !h.q.read(question) {
		return BadQuestion
	}
	one, f := h.usable(n, now)
	if f != nil {
		return codeOf(f.Reason) << 1
	}
	d := one.snapshot.Decide(&h.q.query)
	code := int32(d.Reason) << 1
	if d.Allow {
		code |= 1
	}
	return code | int32(slices.Index(one.profiles, d.Profile)+1)<<8
}

// An Explained is a decision and why.
type Explained struct {
	Allow    bool      `json:"allow"`
	Reason   string    `json:"reason"`
	Profile  string    `json:"profile,omitempty"`
	Why      string    `json:"why"`
	Profiles []Finding `json:"profiles"`
	Hints    []string  `json:"hints"`
}

type (
	// A Finding is what one security profile contributes.
	Finding struct {
		Profile string      `json:"profile"`
		Name    string      `json:"name"`
		Holder  string      `json:"holder"`
		Grants  bool        `json:"grants"`
		Allows  bool        `json:"allows"`
		Failed  []Condition `json:"failed,omitempty"`
	}
	// A Condition is one that the resource does not meet.
	Condition struct {
		Kind string `json:"kind"`
		Want string `json:"want"`
		Have string `json:"have,omitempty"`
	}
)

// Explain answers a question as Decide does, and says why, as an Explained in JSON; nil for a question that cannot be
// read.
func (h *Host) Explain(n int, question []byte, now float64) []byte {
	if !h.q.read(question) {
		return nil
	}
	out := Explained{Profiles: []Finding{}, Hints: []string{}}
	one, f := h.usable(n, now)
	if f != nil {
		out.Reason, out.Why = f.Reason, f.Text
		return encode(&out)
	}
	x := one.snapshot.Explain(&h.q.query)
	out.Allow, out.Reason, out.Profile, out.Why = x.Allow, x.Reason.String(), x.Profile, x.Sentence
	out.Hints = append(out.Hints, x.Hints...)
	for _, p := range x.Profiles {
		found := Finding{Profile: p.Profile, Name: p.Name, Holder: p.Holder, Grants: p.Grants, Allows: p.Allows}
		for _, c := range p.Failed {
			found.Failed = append(found.Failed, Condition{c.Kind.String(), c.Want, c.Have})
		}
		out.Profiles = append(out.Profiles, found)
	}
	return encode(&out)
}

// encode writes an answer as JSON.
func encode(answer any) []byte {
	b, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		panic(err) // which is an error of ours; the host denies everything then
	}
	return b
}
