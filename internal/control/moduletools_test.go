package control_test

import (
	"reflect"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// tools asks for the flow modules that can be tools, and demands that what is known stays known until one changes.
func (w *world) tools(alias string) control.ModuleTools {
	w.Helper()
	found, err := w.ModuleTools(w.Context(), call(""), control.ModuleToolQuery{Instance: w.in.ID, Alias: alias})
	w.must(err)
	again, err := w.ModuleTools(w.Context(), call(""), control.ModuleToolQuery{Instance: w.in.ID, Alias: alias,
		Known: found.Revision})
	w.must(err)
	if want := (control.ModuleTools{Revision: found.Revision, Same: true}); !reflect.DeepEqual(again, want) {
		w.Errorf("asked again: %+v, want %+v", again, want)
	}
	return found
}

func TestModuleTools(t *testing.T) {
	w := newWorld(t)
	m, err := made(w.CreateContactFlowModule(t.Context(), call(""), w.in.ID, &lanyard.Module{
		Meta: lanyard.Meta{Name: "Find order"}, Description: "Finds an order", Content: "{}", ExternalInvocation: true,
		Settings: lanyard.Settings{"Settings": lanyard.JSON(`"{\"input\":{}}"`)}}, ""))
	w.must(err)
	_, err = made(w.CreateContactFlowModule(t.Context(), call(""), w.in.ID, &lanyard.Module{
		Meta: lanyard.Meta{Name: "Part of a flow"}, Description: "Is no tool", Content: "{}"}, ""))
	w.must(err)
	version := func() {
		t.Helper()
		_, err := w.CreateContactFlowModuleVersion(t.Context(), call(""), w.in.ID, m.ID, control.NewModuleVersion{})
		w.must(err)
	}
	tool := func(version int64, alias, settings string) []control.ModuleTool {
		return []control.ModuleTool{{ID: m.ID, Name: "Find order", Description: "Finds an order", Version: version,
			Alias: alias, Settings: settings}}
	}
	const first, second = `{"input":{}}`, `{"input":{"schema":{}}}`
	for _, tt := range []struct {
		name  string
		do    func()
		alias string
		want  []control.ModuleTool
	}{
		{"no version", func() {}, "", nil},
		{"one version", version, "", tool(1, "", first)},
		{"settings that are in no version", func() {
			w.did(w.UpdateContactFlowModuleContent(t.Context(), call(""), w.in.ID, m.ID, control.ContentChange{
				Settings: lanyard.Settings{"Settings": lanyard.JSON(`"{\"input\":{\"schema\":{}}}"`)}}))
		}, "", tool(1, "", first)},
		{"eleven versions", func() {
			for range 10 { // the ids of versions are not in the order of their numbers
				version()
			}
		}, "", tool(11, "", second)},
		{"an alias that there is not", func() {}, "live", tool(11, "", second)},
		{"an alias", func() {
			_, err := w.CreateContactFlowModuleAlias(t.Context(), call(""), w.in.ID, m.ID,
				lanyard.ModuleAlias{Meta: lanyard.Meta{Name: "live"}, Version: 1})
			w.must(err)
		}, "live", tool(1, "live", first)},
		{"another alias", func() {}, "test", tool(11, "", second)},
		{"archived", func() {
			w.did(w.UpdateContactFlowModuleMetadata(t.Context(), call(""), w.in.ID, m.ID,
				control.ModuleChange{Archived: ptr(true)}))
		}, "", nil},
	} {
		tt.do()
		if got := w.tools(tt.alias).Tools; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestKnownModuleTools has the answer be the same while other things change, and no longer.
func TestKnownModuleTools(t *testing.T) {
	w := newWorld(t, manyOfAll)
	m, err := made(w.CreateContactFlowModule(t.Context(), call(""), w.in.ID,
		&lanyard.Module{Meta: lanyard.Meta{Name: "M"}, Content: "{}"}, ""))
	w.must(err)
	known := w.tools("").Revision
	same := func() bool {
		t.Helper()
		found, err := w.ModuleTools(t.Context(), call(""), control.ModuleToolQuery{Instance: w.in.ID, Known: known})
		w.must(err)
		return found.Same
	}
	p := w.profile("P", control.ProfileChange{})
	if !same() {
		t.Error("a profile was created, and flow modules are said to have changed")
	}
	for i := range 100 {
		w.must(w.update(p, control.ProfileChange{Description: ptr(string(rune('a' + i%26)))}))
	}
	if same() {
		t.Error("more events than are looked through are said to be no change")
	}
	known = w.tools("").Revision
	w.did(w.DeleteContactFlowModule(t.Context(), call(""), w.in.ID, m.ID))
	if same() {
		t.Error("a flow module was deleted, and none is said to have changed")
	}
	_, err = w.ModuleTools(t.Context(), by(stranger, ""), control.ModuleToolQuery{Instance: w.in.ID})
	w.fails(err, lanyard.NotFound, w.in.ID)
}
