package console

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"

	strict "github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
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
		return nil, &failure{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "there is no such question"}
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
	status, body := s.Ask(ctx, v.in.ID, way.path, a.body)
	if status != http.StatusOK {
		return nil, asked(status, body)
	}
	if v.user == "" || a.rest == "evaluation" || a.rest == "actions" || a.rest == "effective" {
		return raw(body), nil
	}
	return v.filter(a.rest, body)
}

// asked makes a failure of the decision API's.
func asked(status int, body []byte) error {
	var message string
	if json.Unmarshal(body, &message) != nil {
		message = "the question cannot be answered"
	}
	code := map[int]string{http.StatusBadRequest: invalid, http.StatusNotFound: "ResourceNotFoundException", http.StatusForbidden: "AccessDeniedException",
		http.StatusConflict: "ResourceConflictException"}[status]
	if code == "" {
		status, code = http.StatusInternalServerError, internal
	}
	return &failure{Status: status, Code: code, Message: message}
}

// itself tells whether the question is about the viewer alone.
func (q *question) itself(v *viewer) bool {
	if q.Subject == nil || q.Subject.Type != "user" {
		return false
	}
	id, ok := v.User(q.Subject.ID)
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
		id, ok := v.User(q.Subject.ID)
		if !ok {
			id = q.Subject.ID
		}
		return subject, v.need(access.TypeUser, id)
	case "ai_agent":
		subject.Type = access.AIAgent
		if err := v.need(access.TypeAIAgent, q.Subject.ID); err != nil {
			return subject, err
		}
		if p := q.Subject.Properties; p != nil && p.Assisting != "" {
			id, ok := v.User(p.Assisting)
			if !ok {
				id = p.Assisting
			}
			subject.Human = id
			return subject, v.need(access.TypeUser, id)
		}
	default:
		return subject, lanyard.Errorf(lanyard.Invalid, "subject.type: %q is not accepted; user and ai_agent are", clip(q.Subject.Type))
	}
	return subject, nil
}

func mayEvaluate(ctx context.Context, s *Server, a *asking, v *viewer, q *question) error {
	explain := q.Context != nil && q.Context.Explain
	if explain && a.rest == "evaluation" {
		if err := mayExplain(ctx, s, a, v, q); err != nil {
			return err
		}
		return mayShow(v, q)
	}
	if q.itself(v) {
		return nil
	}
	_, err := mayAbout(v, q)
	return err
}

// mayShow asks for the right to view what a question is about: an explanation shows its tags and its
// group.
func mayShow(v *viewer, q *question) error {
	r := q.Resource
	if r == nil || r.Type == access.TypeAIAgent || r.Properties != nil && r.Properties.New {
		return nil
	}
	t := viewedType(r.Type)
	if views[t] == "" || r.Type == access.TypeFlowModule && (q.Action == nil || q.Action.Name == access.ActionInvoke) {
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
	profiles, _ := v.Held(subject)
	if subject.Human != "" {
		more, _ := v.Held(access.Subject{ID: subject.Human})
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
	if q.Subject != nil && q.Subject.Type == "ai_agent" {
		return v.holds(views[access.TypeAIAgent])
	}
	return v.holds(views[access.TypeUser])
}

func mayHolders(_ context.Context, _ *Server, _ *asking, v *viewer, q *question) error {
	if q.Resource == nil {
		return lanyard.Errorf(lanyard.Malformed, "resource: is required")
	}
	return v.need(access.TypeSecurityProfile, q.Resource.ID)
}

// mayPropose asks for what the operation itself would ask for.
func mayPropose(ctx context.Context, s *Server, a *asking, v *viewer, q *question) error {
	if q.Operation != "UpdateSecurityProfile" && q.Operation != "UpdateUserSecurityProfiles" {
		return lanyard.Errorf(lanyard.Invalid, "operation: UpdateSecurityProfile and UpdateUserSecurityProfiles are accepted")
	}
	// The difference shows the names of profiles, and who has them.
	if q.Subject != nil {
		if err := mayExplain(ctx, s, a, v, q); err != nil {
			return err
		}
		if err := mayShow(v, q); err != nil {
			return err
		}
	}
	got := s.Propose(ctx, Call{Operation: q.Operation, Input: q.Parameters, Caller: s.caller(a), Instance: v.in.ID, User: v.user})
	if got.Exception != "" {
		return got.failure()
	}
	return nil
}

// filter leaves out of results what the viewer may not see.
func (v *viewer) filter(kind string, body []byte) (any, error) {
	var answer map[string]json.RawMessage
	var results []json.RawMessage
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(answer["results"], &results); err != nil {
		return nil, err
	}
	var names struct {
		Profiles map[string]string `json:"profiles"`
	}
	if answer["context"] != nil {
		if err := json.Unmarshal(answer["context"], &names); err != nil {
			return nil, err
		}
	}
	kept, shown := []json.RawMessage{}, map[int]bool{}
	for _, r := range results {
		var e struct {
			Type       string         `json:"type"`
			ID         string         `json:"id"`
			Properties map[string]any `json:"properties"`
			Difference int            `json:"difference,omitzero"`
		}
		if err := json.Unmarshal(r, &e); err != nil {
			return nil, err
		}
		t := e.Type
		switch t {
		case "user":
			t = access.TypeUser
		case "ai_agent":
			t = access.TypeAIAgent
		default:
			t = viewedType(t)
		}
		if views[t] != "" && !v.sees(t, e.ID) {
			continue
		}
		if kind == "who-can" {
			v.filterProfiles(e.Properties, names.Profiles)
			b, err := json.Marshal(e)
			if err != nil {
				return nil, err
			}
			r = b
		}
		kept, shown[e.Difference] = append(kept, r), true
	}
	if kind == "who-can" {
		maps.DeleteFunc(names.Profiles, func(id, _ string) bool { return !v.sees(access.TypeSecurityProfile, id) })
		b, err := json.Marshal(names)
		if err != nil {
			return nil, err
		}
		answer["context"] = b
	}
	if kind == "what-if" {
		if err := v.filterDifferences(answer, shown); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	answer["results"] = b
	return answer, nil
}

// filterProfiles leaves out of what is said of somebody who can the profiles that the viewer may not see.
func (v *viewer) filterProfiles(of map[string]any, names map[string]string) {
	all, _ := of["profiles"].([]any)
	visible := []any{}
	for _, p := range all {
		if id, ok := p.(string); ok && v.sees(access.TypeSecurityProfile, id) {
			visible = append(visible, id)
		}
	}
	of["profiles"], of["profile_count"] = visible, len(visible)
	delete(of, "profile")
	delete(of, "profile_name")
	if len(visible) > 0 {
		of["profile"], of["profile_name"] = visible[0], names[visible[0].(string)]
	}
}

// filterDifferences empties the differences of those who are not shown, and leaves out of the others
// the names and conditions of profiles that the viewer may not see.
func (v *viewer) filterDifferences(answer map[string]json.RawMessage, shown map[int]bool) error {
	var all []map[string]any
	if err := json.Unmarshal(answer["differences"], &all); err != nil {
		return err
	}
	for i, d := range all {
		if !shown[i] {
			all[i] = map[string]any{"gains": []any{}, "loses": []any{}, "changes": []any{}}
			continue
		}
		v.redact(d)
	}
	b, err := json.Marshal(all)
	answer["differences"] = b
	return err
}

func (v *viewer) redact(value any) {
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			v.redact(one)
		}
	case map[string]any:
		if id, ok := value["profile"].(string); ok && !v.sees(access.TypeSecurityProfile, id) {
			value["name"], value["conditions"] = "", []any{}
		}
		for _, one := range value {
			v.redact(one)
		}
	}
}

// decodeQuestion reads what matters of a question. Members that it does not know are passed over.
func decodeQuestion(body []byte, q *question) error {
	if err := strict.Unmarshal(body, q); err != nil {
		return &failure{Status: http.StatusBadRequest, Code: invalid, Message: "the question cannot be read: " + err.Error()}
	}
	return nil
}
