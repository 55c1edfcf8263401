package control_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// routes is a world with two of everything that routing is about.
type routes struct {
	*world
	hours, night           *lanyard.Hours
	queue, other           *lanyard.Queue
	routing                *lanyard.RoutingProfile
	toQueue, phone, toUser *lanyard.QuickConnect
	user                   *lanyard.User
}

func newRoutes(t *testing.T, change ...func(*control.Config)) *routes {
	t.Helper()
	r := &routes{world: newWorld(t, change...)}
	r.flows(r.in.ID, "f", "g")
	r.hours, r.queue, r.routing = only[*lanyard.Hours](r.world), only[*lanyard.Queue](r.world),
		only[*lanyard.RoutingProfile](r.world)
	r.night = r.newHours("Night")
	r.other = r.newQueue("Other")
	r.user = r.world.user("jane")
	r.toQueue = r.quickConnect(lanyard.QuickConnect{Meta: lanyard.Meta{Name: "To queue"}, Kind: lanyard.ToQueue,
		Queue: r.other.ID, Flow: "f"})
	r.phone = r.quickConnect(lanyard.QuickConnect{Meta: lanyard.Meta{Name: "Phone"}, Kind: lanyard.ToPhoneNumber,
		PhoneNumber: "+12065550100"})
	r.toUser = r.quickConnect(lanyard.QuickConnect{Meta: lanyard.Meta{Name: "To user"}, Kind: lanyard.ToUser,
		User: r.arn(r.user), Flow: "f"})
	r.pass(time.Minute)
	return r
}

func (r *routes) newHours(name string, parents ...string) *lanyard.Hours {
	r.Helper()
	h, err := made(r.CreateHoursOfOperation(r.T.Context(), call(""), r.in.ID,
		&lanyard.Hours{Meta: lanyard.Meta{Name: name}, TimeZone: "UTC", Parents: parents}))
	r.must(err)
	return h
}

func (r *routes) newQueue(name string) *lanyard.Queue {
	r.Helper()
	q, err := made(r.CreateQueue(r.T.Context(), call(""), r.in.ID,
		&lanyard.Queue{Meta: lanyard.Meta{Name: name}, Hours: r.hours.ID}))
	r.must(err)
	return q
}

func (r *routes) quickConnect(q lanyard.QuickConnect) *lanyard.QuickConnect {
	r.Helper()
	c, err := made(r.CreateQuickConnect(r.T.Context(), call(""), r.in.ID, &q))
	r.must(err)
	return c
}

func (r *routes) state(of lanyard.Resource) lanyard.Resource {
	r.Helper()
	now, err := r.store.Reader(r.in.ID).Get(r.T.Context(), of.Type(), of.Head().ID)
	r.must(err)
	return now
}

func voice(queue string, priority int32) lanyard.QueueConfig {
	return lanyard.QueueConfig{Queue: queue, Channel: "VOICE", Priority: priority}
}

func settings(name, value string) lanyard.Settings { return lanyard.Settings{name: []byte(value)} }

// TestUpdates makes one change after another, each of which leaves one event and a date; the same again
// leaves nothing.
func TestUpdates(t *testing.T) {
	r := newRoutes(t)
	ctx, c, in := t.Context(), call("Update"), r.in.ID
	q, p, h, x := r.queue, r.routing, r.night, r.phone
	for _, tt := range []struct {
		name string
		of   lanyard.Resource
		call func() error
		want func(lanyard.Resource) any
		is   any
	}{
		{"queue: hours", q, func() error { return failure(r.UpdateQueueHoursOfOperation(ctx, c, in, r.arn(q), r.arn(h))) },
			func(x lanyard.Resource) any { return x.(*lanyard.Queue).Hours }, h.ID},
		{"queue: most contacts", q, func() error { return failure(r.UpdateQueueMaxContacts(ctx, c, in, q.ID, ptr[int32](7))) },
			func(x lanyard.Resource) any { return x.(*lanyard.Queue).MaxContacts }, ptr[int32](7)},
		{"queue: no bound of contacts", q, func() error { return failure(r.UpdateQueueMaxContacts(ctx, c, in, q.ID, nil)) },
			func(x lanyard.Resource) any { return x.(*lanyard.Queue).MaxContacts }, (*int32)(nil)},
		{"queue: name", q, func() error { return failure(r.UpdateQueueName(ctx, c, in, q.ID, control.Naming{Name: ptr("New")})) },
			func(x lanyard.Resource) any { return x.Head().Name }, "New"},
		{"queue: description", q,
			func() error {
				return failure(r.UpdateQueueName(ctx, c, in, q.ID, control.Naming{Description: ptr("D")}))
			},
			func(x lanyard.Resource) any { return x.Head().Name + x.(*lanyard.Queue).Description }, "NewD"},
		{"queue: status", q, func() error { return failure(r.UpdateQueueStatus(ctx, c, in, q.ID, "DISABLED")) },
			func(x lanyard.Resource) any { return x.(*lanyard.Queue).Disabled }, true},
		{"queue: status back", q, func() error { return failure(r.UpdateQueueStatus(ctx, c, in, q.ID, "ENABLED")) },
			func(x lanyard.Resource) any { return x.(*lanyard.Queue).Disabled }, false},
		{"queue: setting", q, func() error { return failure(r.UpdateQueueSettings(ctx, c, in, q.ID, settings("A", "1"))) },
			func(x lanyard.Resource) any { return string(x.(*lanyard.Queue).Settings["A"]) }, "1"},
		{"queue: setting gone", q,
			func() error { return failure(r.UpdateQueueSettings(ctx, c, in, q.ID, lanyard.Settings{"A": nil})) },
			func(x lanyard.Resource) any { return len(x.(*lanyard.Queue).Settings) }, 0},
		{"queue: quick connects", q, func() error {
			return failure(r.AssociateQueueQuickConnects(ctx, c, in, q.ID, []string{r.phone.ID, r.arn(r.toQueue), r.phone.ID}))
		}, func(x lanyard.Resource) any { return x.(*lanyard.Queue).QuickConnects }, []string{r.phone.ID, r.toQueue.ID}},
		{"queue: a quick connect less", q, func() error {
			return failure(r.DisassociateQueueQuickConnects(ctx, c, in, q.ID, []string{r.arn(r.phone), r.toUser.ID}))
		}, func(x lanyard.Resource) any { return x.(*lanyard.Queue).QuickConnects }, []string{r.toQueue.ID}},

		{"routing profile: name", p, func() error {
			return failure(r.UpdateRoutingProfileName(ctx, c, in, r.arn(p), control.Naming{Name: ptr("New"), Description: ptr("D")}))
		}, func(x lanyard.Resource) any { return x.Head().Name + x.(*lanyard.RoutingProfile).Description }, "NewD"},
		{"routing profile: default queue", p,
			func() error {
				return failure(r.UpdateRoutingProfileDefaultOutboundQueue(ctx, c, in, p.ID, r.arn(r.other)))
			},
			func(x lanyard.Resource) any { return x.(*lanyard.RoutingProfile).DefaultQueue }, r.other.ID},
		{"routing profile: setting", p,
			func() error { return failure(r.UpdateRoutingProfileSettings(ctx, c, in, p.ID, settings("B", `"x"`))) },
			func(x lanyard.Resource) any { return string(x.(*lanyard.RoutingProfile).Settings["B"]) }, `"x"`},
		{"routing profile: queues", p, func() error {
			return failure(r.AssociateRoutingProfileQueues(ctx, c, in, p.ID, control.RoutingQueues{
				Queues: []lanyard.QueueConfig{voice(r.arn(r.other), 5),
					{Queue: r.other.ID, Channel: "CHAT", Priority: 1, Delay: 9}},
				ManualQueues: []lanyard.QueueConfig{{Queue: q.ID, Channel: "TASK"}}}))
		}, queuesOf, [2][]lanyard.QueueConfig{append(p.Queues, voice(r.other.ID, 5),
			lanyard.QueueConfig{Queue: r.other.ID, Channel: "CHAT", Priority: 1, Delay: 9}),
			{{Queue: q.ID, Channel: "TASK"}}}},
		{"routing profile: a queue that is there gets the new priority", p, func() error {
			return failure(r.AssociateRoutingProfileQueues(ctx, c, in, p.ID,
				control.RoutingQueues{Queues: []lanyard.QueueConfig{voice(r.other.ID, 6)}}))
		}, queuesOf, [2][]lanyard.QueueConfig{append(p.Queues, voice(r.other.ID, 6),
			lanyard.QueueConfig{Queue: r.other.ID, Channel: "CHAT", Priority: 1, Delay: 9}),
			{{Queue: q.ID, Channel: "TASK"}}}},
		{"routing profile: another priority", p, func() error {
			return failure(r.UpdateRoutingProfileQueues(ctx, c, in, p.ID, []lanyard.QueueConfig{voice(r.arn(r.other), 7)}))
		},
			queuesOf, [2][]lanyard.QueueConfig{append(p.Queues, voice(r.other.ID, 7),
				lanyard.QueueConfig{Queue: r.other.ID, Channel: "CHAT", Priority: 1, Delay: 9}),
				{{Queue: q.ID, Channel: "TASK"}}}},
		{"routing profile: queues gone, and one that was not there", p, func() error {
			return failure(r.DisassociateRoutingProfileQueues(ctx, c, in, p.ID, control.RoutingQueues{
				Queues: []lanyard.QueueConfig{{Queue: r.arn(r.other), Channel: "VOICE"},
					{Queue: r.other.ID, Channel: "EMAIL"}},
				ManualQueues: []lanyard.QueueConfig{{Queue: q.ID, Channel: "TASK"}}}))
		}, queuesOf, [2][]lanyard.QueueConfig{append(p.Queues,
			lanyard.QueueConfig{Queue: r.other.ID, Channel: "CHAT", Priority: 1, Delay: 9}), nil}},

		{"hours: all", h, func() error {
			return failure(r.UpdateHoursOfOperation(ctx, c, in, r.arn(h),
				control.HoursChange{Naming: control.Naming{Name: ptr("New"), Description: ptr("D")},
					TimeZone: ptr("Europe/Paris"), Settings: settings("Config", "[]")}))
		}, func(x lanyard.Resource) any {
			h := x.(*lanyard.Hours)
			return h.Name + h.Description + h.TimeZone + string(h.Settings["Config"])
		}, "NewDEurope/Paris[]"},
		{"hours: description cleared", h, func() error {
			return failure(r.UpdateHoursOfOperation(ctx, c, in, h.ID,
				control.HoursChange{Naming: control.Naming{Description: ptr("")}}))
		}, func(x lanyard.Resource) any { return x.Head().Name + x.(*lanyard.Hours).Description }, "New"},
		{"hours: parent", h, func() error {
			return failure(r.AssociateHoursOfOperations(ctx, c, in, h.ID, []string{r.arn(r.hours), r.hours.ID}))
		},
			func(x lanyard.Resource) any { return x.(*lanyard.Hours).Parents }, []string{r.hours.ID}},
		{"hours: no parent", h,
			func() error {
				return failure(r.DisassociateHoursOfOperations(ctx, c, in, h.ID, []string{r.hours.ID, h.ID}))
			},
			func(x lanyard.Resource) any { return len(x.(*lanyard.Hours).Parents) }, 0},

		{"quick connect: name", x, func() error {
			return failure(r.UpdateQuickConnectName(ctx, c, in, r.arn(x), control.Naming{Name: ptr("New"), Description: ptr("D")}))
		}, func(x lanyard.Resource) any { return x.Head().Name + x.(*lanyard.QuickConnect).Description }, "NewD"},
		{"quick connect: leads to a queue", x, func() error {
			return failure(r.UpdateQuickConnectConfig(ctx, c, in, x.ID,
				lanyard.QuickConnect{Kind: lanyard.ToQueue, Queue: r.arn(r.other), Flow: "f"}))
		}, func(x lanyard.Resource) any { q := *x.(*lanyard.QuickConnect); q.Meta = lanyard.Meta{}; return q },
			lanyard.QuickConnect{Description: "D", Kind: lanyard.ToQueue, Queue: r.other.ID, Flow: "f"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.T = t
			before, dated := r.revision(), r.state(tt.of).Head().Modified
			r.pass(time.Second)
			r.must(tt.call())
			after := r.state(tt.of)
			if got := tt.want(after); !reflect.DeepEqual(got, tt.is) {
				t.Errorf("got %v, want %v", got, tt.is)
			}
			if r.revision() != before+1 || !after.Head().Modified.After(dated) {
				t.Errorf("the change leaves %d events and the date %v, before %v", r.revision()-before, after.Head().Modified,
					dated)
			}
			r.pass(time.Second)
			r.must(tt.call())
			if again := r.state(tt.of); r.revision() != before+1 || !reflect.DeepEqual(again, after) {
				t.Errorf("the same again leaves %d more events and %+v, before %+v", r.revision()-before-1, again, after)
			}
		})
	}
}

func queuesOf(x lanyard.Resource) any {
	p := x.(*lanyard.RoutingProfile)
	if len(p.ManualQueues) == 0 {
		p = lanyard.Clone(p)
		p.ManualQueues = nil
	}
	return [2][]lanyard.QueueConfig{p.Queues, p.ManualQueues}
}

// TestRefusedUpdates has what no update takes; each leaves everything as it was.
func TestRefusedUpdates(t *testing.T) {
	r := newRoutes(t, func(c *control.Config) { c.Quotas.QueuesPerRoutingProfile = 3 })
	ctx, c, in := t.Context(), call("Update"), r.in.ID
	q, p, h, x := r.queue.ID, r.routing.ID, r.night.ID, r.phone.ID
	child := r.newHours("Child", h)
	grandchild := r.newHours("Grandchild", child.ID)
	var many []string
	for i := range 4 {
		many = append(many, r.newHours(fmt.Sprint("h", i)).ID)
	}
	const none = "99999999-0000-4000-8000-000000000000"
	config := func(queue, channel string) []lanyard.QueueConfig {
		return []lanyard.QueueConfig{{Queue: queue, Channel: channel, Priority: 1}}
	}
	for _, tt := range []struct {
		name string
		err  error
		kind lanyard.Kind
		says string
	}{
		{"a missing queue", failure(r.UpdateQueueStatus(ctx, c, in, none, "DISABLED")), lanyard.NotFound, none},
		{"missing hours", failure(r.UpdateQueueHoursOfOperation(ctx, c, in, q, none)), lanyard.Invalid, "HoursOfOperationId"},
		{"neither name nor description", failure(r.UpdateQueueName(ctx, c, in, q, control.Naming{})), lanyard.Invalid,
			"Name is required when Description is absent"},
		{"the name of another queue", failure(r.UpdateQueueName(ctx, c, in, q, control.Naming{Name: &r.other.Name})),
			lanyard.Duplicate, "Other"},
		{"a missing quick connect", failure(r.AssociateQueueQuickConnects(ctx, c, in, q, []string{x, none})), lanyard.Invalid,
			"QuickConnectIds[1]"},
		{"a missing quick connect less", failure(r.DisassociateQueueQuickConnects(ctx, c, in, q, []string{none})), lanyard.Invalid,
			"QuickConnectIds[0]"},
		{"a queue as a quick connect", failure(r.AssociateQueueQuickConnects(ctx, c, in, q, []string{r.arn(r.other)})),
			lanyard.Invalid, "QuickConnectIds[0]"},

		{"neither name nor description of a routing profile", failure(r.UpdateRoutingProfileName(ctx, c, in, p, control.Naming{})),
			lanyard.Invalid, "Name is required"},
		{"a missing default queue", failure(r.UpdateRoutingProfileDefaultOutboundQueue(ctx, c, in, p, none)), lanyard.Invalid,
			"DefaultOutboundQueueId"},
		{"a missing queue of a routing profile",
			failure(r.AssociateRoutingProfileQueues(ctx, c, in, p, control.RoutingQueues{Queues: config(none, "VOICE")})),
			lanyard.Invalid, "QueueConfigs[0]"},
		{"a queue twice", failure(r.AssociateRoutingProfileQueues(ctx, c, in, p,
			control.RoutingQueues{Queues: append(config(q, "CHAT"), config(r.arn(r.queue), "CHAT")...)})), lanyard.Invalid,
			"QueueConfigs[1]"},
		{"too many queues", failure(r.AssociateRoutingProfileQueues(ctx, c, in, p,
			control.RoutingQueues{ManualQueues: append(append(config(q, "VOICE"), config(q, "CHAT")...),
				append(config(q, "TASK"), config(q, "EMAIL")...)...)})),
			lanyard.Limit, "ManualAssignmentQueueConfigs must leave the routing profile with at most 3 queues, got 4"},
		{"the priority of a queue that is not there",
			failure(r.UpdateRoutingProfileQueues(ctx, c, in, p, config(r.other.ID, "EMAIL"))), lanyard.Malformed,
			"AssociateRoutingProfileQueues"},
		{"a missing queue less",
			failure(r.DisassociateRoutingProfileQueues(ctx, c, in, p, control.RoutingQueues{ManualQueues: config(none, "VOICE")})),
			lanyard.Invalid, "ManualAssignmentQueueReferences[0]"},

		{"the name of other hours",
			failure(r.UpdateHoursOfOperation(ctx, c, in, h, control.HoursChange{Naming: control.Naming{Name: &r.hours.Name}})),
			lanyard.Duplicate, r.hours.Name},
		{"no time zone", failure(r.UpdateHoursOfOperation(ctx, c, in, h, control.HoursChange{TimeZone: ptr("Local")})),
			lanyard.Invalid, "TimeZone must be"},
		{"their own parent", failure(r.AssociateHoursOfOperations(ctx, c, in, h, []string{h})), lanyard.Invalid,
			"ParentHoursOfOperationConfigs[0]"},
		{"a cycle", failure(r.AssociateHoursOfOperations(ctx, c, in, h, []string{r.hours.ID, grandchild.ID})), lanyard.Invalid,
			"ParentHoursOfOperationConfigs[1]"},
		{"a missing parent", failure(r.AssociateHoursOfOperations(ctx, c, in, h, []string{none})), lanyard.Invalid, none},
		{"too many parents", failure(r.AssociateHoursOfOperations(ctx, c, in, h, many)), lanyard.Quota, "at most 3 parents, got 4"},
		{"a missing parent less", failure(r.DisassociateHoursOfOperations(ctx, c, in, h, []string{none})), lanyard.Invalid,
			"ParentHoursOfOperationIds[0]"},

		{"the name of another quick connect", failure(r.UpdateQuickConnectName(ctx, c, in, x, control.Naming{Name: &r.toUser.Name})),
			lanyard.Duplicate, r.toUser.Name},
		{"neither name nor description of a quick connect", failure(r.UpdateQuickConnectName(ctx, c, in, x, control.Naming{})),
			lanyard.Invalid, "Name is required"},
		{"a missing queue to lead to",
			failure(r.UpdateQuickConnectConfig(ctx, c, in, x, lanyard.QuickConnect{Kind: lanyard.ToQueue, Queue: none})),
			lanyard.Invalid,
			"QueueConfig.QueueId"},
		{"a missing user to lead to",
			failure(r.UpdateQuickConnectConfig(ctx, c, in, x, lanyard.QuickConnect{Kind: lanyard.ToUser, User: none})),
			lanyard.Invalid,
			"UserConfig.UserId"},

		{"a queue that a quick connect leads to", failure(r.DeleteQueue(ctx, c, in, r.other.ID)), lanyard.InUse, r.toQueue.ID},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.T = t
			r.fails(tt.err, tt.kind, tt.says)
		})
	}
	r.T = t
	revision := r.revision()
	r.did(r.AssociateQueueQuickConnects(ctx, c, in, q, []string{x}))
	if r.revision() != revision+1 {
		t.Errorf("%d events of refused calls", r.revision()-revision-1)
	}
	r.fails(failure(r.DeleteQuickConnect(ctx, c, in, x)), lanyard.InUse, q)
	r.did(r.DisassociateQueueQuickConnects(ctx, c, in, q, []string{x}))
	r.did(r.DeleteQuickConnect(ctx, c, in, x))
}

// TestRefusedUpdatesLeaveNothing tries the calls of TestRefusedUpdates' kind that get far before they fail.
func TestRefusedUpdatesLeaveNothing(t *testing.T) {
	r := newRoutes(t)
	ctx, c, in := t.Context(), call("Update"), r.in.ID
	queue, routing, revision := r.state(r.queue), r.state(r.routing), r.revision()
	r.fails(failure(r.AssociateQueueQuickConnects(ctx, c, in, r.queue.ID, []string{r.phone.ID, "none"})), lanyard.Invalid)
	r.fails(failure(r.UpdateRoutingProfileQueues(ctx, c, in, r.routing.ID,
		[]lanyard.QueueConfig{voice(r.queue.ID, 9), voice(r.other.ID, 9)})), lanyard.Malformed)
	r.fails(failure(r.UpdateQueueName(ctx, c, in, r.queue.ID, control.Naming{Name: ptr("Other"), Description: ptr("D")})),
		lanyard.Duplicate)
	if r.revision() != revision || !reflect.DeepEqual(r.state(r.queue), queue) ||
		!reflect.DeepEqual(r.state(r.routing), routing) {
		t.Errorf("refused calls leave %d events, %+v and %+v", r.revision()-revision, r.state(r.queue), r.state(r.routing))
	}
}

// TestQuickConnectsOutliveUsers deletes a user that a quick connect leads to. Its config may be sent back as it
// stands; a quick connect that led elsewhere cannot lead there.
func TestQuickConnectsOutliveUsers(t *testing.T) {
	r := newRoutes(t)
	ctx, c, in := t.Context(), call("Update"), r.in.ID
	r.did(r.DeleteUser(ctx, c, in, r.user.ID))
	to := lanyard.QuickConnect{Kind: lanyard.ToUser, User: r.user.ID, Flow: "g"}
	r.did(r.UpdateQuickConnectConfig(ctx, c, in, r.toUser.ID, to))
	if got := r.state(r.toUser).(*lanyard.QuickConnect); got.User != r.user.ID || got.Flow != "g" {
		t.Errorf("the quick connect is %+v", got)
	}
	to.User = r.arn(r.user)
	r.did(r.UpdateQuickConnectConfig(ctx, c, in, r.toUser.ID, to))
	r.fails(failure(r.UpdateQuickConnectConfig(ctx, c, in, r.phone.ID, to)), lanyard.Invalid, "UserConfig.UserId")
	r.did(r.DeleteQuickConnect(ctx, c, in, r.toUser.ID))
}

// TestManyQuickConnects fills a queue up to its bound.
func TestManyQuickConnects(t *testing.T) {
	r := newRoutes(t, func(c *control.Config) { c.Quotas.QuickConnects = -1 })
	var ids []string
	for i := range 701 {
		ids = append(ids, r.quickConnect(lanyard.QuickConnect{Meta: lanyard.Meta{Name: fmt.Sprint("q", i)},
			Kind: lanyard.ToFlow, Flow: "f"}).ID)
	}
	ctx, c, in, q := t.Context(), call("Update"), r.in.ID, r.queue.ID
	r.did(r.AssociateQueueQuickConnects(ctx, c, in, q, ids[:700]))
	r.fails(failure(r.AssociateQueueQuickConnects(ctx, c, in, q, ids[700:])), lanyard.Limit, "at most 700", "got 701")
	var got []string
	for p := (control.Page{Limit: 300}); ; {
		l, err := r.ListQueueQuickConnects(ctx, c, in, q, p)
		r.must(err)
		for _, x := range l.Items {
			got = append(got, x.ID)
		}
		if p.After = l.Next; p.After == "" {
			break
		}
	}
	if !reflect.DeepEqual(got, ids[:700]) {
		t.Errorf("the pages have %d quick connects", len(got))
	}
}

// TestDeepHours builds chains of hours that inherit from one another up to what is looked through for a cycle.
func TestDeepHours(t *testing.T) {
	r := newRoutes(t, func(c *control.Config) { c.Quotas.Hours = -1 })
	last := r.night.ID
	for i := range 99 {
		last = r.newHours(fmt.Sprint("h", i), last).ID
	}
	ctx, c, in := t.Context(), call("Update"), r.in.ID
	r.did(r.AssociateHoursOfOperations(ctx, c, in, r.newHours("hundred").ID, []string{last}))
	last = r.newHours("one more", last).ID
	r.fails(failure(r.AssociateHoursOfOperations(ctx, c, in, r.newHours("too deep").ID, []string{last})), lanyard.Invalid,
		"at most 100")
}

func TestChildHours(t *testing.T) {
	r := newRoutes(t)
	var want []string
	for i := range 5 {
		want = append(want, r.newHours(fmt.Sprint("child", i), r.night.ID).ID)
	}
	r.newHours("grandchild", want[0])
	for limit := 1; limit < 7; limit++ {
		var got []string
		for p := (control.Page{Limit: limit}); ; {
			l, err := r.ListChildHoursOfOperations(t.Context(), call(""), r.in.ID, r.arn(r.night), p)
			r.must(err)
			for _, h := range l.Items {
				got = append(got, h.ID)
			}
			if p.After = l.Next; p.After == "" {
				break
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("pages of %d have %v, want %v", limit, got, want)
		}
	}
}
