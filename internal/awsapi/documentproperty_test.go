package awsapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// notDocuments are the types whose members have rules of their own, which have tests of their own.
var notDocuments = []string{"SecurityProfile", "User", "UserHierarchyGroup", "Queue", "RoutingProfile",
	"HoursOfOperation", "QuickConnect", "ContactFlowModule", "ContactFlowModuleAlias", "DataTable", "DataTableAttribute",
	"Rule", "Notification", "EvaluationForm", "HoursOfOperationOverride"} // of the last four, random members never agree

// Whatever the model lets a document have comes back as it was sent: Describe answers each member of the Create that it
// has a word for. Types are found in the model.
func TestDocumentsComeBackAsTheyWereSent(t *testing.T) {
	nouns := 0
	for _, op := range model.Operations {
		noun, ok := strings.CutPrefix(op.Name, "Create")
		if !ok || op.Service != model.Served || !serves("Describe"+noun) || slices.Contains(notDocuments, noun) {
			continue
		}
		nouns++
		t.Run(noun, func(t *testing.T) {
			r := newRoundTrip(t, noun)
			tried, accepted := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				sent := r.draw(t)
				x := r.do("Create"+noun, sent)
				if tried++; x.status >= 500 && x.status != http.StatusNotImplemented {
					t.Fatalf("Create%s %s = %d %s", noun, x.body, x.status, x.answer)
				}
				if x.status != 200 {
					return // it is not what the model can say
				}
				accepted++
				label := members{r.label: idOf(x.ok(), r.label)}
				if v := sent[r.label]; v != nil { // it is known by its name
					label[r.label] = v
				}
				for _, l := range labelsOf("Create" + noun) {
					label[l] = sent[l]
				}
				if sent["Status"] == "SAVED" {
					label[r.label] = label[r.label].(string) + ":$SAVED"
				}
				got := r.described(label)
				for name, v := range taken(r.out, sent) {
					if v == "" || equal(v, members{}) || equal(v, []any{}) {
						continue // which may come back as nothing
					}
					if !contains(got[name], v) {
						t.Errorf("%s: %s was sent, %s came back", name, encode(v), encode(got[name]))
					}
				}
			})
			if served := r.do("Create"+noun, r.fresh(r.base())).status != http.StatusNotImplemented; served && accepted*3 < tried {
				t.Errorf("%d of %d documents were accepted, so little was compared", accepted, tried)
			}
		})
	}
	if nouns < 4 {
		t.Errorf("only %d types were found", nouns)
	}
}

// contains reports whether what came back is what was sent, but for members that have defaults.
func contains(got, sent any) bool {
	is, ok := got.(members)
	want, of := sent.(members)
	if !ok || !of {
		return equal(got, sent)
	}
	for name, v := range want {
		if !contains(is[name], v) {
			return false
		}
	}
	return true
}

// draw makes a request of random members.
func (r *roundTrip) draw(t *rapid.T) members {
	m := r.fresh(r.base())
	for name, ref := range r.create.Members {
		if ref.Location == "uri" || name == r.name || name == "ClientToken" || r.known[name] != nil {
			continue
		}
		if slices.Contains(r.create.Required, name) || rapid.Bool().Draw(t, name+" is there") {
			m[name] = drawShape(t, name, ref.Shape)
		}
	}
	return m
}

// drawShape draws a value of a shape; of those with patterns and rules of their own, the example.
func drawShape(t *rapid.T, member, name string) any {
	if v, ok := examples[name]; ok {
		return v
	}
	s := pinned().Shapes[name]
	low := func(least int) int {
		if s.Min != nil {
			return max(least, int(*s.Min))
		}
		return least
	}
	high := func(most int) int {
		if s.Max != nil && *s.Max > 0 {
			return max(low(0), min(most, int(*s.Max)))
		}
		return max(low(0), most)
	}
	switch s.Type {
	case "structure":
		m := members{}
		for inner, ref := range s.Members {
			if slices.Contains(s.Required, inner) || rapid.Bool().Draw(t, member+"."+inner+" is there") {
				m[inner] = drawShape(t, member+"."+inner, ref.Shape)
			}
		}
		return m
	case "list":
		list := []any{}
		for range rapid.IntRange(low(0), high(3)).Draw(t, member+" items") {
			list = append(list, drawShape(t, member, s.Member.Shape))
		}
		return list
	case "map":
		m := members{}
		for range rapid.IntRange(low(0), high(3)).Draw(t, member+" entries") {
			key, _ := drawShape(t, member+" key", s.Key.Shape).(string)
			m[key] = drawShape(t, member+" value", s.Value.Shape)
		}
		return m
	case "string":
		switch {
		case len(s.Enum) > 0:
			return rapid.SampledFrom(s.Enum).Draw(t, member)
		case s.Pattern != "":
			return rapid.StringMatching(`[a-zA-Z0-9]{2,8}`).Draw(t, member)
		}
		return rapid.StringOfN(rapid.RuneFrom([]rune("aZ09 -_.äß국עa\"\\<>&'")), low(1), high(40), -1).Draw(t, member)
	case "boolean":
		return rapid.Bool().Draw(t, member)
	case "timestamp":
		return float64(rapid.IntRange(1.5e9, 2e9).Draw(t, member))
	}
	return rapid.IntRange(low(0), high(1000)).Draw(t, member)
}
