package awsapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/awsapi/model/modeltest"
	"github.com/lanyard/lanyard/internal/control"
)

var post = &http.Request{Method: "POST"}

// bare server: enough to route, to decode and to read tokens.
func routing() *Server { return New(Config{TokenSecret: []byte("secret")}) }

func TestHandlersAndModelAgree(t *testing.T) {
	handlers := routing().handlers()
	for _, op := range model.Operations {
		_, has := handlers[op.Name]
		if has != (op.Service == model.Served) {
			t.Errorf("%s: has a handler: %v; is served by the model: %v", op.Name, has, op.Service == model.Served)
		}
		delete(handlers, op.Name)
		if op.Service == model.Empty {
			if err := modeltest.CheckOutput(op.Name, []byte(op.EmptyOutput)); err != nil {
				t.Error(err)
			}
		}
		if strings.Contains(op.Name, "SecurityProfile") && op.Service != model.Served {
			t.Errorf("%s is an operation on security profiles and is not served", op.Name)
		}
	}
	for name := range handlers {
		t.Errorf("%s has a handler and is no operation of the model", name)
	}
}

// common are the exceptions that any operation may answer with, declared or not.
var common = []string{"ThrottlingException", "AccessDeniedException", "UnsupportedOperationException",
	"UnknownOperationException"}

func TestEveryKindHasAnException(t *testing.T) {
	for _, k := range lanyard.Kinds() {
		if len(exceptions[k]) == 0 {
			t.Errorf("the kind %v has no exception", k)
			continue
		}
		for i := range model.Operations {
			op := &operation{Operation: &model.Operations[i]}
			// see exceptions
			if op.Service == model.NotServed && k != lanyard.NotServed || k == lanyard.Stale || k == lanyard.Untaggable {
				continue
			}
			e := exceptionFor(op, k)
			if !declares(op.Operation, e) && !slices.Contains(common, e.Name) {
				t.Errorf("%s does not declare %s, which it answers for %v", op.Name, e.Name, k)
			}
		}
		if e := exceptionFor(nil, k); e == nil || e.Status < 400 {
			t.Errorf("without an operation, %v is answered with %v", k, e)
		}
	}
}

func TestHiddenAreTheSensitiveMembers(t *testing.T) {
	type ref struct{ Shape string }
	var m struct {
		Operations map[string]struct{ Input *ref }
		Shapes     map[string]struct {
			Members            map[string]ref
			Member, Key, Value *ref
			Sensitive          bool
		}
	}
	if err := json.Unmarshal([]byte(model.JSON), &m); err != nil {
		t.Fatal(err)
	}
	everywhere, some := map[string]bool{}, map[string][]string{}
	want, seen := map[string]bool{}, map[string]bool{}
	var walk func(member, shape string)
	walk = func(member, shape string) {
		s := m.Shapes[shape]
		if s.Sensitive {
			want[member] = true
		}
		if seen[member+"/"+shape] {
			return
		}
		seen[member+"/"+shape] = true
		for name, r := range s.Members {
			walk(name, r.Shape)
		}
		for _, r := range []*ref{s.Member, s.Key, s.Value} {
			if r != nil {
				walk(member, r.Shape)
			}
		}
	}
	for _, op := range model.Operations {
		if in := m.Operations[op.Name].Input; op.Service == model.Served && in != nil {
			clear(want)
			clear(seen)
			walk("", in.Shape)
			for member := range want {
				if hidden[member] {
					everywhere[member] = true
				} else {
					some[op.Name] = append(some[op.Name], member)
				}
			}
			slices.Sort(some[op.Name])
		}
	}
	maps.DeleteFunc(some, func(_ string, members []string) bool { return len(members) == 0 })
	if !maps.Equal(hidden, everywhere) || !maps.EqualFunc(hiddenOf, some, slices.Equal) {
		t.Errorf("hidden = %v and %v, want what the model marks: %v and %v", hidden, hiddenOf, everywhere, some)
	}
}

// TestSearchesKnowTheirMembers fails when a newer model has a condition that a search would pass over.
func TestSearchesKnowTheirMembers(t *testing.T) {
	convert := map[string]func(model.Input) []control.Condition{
		"SearchSecurityProfiles":    searchOf(profileConditions),
		"SearchUsers":               searchOf(userConditions),
		"SearchUserHierarchyGroups": searchOf(hierarchyGroupConditions),
		"SearchQueues":              searchOf(queueConditions),
		"SearchRoutingProfiles":     searchOf(routingProfileConditions),
		"SearchHoursOfOperations":   searchOf(hoursConditions),
		"SearchContactFlowModules":  searchOf(moduleConditions),
		"SearchQuickConnects":       searchOf(quickConnectConditions),
		"SearchDataTables":          searchOf(dataTableConditions),
	}
	regular := func(name string, in model.Input) []control.Condition {
		if f := convert[name]; f != nil {
			return f(in)
		}
		v := reflect.ValueOf(in).Elem()
		return documentConditions("", v.FieldByName("SearchCriteria"), v.FieldByName("SearchFilter"))
	}
	passedOver := []string{
		"SearchQueues QueueTypeCondition", // all queues are of the only type that it accepts
		"SearchUsers ListCondition",       // refused
	}
	for _, op := range model.Operations {
		if op.Service != model.Served || !strings.HasPrefix(op.Name, "Search") {
			continue
		}
		for _, member := range []string{"SearchCriteria", "SearchFilter"} {
			if _, ok := reflect.TypeOf(op.NewInput()).Elem().FieldByName(member); !ok {
				continue
			}
			eachCondition(op.NewInput, []string{member}, func(path []string, in model.Input) {
				want := 1
				if slices.Contains(passedOver, op.Name+" "+path[len(path)-1]) {
					want = 0
				}
				if got := leaves(control.Condition{And: regular(op.Name, in)}); got != want {
					t.Errorf("%s %s becomes %d conditions, want %d", op.Name, strings.Join(path, "."), got, want)
				}
			})
		}
	}
}

func searchOf[I any](convert func(*I) []control.Condition) func(model.Input) []control.Condition {
	return func(in model.Input) []control.Condition { return convert(any(in).(*I)) }
}

// eachCondition calls do with an input for every condition at path or below it: one that has it and nothing else.
func eachCondition(input func() model.Input, path []string, do func([]string, model.Input)) {
	in := input()
	v := reflect.ValueOf(in).Elem()
	for _, name := range path {
		v = present(v.FieldByName(name))
	}
	last := path[len(path)-1]
	leaf := v.Kind() == reflect.String
	switch v.Interface().(type) {
	case model.StringCondition, model.TagCondition, model.HierarchyGroupCondition, model.ListCondition,
		model.BooleanCondition, model.NumberCondition, model.DateTimeCondition, model.DateCondition:
		leaf = true
	}
	if leaf {
		if last == "StatusCondition" {
			v.SetString("SAVED") // the only one that excludes anything
		} else if v.Kind() == reflect.String {
			v.SetString("x")
		}
		do(path, in)
		return
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if (name == "OrConditions" || name == "AndConditions") && slices.Contains(path, name) {
			continue // the criteria are a tree
		}
		eachCondition(input, append(slices.Clone(path), name), do)
	}
}

// present makes a member present, and returns what it holds: of a list the first item.
func present(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return present(v.Elem())
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		return present(v.Index(0))
	}
	return v
}

func TestBoundQueryIsWhatTheModelBinds(t *testing.T) {
	var m struct {
		Operations map[string]struct{ Input *struct{ Shape string } }
		Shapes     map[string]struct {
			Members map[string]struct{ Location, LocationName string }
		}
	}
	if err := json.Unmarshal([]byte(model.JSON), &m); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, op := range model.Operations {
		in := m.Operations[op.Name].Input
		if op.Service != model.Served || op.ReadOnly || in == nil {
			continue
		}
		for _, member := range m.Shapes[in.Shape].Members {
			if member.Location == "querystring" {
				want[member.LocationName] = true
			}
		}
	}
	if got := slices.Sorted(maps.Keys(want)); !slices.Equal(got, boundQuery) {
		t.Errorf("boundQuery = %v, want %v, which operations that change something bind", boundQuery, got)
	}
}

// A body is read as far as the operation can need it.
func TestMaxBody(t *testing.T) {
	for name, want := range map[string]int64{
		"DescribeUser": leastBody, "DeleteUser": leastBody, "CreateContactFlowModule": MaxBody,
		"UpdateUserSecurityProfiles": 262214, "SearchUsers": 303147, "CreateSecurityProfile": 2595650,
		"CreateContact": openBody,
	} {
		if got := MaxBodyOf(name); got != want {
			t.Errorf("%s: %d bytes, want %d", name, got, want)
		}
	}
	var large []string
	for _, op := range New(Config{}).all {
		if op.maxBody() < leastBody || op.maxBody() > MaxBody {
			t.Errorf("%s: %d bytes", op.Name, op.maxBody())
		}
		if op.maxBody() > 1<<20 && op.Service == model.Served {
			large = append(large, op.Name)
		}
	}
	slices.Sort(large)
	want := []string{"CreateContactFlowModule", "CreateSecurityProfile", "CreateVocabulary", "ListDefaultVocabularies",
		"ListPhoneNumbersV2", "SearchAvailablePhoneNumbers", "SearchVocabularies", // these four take a NextToken of 131,070
		"UpdateContactFlowModuleContent", "UpdateSecurityProfile"}
	if !slices.Equal(large, want) {
		t.Errorf("the served operations that take more than 1 MiB are %q, want %q", large, want)
	}
}

// A NextToken tells nothing of the position that it is for, nor that it is the same as in another list.
func TestTokensAreOpaque(t *testing.T) {
	tk := tokens{secret: []byte("secret"), now: func() time.Time { return time.Unix(1_790_000_000, 0) }}
	at := position{after: "1234567890123", total: 424242}
	seen := map[string]bool{}
	for _, scope := range [][]string{{"ListUsers", "a"}, {"ListUsers", "b"}, {"ListUsersa"}, nil} {
		token := tk.seal(at, scope...)
		b, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || bytes.Contains(b, []byte(at.after)) || bytes.Contains(b, []byte{0, 6, 0x79, 0x32}) {
			t.Errorf("%v: %q, %v", scope, b, err)
		}
		if tail := string(b[len(b)-20:]); seen[tail] {
			t.Errorf("%v: as in another list", scope)
		} else {
			seen[tail] = true
		}
		if got, err := tk.open(token, scope...); err != nil || got != at {
			t.Errorf("%v: opens as %v, %v", scope, got, err)
		}
		if got, err := tk.open(token, "DeleteUser"); err == nil {
			t.Errorf("%v: opens elsewhere as %v", scope, got)
		}
	}
}
