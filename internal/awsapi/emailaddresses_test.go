package awsapi_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

func TestEmailAddresses(t *testing.T) {
	w := newWorld(t)
	in := w.instance("addresses")
	address := func(name string) string {
		return w.id("CreateEmailAddress", members{"InstanceId": in, "EmailAddress": name, "ClientToken": name})
	}
	a, b, c := address("a@example.com"), address("b@example.com"), address("c@example.com")
	if again := address("a@example.com"); again != a {
		t.Errorf("the same client token makes %s and %s", a, again)
	}
	describe := func(id string) members {
		return w.do("DescribeEmailAddress", members{"InstanceId": in, "EmailAddressId": id}).ok()
	}
	w.do("UpdateEmailAddressMetadata", members{"InstanceId": in, "EmailAddressId": a, "DisplayName": "Us",
		"Description": "Ours"}).ok()
	w.do("UpdateEmailAddressMetadata", members{"InstanceId": in, "EmailAddressId": a, "Description": ""}).ok()
	got := describe(a)
	want := members{"EmailAddressId": a, "EmailAddressArn": w.arn(in, "email-address", a), "EmailAddress": "a@example.com",
		"DisplayName": "Us", "CreateTimestamp": "2026-03-14T15:09:26.535Z", "ModifiedTimestamp": "2026-03-14T15:09:26.535Z",
		"Tags": members{}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("DescribeEmailAddress = %v, want %v", got, want)
	}

	alias := func(op, id, of string) *wire {
		return w.do(op, members{"InstanceId": in, "EmailAddressId": id, "AliasConfiguration": members{"EmailAddressId": of}})
	}
	const associate, conflict = "AssociateEmailAddressAlias", "ResourceConflictException"
	alias(associate, a, a).fails("InvalidParameterException", "another e-mail address")
	alias(associate, a, "none").fails("InvalidParameterException", "AliasConfiguration.EmailAddressId", "none")
	alias(associate, a, w.arn(in, "email-address", b)).ok()
	alias(associate, a, b).ok() // as it is
	alias(associate, a, c).fails(conflict, "already has an alias")
	alias(associate, c, b).fails(conflict, "is an alias already")
	alias(associate, b, c).fails(conflict, "is an alias already")
	alias(associate, c, a).fails(conflict, "which has one")
	if got := fmt.Sprint(describe(a)["AliasConfigurations"]); got != fmt.Sprint([]any{members{"EmailAddressId": b}}) {
		t.Errorf("its aliases are %s", got)
	}
	alias("DisassociateEmailAddressAlias", a, c).fails("InvalidParameterException", "AliasConfiguration")
	alias("DisassociateEmailAddressAlias", a, b).ok()
	alias(associate, a, b).ok()
	w.do("DeleteEmailAddress", members{"InstanceId": in, "EmailAddressId": b}).ok()
	if got := describe(a)["AliasConfigurations"]; got != nil {
		t.Errorf("after its alias is gone, its aliases are %v", got)
	}
	w.do("CreateEmailAddress", members{"InstanceId": in, "EmailAddress": "A@Example.com"}).
		fails("DuplicateResourceException", "case-insensitive")
}

// What queues and quick connects name must exist, and is not deleted in the meantime.
func TestReferencesOfQueues(t *testing.T) {
	w := newWorld(t)
	things := w.furnish()
	in, queue := things.instance, things.queue
	flow, address := w.flow(in, "Whisper"), things.address
	number := w.id("ClaimPhoneNumber", members{"InstanceId": in, "PhoneNumber": "+12015550101"})
	of := func(more members) members {
		m := members{"InstanceId": in, "QueueId": queue}
		maps.Copy(m, more)
		return m
	}
	caller := func(m members) *wire {
		return w.do("UpdateQueueOutboundCallerConfig", of(members{"OutboundCallerConfig": m}))
	}
	email := func(id string) *wire {
		return w.do("UpdateQueueOutboundEmailConfig", of(members{"OutboundEmailConfig": members{"OutboundEmailAddressId": id}}))
	}
	const invalid, inUse = "InvalidParameterException", "InvalidRequestException"
	caller(members{"OutboundFlowId": "none"}).fails(invalid, "OutboundCallerConfig.OutboundFlowId", "existing flow")
	caller(members{"OutboundCallerIdNumberId": "none"}).fails(invalid, "OutboundCallerIdNumberId", "existing phone number")
	email("none").fails(invalid, "OutboundEmailConfig.OutboundEmailAddressId", "existing e-mail address")
	caller(members{"OutboundFlowId": w.arn(in, "contact-flow", flow),
		"OutboundCallerIdNumberId": "arn:aws:connect:us-east-1:" + account + ":phone-number/" + number}).ok()
	email(w.arn(in, "email-address", address)).ok()
	q := w.do("DescribeQueue", of(nil)).ok()["Queue"].(members)
	if got, want := fmt.Sprint(q["OutboundCallerConfig"], q["OutboundEmailConfig"]), fmt.Sprint(
		members{"OutboundFlowId": flow, "OutboundCallerIdNumberId": number},
		members{"OutboundEmailAddressId": address}); got != want {
		t.Errorf("the queue has %s, want %s", got, want)
	}
	remove := map[string]members{"DeleteContactFlow": {"ContactFlowId": flow}, "ReleasePhoneNumber": {"PhoneNumberId": number},
		"DeleteEmailAddress": {"EmailAddressId": address}}
	removing := func(op string) *wire {
		m := maps.Clone(remove[op])
		if op != "ReleasePhoneNumber" {
			m["InstanceId"] = in
		}
		return w.do(op, m)
	}
	for op, exception := range map[string]string{"DeleteContactFlow": inUse, "DeleteEmailAddress": inUse,
		"ReleasePhoneNumber": "ResourceInUseException"} {
		removing(op).fails(exception, "in use by queue "+queue)
	}

	list := func() string {
		var all []string
		for _, x := range w.do("ListQueueEmailAddresses", of(nil)).ok()["EmailAddressMetadataList"].([]any) {
			x := x.(members)
			all = append(all, fmt.Sprint(x["Id"], " ", x["IsDefaultOutboundEmail"]))
		}
		return fmt.Sprint(all)
	}
	other := w.id("CreateEmailAddress", members{"InstanceId": in, "EmailAddress": "other@example.com"})
	config := func(ids ...string) members {
		var all []members
		for _, id := range ids {
			all = append(all, members{"EmailAddressId": id})
		}
		return of(members{"EmailAddressesConfig": all})
	}
	w.do("AssociateQueueEmailAddresses", config(other, "none")).fails(invalid, "EmailAddressesConfig[1]", "none")
	w.do("AssociateQueueEmailAddresses", config(other, address, other)).ok()
	both := []string{address + " true", other + " false"}
	slices.Sort(both)
	if got := list(); got != fmt.Sprint(both) {
		t.Errorf("ListQueueEmailAddresses has %s, want %s", got, both)
	}
	w.do("DisassociateQueueEmailAddresses", of(members{"EmailAddressesId": []string{other, address}})).ok()
	if got := list(); got != fmt.Sprint([]string{address + " true"}) {
		t.Errorf("what is left is %s", got)
	}
	caller(members{}).ok()
	w.do("UpdateQueueOutboundEmailConfig", of(members{"OutboundEmailConfig": members{}})).ok()
	for op := range remove {
		removing(op).ok()
	}

	full := w.id("CreateQueue", members{"InstanceId": in, "Name": "Full", "HoursOfOperationId": things.hours,
		"EmailAddressesConfig": []members{{"EmailAddressId": other}}})
	w.do("DeleteEmailAddress", members{"InstanceId": in, "EmailAddressId": other}).fails(inUse, "in use by queue "+full)

	quick := func(flow string) *wire {
		return w.do("CreateQuickConnect", members{"InstanceId": in, "Name": "Transfer", "QuickConnectConfig": members{
			"QuickConnectType": "QUEUE", "QueueConfig": members{"QueueId": queue, "ContactFlowId": flow}}})
	}
	quick("none").fails(invalid, "QuickConnectConfig.QueueConfig.ContactFlowId", "existing flow")
	transfer := w.flow(in, "Transfer")
	id := quick(w.arn(in, "contact-flow", transfer)).ok()["QuickConnectId"].(string)
	w.do("DeleteContactFlow", members{"InstanceId": in, "ContactFlowId": transfer}).fails(inUse, "in use by quick connect "+id)
	w.do("DeleteQuickConnect", members{"InstanceId": in, "QuickConnectId": id}).ok()
	w.do("DeleteContactFlow", members{"InstanceId": in, "ContactFlowId": transfer}).ok()
}
