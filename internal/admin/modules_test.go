package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/moduletools"
)

// TestGatewayModules has a gateway in another process see the same flow modules as one in this process.
func TestGatewayModules(t *testing.T) {
	w := newWorld(t)
	call := control.Call{Caller: lanyard.Caller{Account: account}}
	in, err := w.svc.CreateInstance(t.Context(), call, control.NewInstance{Alias: "centre", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.svc.CreateContactFlowModule(t.Context(), call, in.Resource.ID, &lanyard.Module{
		Meta: lanyard.Meta{Name: "Find order"}, Description: "Finds an order", Content: "{}", ExternalInvocation: true,
		Settings: lanyard.Settings{"Settings": lanyard.JSON(`"{\"input\":{}}"`)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.CreateContactFlowModuleVersion(t.Context(), call, in.Resource.ID, m.Resource.ID,
		control.NewModuleVersion{}); err != nil {
		t.Fatal(err)
	}
	remote := moduletools.Remote(func(_ context.Context, path string, question, answer any) error {
		body, err := json.Marshal(question)
		if err != nil {
			return err
		}
		r := httptest.NewRecorder()
		w.handler.ServeHTTP(r, w.request(w.root, "POST", path, string(body)))
		if r.Code != http.StatusOK {
			return fmt.Errorf("%d %s", r.Code, r.Body)
		}
		return json.Unmarshal(r.Body.Bytes(), answer)
	})
	local := moduletools.InProcess{Control: w.svc}
	for _, q := range []control.ModuleToolQuery{
		{Instance: in.Resource.ID}, {Instance: in.Resource.ID, Alias: "live"}, {Instance: in.Resource.ID, Known: m.Revision},
		{Instance: in.Resource.ID, Known: m.Revision + 1}, {Instance: "none"}} {
		want, wrong := local.ModuleTools(t.Context(), account, q)
		got, err := remote.ModuleTools(t.Context(), account, q)
		if (err == nil) != (wrong == nil) || wrong == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: got %+v (%v), want %+v (%v)", q, got, err, want, wrong)
		}
	}
	if _, err := remote.ModuleTools(t.Context(), "210987654321",
		control.ModuleToolQuery{Instance: in.Resource.ID}); err == nil {
		t.Error("the modules of another account were listed")
	}
}
