package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
)

// savedVersion is the version of the form of saved plans.
const savedVersion = 1

// A saved plan is a Plan in a file. It has no values of NoEcho parameters, but their names.
type saved struct {
	LanyardPlan int       `json:"lanyardPlan"`
	Parameters  []string  `json:"parameters,omitempty"`
	Plan        *savePlan `json:"plan"`
}

type savePlan Plan

// MaxSaved bounds a saved plan, in bytes.
const MaxSaved = 64 << 20

// Save returns a plan as a file, which Load reads.
func (p *Plan) Save() ([]byte, error) {
	safe := *p
	b, err := json.Marshal(saved{LanyardPlan: savedVersion, Parameters: slices.Sorted(maps.Keys(p.secrets)),
		Plan: (*savePlan)(&safe)}, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	var members map[string]any
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, err
	}
	marked := withoutSecrets(members, p.secrets).(map[string]any)
	if names := members["parameters"]; names != nil {
		marked["parameters"] = names
	}
	restoreAddresses(object(marked["plan"]), object(members["plan"]))
	return json.Marshal(marked, json.Deterministic(true), jsontext.WithIndent(" "))
}

// restoreAddresses restores in a plan with marks what check checks: which operations it calls, and for which instance.
// A short secret may be a part of these texts.
func restoreAddresses(marked, plan map[string]any) {
	marked["instance"] = plan["instance"]
	calls := list(plan["calls"])
	for i, c := range list(marked["calls"]) {
		call, from := object(c), object(calls[i])
		call["operation"] = from["operation"]
		for _, name := range []string{"InstanceId", "resourceArn"} {
			if v, ok := object(from["input"])[name]; ok {
				object(call["input"])[name] = v
			}
		}
	}
}

// IsSaved reports whether a file is a saved plan rather than a template.
func IsSaved(content []byte) bool {
	var head struct {
		LanyardPlan int `json:"lanyardPlan"`
	}
	return strings.HasPrefix(strings.TrimSpace(string(content[:min(len(content), 64)])), "{") &&
		json.Unmarshal(content, &head) == nil && head.LanyardPlan > 0
}

// Load reads a saved plan. parameters are the values of the parameters that it names.
func Load(content []byte, parameters map[string]string) (*Plan, error) {
	if len(content) > MaxSaved {
		return nil, lanyard.Errorf(lanyard.Invalid, "a saved plan must have at most %d bytes, got %d", MaxSaved, len(content))
	}
	var s saved
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, fmt.Errorf("read the saved plan: %w", err)
	}
	if s.LanyardPlan != savedVersion || s.Plan == nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "lanyardPlan must be %d, got %d; make the plan with this version of lanyard",
			savedVersion, s.LanyardPlan)
	}
	p := (*Plan)(s.Plan)
	if err := p.check(); err != nil {
		return nil, err
	}
	secrets := map[string]string{}
	for _, name := range s.Parameters {
		v, ok := parameters[name]
		if !ok {
			return nil, lanyard.Errorf(lanyard.Invalid,
				"parameter %q is required; its value is not in the saved plan, so give it with --param %s=…", name, name)
		}
		secrets[name] = v
	}
	return p, p.addSecrets(secrets)
}

// addSecrets puts the values of NoEcho parameters in the place of their marks.
func (p *Plan) addSecrets(secrets map[string]string) error {
	if len(secrets) == 0 {
		return nil
	}
	b, err := json.Marshal((*savePlan)(p))
	if err != nil {
		return err
	}
	var members any
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	var pairs []string
	for name, value := range secrets {
		pairs = append(pairs, secretMark(name), value)
	}
	if b, err = json.Marshal(mapStrings(members, strings.NewReplacer(pairs...).Replace)); err != nil {
		return err
	}
	*p = Plan{secrets: secrets}
	return json.Unmarshal(b, (*savePlan)(p))
}

// check refuses a plan whose calls are not those of plans: it could have come from anywhere.
func (p *Plan) check() error {
	allowed := map[string]bool{"TagResource": true, "UntagResource": true, "CreateContactFlowModuleVersion": true,
		"AssociateSecurityProfiles": true, "DisassociateSecurityProfiles": true}
	for _, k := range kinds {
		stem := strings.TrimPrefix(k.name, prefix)
		allowed["Create"+stem], allowed[k.remove] = true, true
	}
	arn, err := lanyard.ParseARN(p.Instance)
	if err != nil {
		return fmt.Errorf("instance: %w", err)
	}
	for i, c := range p.Calls {
		if !allowed[c.Operation] && !isUpdate(c.Operation) {
			return lanyard.Errorf(lanyard.Invalid, "calls[%d].operation must be an operation of plans, got %s", i,
				lanyard.Quote(c.Operation))
		}
		instance, _ := c.Input["InstanceId"].(string)
		if of, ok := c.Input["resourceArn"].(string); ok {
			a, err := lanyard.ParseARN(of)
			if err == nil {
				instance = a.Instance
			}
		}
		if instance != arn.Instance {
			return lanyard.Errorf(lanyard.Invalid, "calls[%d].input must be about instance %s, got %s", i, arn.Instance,
				lanyard.Quote(instance))
		}
	}
	return nil
}

// isUpdate reports whether an operation changes a resource of a type of stacks.
func isUpdate(operation string) bool {
	for _, verb := range []string{"Update", "Associate", "Disassociate"} {
		rest, ok := strings.CutPrefix(operation, verb)
		for _, stem := range []string{"SecurityProfile", "User", "Queue", "RoutingProfile", "HoursOfOperation",
			"ContactFlowModule"} {
			if ok && strings.HasPrefix(rest, stem) {
				return true
			}
		}
	}
	return false
}
