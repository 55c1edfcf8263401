package awsapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/sandbox"
)

// mirrored is a world with a mirror of an instance that has one of everything.
func mirrored(t *testing.T) (*world, things) {
	t.Helper()
	source, w := newWorld(t, unbounded), newWorld(t, unbounded)
	in := source.furnish()
	c, err := mirror.Read(t.Context(), sandbox.Account{API: source.api, Caller: lanyard.Caller{Account: account}},
		in.instance, mirror.Options{Complete: true, AIAgents: []string{in.agent}})
	if err != nil {
		t.Fatal(err)
	}
	c.Instance.Mirror = &lanyard.Mirror{Source: "https://connect.us-east-1.amazonaws.com", Refreshed: time.Now()}
	_, err = w.svc.ApplyMirror(t.Context(), lanyard.Caller{AccessKeyID: "AKIAROOT"},
		control.MirrorPiece{Instance: c.Instance, Run: "one", First: true, Last: true, Put: c.Resources})
	if err != nil {
		t.Fatal(err)
	}
	return w, in
}

// TestMirrorsRefuseChanges calls every operation on a mirror. Those that read answer, those that change are refused
// and leave nothing behind, those that plan say what would be.
func TestMirrorsRefuseChanges(t *testing.T) {
	w, in := mirrored(t)
	before, err := w.svc.Revision(t.Context(), in.instance)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, op := range model.Operations {
		if op.Service == model.NotServed || op.Name == "CreateInstance" {
			continue
		}
		sent := w.required(op.Name, in)
		switch op.Name { // the model does not say that these are required
		case "AssociateSecurityProfiles", "DisassociateSecurityProfiles":
			sent["SecurityProfiles"] = []members{{"Id": in.held}}
		case "UpdateQueueName", "UpdateQuickConnectName", "UpdateRoutingProfileName":
			sent["Name"] = "another"
		}
		x := w.do(op.Name, sent)
		if op.ReadOnly {
			if x.status != 200 && !x.saysUnmirrored() {
				t.Errorf("%s = %d %s, want an answer", op.Name, x.status, x.answer)
			}
			continue
		}
		refused++
		declared := x.exception() == "InvalidRequestException" || x.exception() == "InvalidParameterException"
		if x.saysUnmirrored() {
			continue
		}
		if x.status != 400 || !declared || !strings.Contains(x.message(), "is a mirror of https://connect") {
			t.Errorf("%s = %d %s, want a refusal because it is a mirror", op.Name, x.status, x.answer)
		}
		body, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		a := w.api.Invoke(t.Context(), invocation.Call{Operation: op.Name, Input: body, Planning: true,
			Caller: lanyard.Caller{Account: account}})
		if strings.Contains(a.Message, "is a mirror") {
			t.Errorf("planning %s is refused: %s", op.Name, a.Message)
		}
	}
	if after, err := w.svc.Revision(t.Context(), in.instance); err != nil || after != before || refused < 40 {
		t.Errorf("after %d refusals the revision is %d, %v; want %d", refused, after, err, before)
	}
	err = w.svc.SetPassword(t.Context(), control.PasswordCall(lanyard.Caller{Account: account}, in.instance, in.user),
		control.NewPassword{Instance: in.instance, User: in.user, Password: "Harbour-42"})
	if err == nil || !strings.Contains(err.Error(), "is a mirror") {
		t.Errorf("setting a password: %v, want a refusal because it is a mirror", err)
	}
}

// saysUnmirrored reports whether the answer is that a document does not exist: mirrors have what decisions need.
func (x *wire) saysUnmirrored() bool {
	return strings.Contains(x.message(), "does not exist") &&
		slices.ContainsFunc(lanyard.ResourceTypes(), func(t lanyard.ResourceType) bool {
			_, document := lanyard.New(t.Type).(lanyard.Documented)
			return document && strings.Contains(x.message(), ": "+t.Word+" ")
		})
}

func TestDetachedMirrorTakesChanges(t *testing.T) {
	w, in := mirrored(t)
	detach := func(ref string) error {
		_, err := w.svc.DetachMirror(t.Context(), lanyard.Caller{Account: account, AccessKeyID: "AKIAROOT"}, ref)
		return err
	}
	if err := detach("nothing"); lanyard.KindOf(err) != lanyard.NotFound {
		t.Errorf("detaching what does not exist: %v, want NotFound", err)
	}
	if err := detach("furnished"); err != nil {
		t.Fatal(err)
	}
	w.do("UpdateSecurityProfile", members{"InstanceId": in.instance, "SecurityProfileId": in.held,
		"Description": "ours"}).ok()
	events, err := w.svc.Events(t.Context(), in.instance, 1, 10)
	if err != nil || len(events) != 2 || events[0].Operation != "DetachMirror" || events[0].AccessKeyID != "AKIAROOT" {
		t.Errorf("the events are %+v, %v; want one that detaches, and the change", events, err)
	}
	if err := detach(in.instance); lanyard.KindOf(err) != lanyard.Condition {
		t.Errorf("detaching an ordinary instance: %v, want Condition", err)
	}
	_, err = w.svc.ApplyMirror(t.Context(), lanyard.Caller{}, control.MirrorPiece{Run: "two", First: true, Last: true,
		Instance: &lanyard.Instance{Meta: lanyard.Meta{ID: in.instance}, Account: account, Region: "us-east-1",
			Mirror: &lanyard.Mirror{Source: "https://elsewhere"}}})
	if lanyard.KindOf(err) != lanyard.Duplicate {
		t.Errorf("mirroring into an ordinary instance: %v, want Duplicate", err)
	}
}
