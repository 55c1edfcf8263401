package gateway

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A taskRef is what a task's id stands for.
type taskRef struct {
	Upstream string `json:"u"`
	Right    Right  `json:"r"`
	ID       string `json:"i"`
}

// task serves tasks/get, tasks/update and tasks/cancel, and what earlier revisions have besides. A task is its caller's
// alone, and requires the right to the tool that began it.
func (q *request) task() error {
	if !q.taskID.at.there() {
		return faultf(codeInvalidParams, "params.taskId is required")
	}
	u, ref, ok := q.openTask(q.taskID.value)
	if !ok {
		return faultf(codeInvalidParams, "task %.80q does not exist", q.taskID.value)
	}
	return q.run(errand{upstream: u, tool: ref.Right.Tool, name: ref.ID, rights: []Right{ref.Right},
		edits: []edit{{q.taskID.at, quote(ref.ID)}}})
}

// sealTask returns the id by which the agent knows a task.
func (q *request) sealTask(e errand, right Right, id string) string {
	return q.g.tasks.Seal(encode(taskRef{e.upstream.Name, right, id}), q.scope("task")...)
}

// openTask returns the upstream of the task that the caller knows by an id, and what the id stands for.
func (q *request) openTask(id string) (u *upstream, ref taskRef, ok bool) {
	opened, ok := q.g.tasks.Open(id, q.scope("task")...)
	if !ok || json.Unmarshal(opened, &ref) != nil {
		return nil, ref, false
	}
	u = q.g.upstream(ref.Upstream)
	return u, ref, u != nil && u.Local == nil
}

// mayUse reports whether a caller has a right now.
func (g *Gateway) mayUse(ctx context.Context, c *Caller, r Right) bool {
	decisions, err := g.Authority.Decide(ctx, c, []Right{r})
	return err == nil && len(decisions) == 1 && decisions[0].Allow
}

// watchedTasks returns what sends, each for a task, what upstreams say of it, and leaves in s.want the tasks that there
// are: those to whose tool the caller has the right. Upstreams with sessions say nothing.
func (s *subscription) watchedTasks(ctx context.Context) (watches []func(context.Context)) {
	var watched []string
	for _, id := range s.want.Tasks {
		u, ref, ok := s.q.openTask(id)
		if !ok || slices.Contains(watched, id) || !s.g.mayUse(ctx, s.q.caller, ref.Right) {
			continue
		}
		c := u.conn.Load()
		if c == nil || c.hello.version != revisionStateless {
			continue
		}
		watched = append(watched, id)
		watches = append(watches, func(ctx context.Context) { s.watchTask(ctx, c, ref, id) })
	}
	s.want.Tasks = watched
	return watches
}

// watchTask sends what an upstream says of one task until ctx ends. An agent that polls as well, as it should, misses
// nothing when the upstream ends its stream.
func (s *subscription) watchTask(ctx context.Context, c *connection, ref taskRef, id string) {
	o := ownRequest("subscriptions/listen", map[string]any{"notifications": map[string]any{"taskIds": []string{ref.ID}}})
	_, err := c.link.call(ctx, o, func(m *message) {
		if m.method != "notifications/tasks" || m.taskID.value != ref.ID || !s.g.mayUse(ctx, s.q.caller, ref.Right) {
			return
		}
		var params map[string]jsontext.Value
		if json.Unmarshal(m.raw(m.params), &params) != nil {
			return
		}
		sent := map[string]any{}
		for name, value := range params {
			sent[name] = value
		}
		sent["taskId"] = id
		s.send(notificationMessage(m.method, s.tagged(sent)))
	})
	if err != nil && ctx.Err() == nil {
		s.g.Logger.Debug("a subscription to a task ended", "upstream", ref.Upstream, "error", err)
	}
}
