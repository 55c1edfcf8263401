package control

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
)

// Flows are programs in the Flow language. Nothing here runs them: their form is checked, and that each step leads to a
// step that there is.

const (
	flowLanguage = "2019-10-30" // the only version of the language
	// maxProblems is how many problems the model lets an exception have.
	maxProblems = 50
	// The bounds of content and of the names of actions are documented; how many actions a flow has is not bounded.
	maxFlowContent = 256_000
	maxActionName  = 50
	badActionChars = `%:(\/)=$,;[]{}`
)

// badActionNames are documented not to be names of actions.
var badActionNames = []string{"__proto__", "constructor", "__defineGetter__", "__defineSetter__", "toString",
	"hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "valueOf"}

// A flowAction is a step of a flow, as far as its form is checked.
type flowAction struct {
	Identifier  *string
	Type        *string
	Parameters  jsontext.Value
	Transitions *flowTransitions
}

type flowTransitions struct {
	NextAction *string
	Errors     []struct {
		NextAction *string
		ErrorType  *string
	}
	Conditions []struct {
		NextAction *string
		Condition  jsontext.Value
	}
}

// problemList collects what is wrong with content.
type problemList []string

func (p *problemList) add(format string, args ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

// err is the error that has the problems; nil when there are none.
func (p problemList) err() error {
	if len(p) == 0 {
		return nil
	}
	const shown = 3 // in the message, which is all that many clients print
	e := lanyard.Errorf(lanyard.BadContent, "%s", strings.Join(p[:min(len(p), shown)], "; "))
	if len(p) > shown {
		e.Message += fmt.Sprintf("; problems that are not shown: %d", len(p)-shown)
	}
	e.Problems = p
	return e
}

// checkSavedFlow returns an error unless content is a JSON object: what is saved may be unfinished.
func checkSavedFlow(content string) error {
	var problems problemList
	var object map[string]jsontext.Value
	checkFlowText(&problems, content, &object)
	return problems.err()
}

// checkFlowText decodes content into to.
func checkFlowText(problems *problemList, content string, to any) {
	if n := utf8.RuneCountInString(content); n > maxFlowContent {
		problems.add("Content must be at most %d characters long, got %d", maxFlowContent, n)
		return
	}
	if !jsontext.Value(content).IsValid() || strings.TrimLeft(content, " \t\r\n")[0] != '{' {
		problems.add("Content must be a JSON object without duplicate names, got %s", lanyard.Quote(content))
		return
	}
	if err := json.Unmarshal([]byte(content), to); err != nil {
		problems.add("Content must have the form of the Flow language, got %s", typeProblem(err))
	}
}

// typeProblem says where a JSON value does not have the type that is expected there.
func typeProblem(err error) string {
	if e, ok := err.(*json.SemanticError); ok {
		return fmt.Sprintf("a value of the type %s at %q", e.JSONKind, lanyard.Clip(string(e.JSONPointer)))
	}
	return err.Error()
}

// checkFlow returns an error with everything that is wrong with the content of a flow that is to be published.
func checkFlow(content string) error {
	var problems problemList
	var flow struct {
		Version     *string
		StartAction *string
		Actions     []flowAction
	}
	if checkFlowText(&problems, content, &flow); len(problems) > 0 {
		return problems.err()
	}
	if flow.Version == nil || *flow.Version != flowLanguage {
		problems.add("Version must be %s, got %s", lanyard.Quote(flowLanguage), quoteOptional(flow.Version))
	}
	if len(flow.Actions) == 0 {
		problems.add("Actions must have at least one action, got none")
	}
	known := map[string]bool{}
	for i, a := range flow.Actions {
		checkActionName(&problems, i, a.Identifier, known)
	}
	leads := func(member string, to *string) {
		switch {
		case to == nil:
			problems.add("%s is required", member)
		case !known[*to]:
			problems.add("%s must be the Identifier of an action of the flow, got %s", member, lanyard.Quote(*to))
		}
	}
	leads("StartAction", flow.StartAction)
	for i, a := range flow.Actions {
		checkAction(&problems, fmt.Sprintf("Actions[%d]", i), a, leads)
	}
	return problems.err()
}

func quoteOptional(s *string) string {
	if s == nil {
		return "none"
	}
	return lanyard.Quote(*s)
}

func checkActionName(problems *problemList, i int, name *string, known map[string]bool) {
	switch {
	case name == nil:
		problems.add("Actions[%d].Identifier is required", i)
	case *name == "" || utf8.RuneCountInString(*name) > maxActionName || strings.ContainsAny(*name, badActionChars) ||
		slices.Contains(badActionNames, *name):
		problems.add("Actions[%d].Identifier must be 1 to %d characters other than %s and no name of JavaScript, got %s", i,
			maxActionName, badActionChars, lanyard.Quote(*name))
		known[*name] = true // one problem is enough
	case known[*name]:
		problems.add("Actions[%d].Identifier must be unique in the flow, got %s again", i, lanyard.Quote(*name))
	default:
		known[*name] = true
	}
}

// checkAction checks one action. leads checks a member that names the next action.
func checkAction(problems *problemList, at string, a flowAction, leads func(member string, to *string)) {
	if a.Type == nil || *a.Type == "" {
		problems.add("%s.Type is required", at)
	}
	if a.Parameters == nil {
		problems.add("%s.Parameters is required", at)
	} else if a.Parameters.Kind() != '{' {
		problems.add("%s.Parameters must be an object, got a value of the type %s", at, a.Parameters.Kind())
	}
	t := a.Transitions
	if t == nil {
		problems.add("%s.Transitions is required", at)
		return
	}
	at += ".Transitions"
	if t.NextAction != nil { // an action that ends the flow has none
		leads(at+".NextAction", t.NextAction)
	}
	for i, e := range t.Errors {
		if e.ErrorType == nil || *e.ErrorType == "" {
			problems.add("%s.Errors[%d].ErrorType is required", at, i)
		}
		leads(fmt.Sprintf("%s.Errors[%d].NextAction", at, i), e.NextAction)
	}
	for i, c := range t.Conditions {
		if c.Condition.Kind() != '{' {
			problems.add("%s.Conditions[%d].Condition must be an object, got %s", at, i, lanyard.Quote(string(c.Condition)))
		}
		leads(fmt.Sprintf("%s.Conditions[%d].NextAction", at, i), c.NextAction)
	}
}
