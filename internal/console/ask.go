package console

import (
	"context"
	"encoding/json"
	"net/http"

	strict "github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/httpstatus"
)

// questions are where the questions of the page go, and who may ask them.
var questions = map[string]struct {
	path string
	may  func(ctx context.Context, s *Server, a *asking, v *viewer, q *question) error
}{
	"evaluation": {"/access/v1/evaluation", mayEvaluate},
	"effective":  {"/access/v1/effective", mayExplain},
	"who-can":    {"/access/v1/search/subject", mayWhoCan},
	"resources":  {"/access/v1/search/resource", mayEvaluate},
	"actions":    {"/access/v1/search/action", mayEvaluate},
	"holders":    {"/access/v1/holders", mayHolders},
	"lookup":     {"/access/v1/lookup", func(context.Context, *Server, *asking, *viewer, *question) error { return nil }},
	"what-if":    {"/access/v1/what-if", mayPropose},
}

// question is what of a question matters to whether it may be asked.
type question struct {
	Subject *struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Properties *struct {
			Assisting string `json:"assisting"`
		} `json:"properties"`
	} `json:"subject"`
	Resource *struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Properties *struct {
			New bool `json:"new"`
		} `json:"properties"`
	} `json:"resource"`
	Action *struct {
		Name string `json:"name"`
	} `json:"action"`
	Context *struct {
		Explain bool `json:"explain"`
	} `json:"context"`
	Operation  string          `json:"operation"`
	Parameters json.RawMessage `json:"parameters"`
}

// ask asks the decision API what the viewer may ask, and leaves out what the viewer may not see.
func (s *Server) ask(ctx context.Context, a *asking) (any, error) {
	way, ok := questions[a.rest]
	if !ok {
		return nil, &failure{Status: http.StatusNotFound, Code: "ResourceNotFoundException",
			Message: "there is no such question"}
	}
	v, err := s.view(ctx, a, a.http.URL.Query().Get("InstanceId"))
	if err != nil {
		return nil, err
	}
	if v.user != "" {
		// What is refused and what is asked must be read in the same way, so doubled members are refused
		// here as they are there.
		var q question
		if err := decodeQuestion(a.body, &q); err != nil {
			return nil, err
		}
		if err := way.may(ctx, s, a, v, &q); err != nil {
			return nil, err
		}
	}
	status, body := s.Ask(ctx, v.in.ID, way.path, a.body, v.sight())
	if status != http.StatusOK {
		return nil, asked(status, body)
	}
	return raw(body), nil
}

// sight reports what the viewer may see of a snapshot; nil for the operator, who may see everything.
func (v *viewer) sight() Sight {
	if v.user == "" {
		return nil
	}
	return func(s *access.Snapshot, resourceType, id string) bool {
		then := viewer{Snapshot: s, in: v.in, user: v.user}
		return then.sees(viewedType(resourceType), id)
	}
}

// asked makes a failure of the decision API's.
func asked(status int, body []byte) error {
	var message string
	if json.Unmarshal(body, &message) != nil {
		message = "the question cannot be answered"
	}
	f := &failure{Status: status, Message: message,
		Code: map[int]string{http.StatusBadRequest: invalid, http.StatusNotFound: "ResourceNotFoundException",
			http.StatusForbidden: "AccessDeniedException", http.StatusConflict: "ResourceConflictException",
			http.StatusTooManyRequests: "ThrottlingException", http.StatusServiceUnavailable: internal}[status]}
	f.RetryAfter = httpstatus.RetryAfter(status)
	if f.Code == "" {
		f.Status, f.Code = http.StatusInternalServerError, internal
	}
	return f
}

// itself tells whether the question is about the viewer alone.
func (q *question) itself(v *viewer) bool {
	if q.Subject == nil || q.Subject.Type != "user" {
		return false
	}
	id, ok := v.LookupUser(q.Subject.ID)
	return ok && id == v.user
}

// mayAbout asks for the right to view the subject.
func mayAbout(v *viewer, q *question) (subject access.Subject, err error) {
	if q.Subject == nil {
		return subject, lanyard.Errorf(lanyard.Malformed, "subject: is required")
	}
	subject.ID = q.Subject.ID
	switch q.Subject.Type {
	case "user":
		return subject, v.need(access.TypeUser, q.Subject.ID)
	case "ai_agent":
		subject.Type = access.AIAgent
		if err := v.need(access.TypeAIAgent, q.Subject.ID); err != nil {
			return subject, err
		}
		if p := q.Subject.Properties; p != nil && p.Assisting != "" {
			subject.Human = p.Assisting
			return subject, v.need(access.TypeUser, p.Assisting)
		}
	default:
		return subject, lanyard.Errorf(lanyard.Invalid, "subject.type: %q is not accepted; user and ai_agent are",
			lanyard.Clip(q.Subject.Type))
	}
	return subject, nil
}

// mayEvaluate asks for the right to view the subject, and what the question is about: whoever may not view
// that is told nothing of it, not even of themselves.
func mayEvaluate(ctx context.Context, s *Server, a *asking, v *viewer, q *question) error {
	if q.Context != nil && q.Context.Explain && a.rest == "evaluation" {
		if err := mayExplain(ctx, s, a, v, q); err != nil {
			return err
		}
	} else if !q.itself(v) {
		if _, err := mayAbout(v, q); err != nil {
			return err
		}
	}
	return mayShow(v, q)
}

// mayShow asks for the right to view what a question is about: by whom it can be reached, and why, tells
// its tags and its group. Nobody needs a right to ask about themselves.
func mayShow(v *viewer, q *question) error {
	r := q.Resource
	if r == nil || r.ID == "" || r.Type == access.TypeAIAgent || r.Properties != nil && r.Properties.New {
		return nil
	}
	t := viewedType(r.Type)
	if views[t] == "" || r.Type == access.TypeFlowModule && (q.Action == nil || q.Action.Name == access.ActionInvoke) {
		return nil
	}
	if id, ok := v.LookupUser(r.ID); t == access.TypeUser && ok && id == v.user {
		return nil
	}
	return v.need(t, r.ID)
}

// viewedType is the name under which views has a type that a question may call by another.
func viewedType(name string) string {
	if t, ok := lanyard.RestrictedType(name); ok {
		return t
	}
	return name
}

// mayExplain asks for the right to view the subject and every profile of it.
func mayExplain(_ context.Context, _ *Server, _ *asking, v *viewer, q *question) error {
	if q.itself(v) {
		return nil
	}
	subject, err := mayAbout(v, q)
	if err != nil {
		return err
	}
	profiles, _ := v.ProfilesOf(subject)
	if subject.Human != "" {
		more, _ := v.ProfilesOf(access.Subject{ID: subject.Human})
		profiles = append(profiles, more...)
	}
	for _, p := range profiles {
		if err := v.need(access.TypeSecurityProfile, p); err != nil {
			return err
		}
	}
	return nil
}

func mayWhoCan(_ context.Context, _ *Server, _ *asking, v *viewer, q *question) error {
	t := access.TypeUser
	if q.Subject != nil && q.Subject.Type == "ai_agent" {
		t = access.TypeAIAgent
	}
	if err := v.holds(views[t]); err != nil {
		return err
	}
	return mayShow(v, q)
}

func mayHolders(_ context.Context, _ *Server, _ *asking, v *viewer, q *question) error {
	if q.Resource == nil {
		return lanyard.Errorf(lanyard.Malformed, "resource: is required")
	}
	return v.need(access.TypeSecurityProfile, q.Resource.ID)
}

// mayPropose asks for what the operation itself would ask for, which is recorded when it is refused, and
// for the right to view what would be changed.
func mayPropose(ctx context.Context, s *Server, a *asking, v *viewer, q *question) error {
	if q.Operation != "UpdateSecurityProfile" && q.Operation != "UpdateUserSecurityProfiles" {
		return lanyard.Errorf(lanyard.Invalid, "operation: UpdateSecurityProfile and UpdateUserSecurityProfiles are accepted")
	}
	got := s.Propose(ctx,
		Call{Operation: q.Operation, Input: q.Parameters, Caller: s.caller(a), Instance: v.in.ID, User: v.user})
	if got.Exception != "" {
		return got.failure()
	}
	var in struct {
		SecurityProfileID  string   `json:"SecurityProfileId"`
		UserID             string   `json:"UserId"`
		SecurityProfileIDs []string `json:"SecurityProfileIds"`
	}
	if err := decodeQuestion(q.Parameters, &in); err != nil {
		return err
	}
	about, t, err := in.SecurityProfileID, access.TypeSecurityProfile, error(nil)
	if q.Operation == "UpdateUserSecurityProfiles" {
		about, t = in.UserID, access.TypeUser
	}
	if err := v.needRef(t, about); err != nil || q.Subject == nil {
		return err
	}
	// The answers to a question, as things are and as they would be, rest on all of the subject's profiles.
	if err = mayExplain(ctx, s, a, v, q); err == nil {
		err = mayShow(v, q)
	}
	for _, p := range in.SecurityProfileIDs {
		if err == nil {
			err = v.needRef(access.TypeSecurityProfile, p)
		}
	}
	return err
}

// needRef is need for what an id or ARN names.
func (v *viewer) needRef(resourceType, ref string) error {
	id, err := v.id(ref)
	if err != nil {
		return err
	}
	return v.need(resourceType, id)
}

// decodeQuestion reads what matters of a question. Members that it does not know are passed over.
func decodeQuestion(body []byte, q any) error {
	if err := strict.Unmarshal(body, q); err != nil {
		return &failure{Status: http.StatusBadRequest, Code: invalid, Message: "the question cannot be read: " + err.Error()}
	}
	return nil
}
