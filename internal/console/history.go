package console

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/questions"
)

type historyRequest struct {
	InstanceID string `json:"InstanceId"`
	Type       string
	ID         string `json:"Id"`
	Before     int64
	Limit      int
	passwords  bool // also events that gave a password, and changed nothing else
}

// Bounds of history.
const (
	defaultHistory = 50
	maxHistory     = 200
	// maxLook is how many events one request looks at: without decoding some 0.1 s. The page goes on.
	maxLook    = 20_000
	maxLookAll = 5_000 // of events that are decoded
	// An import changes thousands of resources in one event. A page shows the first of them, and ends
	// early when its events are large together.
	maxChanges = 20
	maxPast    = 1 << 20 // bytes
	atOnce     = 10      // events that are read, before it is seen how large they are
)

func (in *historyRequest) checkMembers() (about lanyard.Ref, err error) {
	if in.Limit == 0 {
		in.Limit = defaultHistory
	}
	if in.Limit < 1 || in.Limit > maxHistory {
		return about, lanyard.Errorf(lanyard.Invalid, "Limit must be 1 to %d, got %d", maxHistory, in.Limit)
	}
	if in.Before < 0 {
		return about, lanyard.Errorf(lanyard.Invalid, "Before must be a revision, 0 or more, got %d", in.Before)
	}
	if in.Type == "" && in.ID != "" {
		return about, lanyard.Errorf(lanyard.Invalid, "Type is required when Id is given")
	}
	if in.Type == "" {
		return about, nil
	}
	t, ok := lanyard.StoredType(in.Type)
	if !ok {
		return about, lanyard.Errorf(lanyard.Invalid, "Type must be %s, got %q", withHistory(), lanyard.Clip(in.Type))
	}
	if len(in.ID) > lanyard.MaxARN {
		return about, lanyard.Errorf(lanyard.Invalid, "Id must have at most %d bytes, got %d", lanyard.MaxARN, len(in.ID))
	}
	return lanyard.Ref{Type: t, ID: in.ID}, nil
}

// withHistory lists the types that the page may ask for.
func withHistory() string {
	var names []string
	for _, t := range lanyard.Types() {
		if t.Name() != "" {
			names = append(names, t.Name())
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// A historyPage is a page of history, less what the viewer may not see.
type historyPage struct {
	events   []lanyard.Event
	next     int64
	searched *time.Time // back to when, unless to the beginning
}

// readHistory reads a page of history.
func (s *Server) readHistory(ctx context.Context, v *viewer, in historyRequest) (p historyPage, err error) {
	about, err := in.checkMembers()
	if err != nil {
		return p, err
	}
	if about.ID != "" && about.Type != lanyard.TypeAIAgent {
		if about.ID, err = v.ID(about.ID); err != nil {
			return p, err
		}
	}
	if err := v.mayLook(about); err != nil {
		return p, err
	}
	seen := s.newChangeSight(v)
	seen.passwords = in.passwords
	if about.ID != "" {
		if about, err = seen.hide(ctx, about); err != nil {
			return p, err
		}
	}
	if err := s.readEvents(ctx, &p, about, in, seen); err != nil || p.next == 0 {
		return p, err
	}
	last, err := s.Control.Events(ctx, v.in.ID, p.next-1, 1)
	if err == nil && len(last) > 0 {
		p.searched = &last[0].Time
	}
	return p, err
}

// readEvents reads events from the newest on, until the page is full, has become large, or enough was looked at.
func (s *Server) readEvents(ctx context.Context, p *historyPage, about lanyard.Ref, in historyRequest,
	seen *changeSight) error {
	before, look, size := in.Before, maxLook, 0
	if about.ID == "" {
		look = maxLookAll
	}
	for {
		events, next, err := s.Control.History(ctx, seen.v.in.ID, about, before, look, min(in.Limit-len(p.events), atOnce))
		if err != nil {
			return err
		}
		for i := range events {
			e := &events[i]
			shown, err := seen.filter(ctx, e, about)
			if err != nil {
				return err
			}
			if !shown {
				continue
			}
			p.events = append(p.events, *e)
			if size += sizeOf(e); size > maxPast {
				if i < len(events)-1 {
					next = e.Revision
				}
				look = 0
				break
			}
		}
		p.next = next
		// How many were looked at follows from the revisions, which have no gaps.
		from := before
		if from == 0 {
			from = seen.v.Revision() + 1
		}
		look -= int(max(from-max(next, 1), 1))
		if before = next; next == 0 || len(p.events) >= in.Limit || look <= 0 {
			return nil
		}
	}
}

// sizeOf is about how many bytes an event has.
func sizeOf(e *lanyard.Event) int {
	n := len(e.Request)
	for _, c := range e.Changes {
		n += len(c.Before) + len(c.After)
	}
	return n
}

// mayLook refuses viewers who may not see any change of what is asked about.
func (v *viewer) mayLook(about lanyard.Ref) error {
	if v.Viewer == "" {
		return nil
	}
	if about.Type != "" {
		permission := about.Type.View()
		if about.Type == lanyard.TypeStructure {
			permission = questions.ViewPermission(access.TypeHierarchyGroup)
		}
		if permission == "" {
			return &lanyard.Error{Kind: lanyard.Denied, Message: "the history of the instance is for the operator"}
		}
		return v.RequirePermission(permission)
	}
	for _, t := range []string{access.TypeSecurityProfile, access.TypeUser} {
		if v.RequirePermission(questions.ViewPermission(t)) == nil {
			return nil
		}
	}
	return questions.Denied(questions.ViewPermission(access.TypeSecurityProfile),
		"history shows changes of profiles and users that you may view")
}

// A changeSight decides what the viewer may see of changes, also of what does not exist any more.
type changeSight struct {
	s       *Server
	v       *viewer
	tags    map[lanyard.Ref]map[string]string // the last ones of what was deleted
	deleted int                               // how many deletions were looked for
	// passwords has events count that gave a password.
	passwords bool
}

// nothing is an id that no resource has.
const nothing = "00000000-0000-0000-0000-000000000000"

// hide returns what is looked for in the place of a resource: nothing, where the viewer may not view it. Reading the
// changes of a hidden resource only to filter them out would take longer than finding none of one that never existed.
func (g *changeSight) hide(ctx context.Context, about lanyard.Ref) (lanyard.Ref, error) {
	if g.v.Viewer == "" || about.Type == lanyard.TypeAIAgent || about.Type == lanyard.TypeStructure {
		return about, nil // there is no single one of these that is hidden
	}
	name := about.Type.Name()
	d := g.v.Decide(&access.Query{Subject: access.Subject{ID: g.v.Viewer}, Action: questions.ViewPermission(name),
		Resource: access.Resource{Type: name, ID: about.ID}})
	if !d.Allow && d.Reason != access.UnknownResource {
		about.ID = nothing
	}
	shown, err := g.sees(ctx, lanyard.Change{Type: about.Type, ID: about.ID})
	if !shown {
		about.ID = nothing
	}
	return about, err
}

// filter leaves in an event the changes that the viewer may see, and reports whether there are any.
func (g *changeSight) filter(ctx context.Context, e *lanyard.Event, about lanyard.Ref) (bool, error) {
	is := func(c lanyard.Change) bool {
		whole, err := wholeOf(c)
		return err == nil && (about.Type == "" || whole.Type == about.Type) && (about.ID == "" || whole.ID == about.ID)
	}
	if g.v.Viewer == "" {
		if about.Type == "" {
			return true, nil
		}
		first := slices.DeleteFunc(slices.Clone(e.Changes), func(c lanyard.Change) bool { return !is(c) })
		rest := slices.DeleteFunc(slices.Clone(e.Changes), is)
		e.Changes = append(first, rest...)
		given := g.passwords &&
			slices.ContainsFunc(e.Passwords, func(p lanyard.PasswordSet) bool { return is(passwordOf(p)) })
		return len(first) > 0 || given, nil
	}
	if e.Refused != "" {
		return false, nil
	}
	var kept []lanyard.Change
	whole := true
	for _, c := range e.Changes {
		if !is(c) || isOfValues(c) {
			continue
		}
		ok, err := g.sees(ctx, c)
		if err != nil {
			return false, err
		}
		if ok {
			if c.Before, err = g.v.shown(c.Type, c.Before); err == nil {
				c.After, err = g.v.shown(c.Type, c.After)
			}
			if err != nil {
				return false, err
			}
			whole = whole && g.v.showsWhole(c.Type)
			kept = append(kept, c)
		}
	}
	given := slices.Clone(e.Passwords)
	for i := len(given) - 1; i >= 0; i-- {
		ok, err := is(passwordOf(given[i])), error(nil)
		if ok {
			ok, err = g.sees(ctx, passwordOf(given[i]))
		}
		if err != nil {
			return false, err
		}
		if !ok {
			given = slices.Delete(given, i, i+1)
		}
	}
	if len(kept) < len(e.Changes) || len(given) < len(e.Passwords) || !whole {
		e.Request = nil // it is about what is not shown, too
	}
	e.Changes, e.Passwords = kept, given
	return len(kept) > 0 || g.passwords && len(given) > 0, nil
}

// passwordOf returns the user whose password was set, as a change without documents.
func passwordOf(p lanyard.PasswordSet) lanyard.Change {
	return lanyard.Change{Type: lanyard.TypeUser, ID: p.User}
}

// partNames are what history calls parts of resources, whose changes are shown with those of what they are parts of.
var partNames = map[lanyard.Type]string{lanyard.TypeDataTableAttribute: "DataTableAttribute"}

// shownName is what history calls a type; "" when it does not show it.
func shownName(t lanyard.Type) string { return cmp.Or(t.Name(), partNames[t]) }

// wholeOf is the resource that a change is about: of a part, what that is a part of.
func wholeOf(c lanyard.Change) (lanyard.Ref, error) {
	if c.Type != lanyard.TypeDataTableAttribute {
		return lanyard.Ref{Type: c.Type, ID: c.ID}, nil
	}
	doc := c.After
	if len(doc) == 0 {
		doc = c.Before
	}
	var a struct{ Table string }
	err := laxjson.Unmarshal(doc, &a)
	return lanyard.Ref{Type: lanyard.TypeDataTable, ID: a.Table}, err
}

// ofValues are the members of documents that change with the values of a data table, of which some may be hidden.
var ofValues = map[lanyard.Type][]string{
	lanyard.TypeDataTable: {"Lock", "Values"}, lanyard.TypeDataTableAttribute: {"Lock"},
}

// isOfValues reports whether nothing but values of a data table changed.
func isOfValues(c lanyard.Change) bool {
	if ofValues[c.Type] == nil || len(c.Before) == 0 || len(c.After) == 0 {
		return false
	}
	docs, err := bare([]lanyard.Change{c})
	return err == nil && bytes.Equal(docs[0].Before, docs[0].After)
}

func (g *changeSight) sees(ctx context.Context, c lanyard.Change) (bool, error) {
	whole, err := wholeOf(c)
	if err != nil {
		return false, err
	}
	c.Type, c.ID = whole.Type, whole.ID
	name := c.Type.Name()
	switch {
	case c.Type == lanyard.TypeStructure:
		return g.v.May(questions.ViewPermission(access.TypeHierarchyGroup), access.Resource{}), nil
	case questions.ViewPermission(name) == "":
		return false, nil
	case c.Type == lanyard.TypeAIAgent:
		return g.v.Sees(name, c.ID), nil
	}
	d := g.v.Decide(&access.Query{Subject: access.Subject{ID: g.v.Viewer}, Action: questions.ViewPermission(name),
		Resource: access.Resource{Type: name, ID: c.ID}})
	if d.Reason != access.UnknownResource {
		return d.Allow, nil
	}
	// It was deleted: its last tags count, and of a user the last group.
	ref := lanyard.Ref{Type: c.Type, ID: c.ID}
	tags, ok := g.tags[ref]
	if !ok {
		var err error
		tags, err = g.s.Control.ListTagsForResource(ctx, g.v.call, g.s.Control.ARN(g.v.in, c.Type, c.ID))
		if err != nil && !errors.Is(err, lanyard.ErrNotFound) {
			return false, err
		}
		g.tags[ref] = tags
	}
	r := access.Resource{Type: name, New: true, Tags: tags}
	if c.Type == lanyard.TypeUser {
		var err error
		if r.Group, ok, err = g.group(ctx, ref); err != nil || !ok {
			return false, err
		}
	}
	return g.v.May(questions.ViewPermission(name), r), nil
}

// group returns the group that a deleted user was in last, which its deletion tells. It is not found when that lies
// too far back.
func (g *changeSight) group(ctx context.Context, ref lanyard.Ref) (group string, ok bool, err error) {
	last, err := g.last(ctx, ref)
	if err != nil || len(last.Before) == 0 {
		return "", false, err
	}
	var was struct{ Group string }
	err = laxjson.Unmarshal(last.Before, &was)
	return was.Group, err == nil, err
}

// history answers a page of events, newest first.
func (s *Server) history(ctx context.Context, a *asking) (any, error) {
	var in historyRequest
	v, err := s.about(ctx, a, &in, &in.InstanceID)
	if err != nil {
		return nil, err
	}
	return s.showHistory(ctx, v, in)
}

// showHistory answers a page of events for a viewer.
func (s *Server) showHistory(ctx context.Context, v *viewer, in historyRequest) (out HistoryAnswer, err error) {
	in.passwords = true
	p, err := s.readHistory(ctx, v, in)
	if err != nil {
		return out, err
	}
	shown, names := []HistoryEvent{}, s.naming(v)
	for i := range p.events {
		x, err := s.showEvent(ctx, v, &p.events[i], names)
		if err != nil {
			return out, err
		}
		shown = append(shown, x)
	}
	return HistoryAnswer{Events: shown, Names: names.known(), Next: p.next, Searched: p.searched, Revision: v.Revision()},
		nil
}

// showEvent shows an event, and adds what its changes mention to names.
func (s *Server) showEvent(ctx context.Context, v *viewer, e *lanyard.Event, names *naming) (HistoryEvent, error) {
	x := HistoryEvent{Revision: e.Revision, ID: e.ID, Time: e.Time, Operation: e.Operation, By: v.by(s.authorOf(e)),
		Refused: e.Refused, Changes: []HistoryChange{}}
	x.From.SourceIP, x.From.UserAgent = e.SourceIP, e.UserAgent
	x.From.Console = strings.HasPrefix(e.UserAgent, consoleAgent)
	for _, c := range e.Changes {
		name := shownName(c.Type)
		if name == "" {
			continue
		}
		if x.ChangesTotal++; x.ChangesTotal > maxChanges {
			continue
		}
		one, err := s.change(v, name, c)
		if err == nil {
			err = names.add(ctx, c.Type, c.Before)
		}
		if err == nil {
			err = names.add(ctx, c.Type, c.After)
		}
		if err != nil {
			return x, err
		}
		x.Changes = append(x.Changes, one)
	}
	return x, nil
}

// concealed is what CloudTrail writes in the place of what a record does not say.
const concealed = "HIDDEN_DUE_TO_SECURITY_REASONS"

// historyExport answers a page of events as programs read them.
func (s *Server) historyExport(ctx context.Context, a *asking) (any, error) {
	var in historyRequest
	v, err := s.about(ctx, a, &in, &in.InstanceID)
	if err != nil {
		return nil, err
	}
	in.passwords = true
	p, err := s.readHistory(ctx, v, in)
	if err != nil {
		return nil, err
	}
	records := []any{}
	for _, e := range p.events {
		if v.Viewer != "" {
			e.AccessKeyID = concealed
			if who := v.by(author{user: e.OnBehalfOf}); e.OnBehalfOf != "" && who.ID == "" {
				e.OnBehalfOf = concealed
			}
			if e.Agent != "" && !v.Sees(access.TypeAIAgent, e.Agent) {
				e.Agent = concealed
			}
			if e.Changes, err = bare(e.Changes); err != nil {
				return nil, err
			}
		}
		records = append(records, s.Export(e)...)
	}
	return ExportAnswer{Records: records, Next: p.next, Searched: p.searched}, nil
}

// bare takes out of documents what the store keeps alongside them: their places in the order of creation, which
// count what others made too, by whom a profile was changed last, and what tells of the values of data tables.
func bare(changes []lanyard.Change) ([]lanyard.Change, error) {
	out := slices.Clone(changes)
	for i := range out {
		for _, doc := range []*lanyard.JSON{&out[i].Before, &out[i].After} {
			if len(*doc) == 0 {
				continue
			}
			members := map[string]lanyard.JSON{}
			if err := laxjson.Unmarshal(*doc, &members); err != nil {
				return nil, err
			}
			delete(members, "Seq")
			delete(members, "ModifiedBy")
			for _, name := range ofValues[out[i].Type] {
				delete(members, name)
			}
			b, err := laxjson.Marshal(members)
			if err != nil {
				return nil, err
			}
			*doc = b
		}
	}
	return out, nil
}

// change shows what happened to one resource, field by field.
func (s *Server) change(v *viewer, name string, c lanyard.Change) (HistoryChange, error) {
	out := HistoryChange{Type: name, ID: c.ID, Action: "update", Fields: []FieldChange{}}
	switch {
	case len(c.Before) == 0:
		out.Action = "create"
	case len(c.After) == 0:
		out.Action = "delete"
	}
	before, title, err := s.fields(v.in, c.Type, c.Before)
	if err != nil {
		return out, err
	}
	after, now, err := s.fields(v.in, c.Type, c.After)
	if err != nil {
		return out, err
	}
	if out.Name = now; out.Name == "" {
		out.Name = title
	}
	names := map[string]bool{}
	for n := range before {
		names[n] = true
	}
	for n := range after {
		names[n] = true
	}
	for _, n := range sorted(names) {
		b, has := before[n], after[n]
		if bytes.Equal(b, has) || empty(b) && empty(has) {
			continue
		}
		f := FieldChange{Field: n, Before: b, After: has}
		old, ok1 := texts(b)
		fresh, ok2 := texts(has)
		if ok1 && ok2 {
			added, removed := less(fresh, old), less(old, fresh)
			f.Added, f.Removed = &added, &removed
		}
		out.Fields = append(out.Fields, f)
	}
	return out, nil
}

func sorted(names map[string]bool) []string {
	var all []string
	for n := range names {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func empty(b lanyard.JSON) bool {
	switch string(b) {
	case "", "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// texts reads a list of texts; what is absent is an empty one.
func texts(b lanyard.JSON) (list []string, ok bool) {
	return list, len(b) == 0 || b[0] == '[' && laxjson.Unmarshal(b, &list) == nil
}

func less(a, b []string) []string {
	out := []string{}
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// renamed are the members of stored documents that have another name in the API; "" are not shown.
var renamed = map[lanyard.Type]map[string]string{
	lanyard.TypeUser: {"Name": "Username", "Profiles": "SecurityProfileIds", "RoutingProfile": "RoutingProfileId",
		"Group": "HierarchyGroupId", "DirectoryUserID": "DirectoryUserId"},
	lanyard.TypeAIAgent:      {"Profiles": "SecurityProfileIds", "Name": ""},
	lanyard.TypeGroup:        {"Path": "HierarchyPath"},
	lanyard.TypeQueue:        {"Hours": "HoursOfOperationId", "QuickConnects": "QuickConnectIds"},
	lanyard.TypeQuickConnect: {"Kind": "QuickConnectType", "User": "UserId", "Queue": "QueueId", "Flow": "ContactFlowId"},
	lanyard.TypeDataTable:    {"LockLevel": "ValueLockLevel", "Lock": "", "Values": ""},

	lanyard.TypeDataTableAttribute: {"Table": "DataTableId", "Lock": ""},
}

// fields are the members of a stored document, by the names that the API has for them.
func (s *Server) fields(in *lanyard.Instance, t lanyard.Type,
	doc lanyard.JSON) (fields map[string]lanyard.JSON, name string, err error) {
	if len(doc) == 0 {
		return nil, "", nil
	}
	if t == lanyard.TypeProfile {
		var p lanyard.Profile
		if err := laxjson.Unmarshal(doc, &p); err != nil {
			return nil, "", err
		}
		b, err := laxjson.Marshal(s.stateOf(in, &p))
		if err != nil {
			return nil, "", err
		}
		if err := laxjson.Unmarshal(b, &fields); err != nil {
			return nil, "", err
		}
		for _, n := range []string{"SecurityProfileId", "SecurityProfileArn", "LastModifiedTime"} {
			delete(fields, n)
		}
		return fields, p.Name, nil
	}
	var meta lanyard.Meta
	all := map[string]lanyard.JSON{}
	if err := laxjson.Unmarshal(doc, &meta); err != nil {
		return nil, "", err
	}
	if err := laxjson.Unmarshal(doc, &all); err != nil {
		return nil, "", err
	}
	fields = map[string]lanyard.JSON{}
	for n, value := range all {
		switch n {
		case "ID", "Seq", "Modified", "ClientToken", "RequestHash":
			continue
		}
		if other, ok := renamed[t][n]; ok {
			n = other
		}
		if n != "" {
			fields[n] = value
		}
	}
	return fields, meta.Name, nil
}

// historyState answers a resource as it was after a revision.
func (s *Server) historyState(ctx context.Context, a *asking) (any, error) {
	var in struct {
		InstanceID string `json:"InstanceId"`
		Type       string
		ID         string `json:"Id"`
		Revision   int64
	}
	v, err := s.about(ctx, a, &in, &in.InstanceID)
	if err != nil {
		return nil, err
	}
	if in.Revision < 1 || in.Revision > v.Revision() {
		return nil, lanyard.Errorf(lanyard.Invalid, "Revision must be 1 to %d, got %d", v.Revision(), in.Revision)
	}
	if in.Type == "" || in.ID == "" {
		return nil, lanyard.Errorf(lanyard.Invalid, "Type and Id are required")
	}
	p, err := s.readHistory(ctx, v, historyRequest{Type: in.Type, ID: in.ID, Before: in.Revision + 1, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(p.events) == 0 {
		if p.next != 0 {
			return nil, lanyard.Errorf(lanyard.NotFound,
				"Revision must be one that history shows: %s %q did not change in the %d revisions before %d",
				lanyard.Clip(in.Type), lanyard.Clip(in.ID), maxLook, in.Revision)
		}
		return nil, lanyard.Errorf(lanyard.NotFound, "%s %q did not exist at revision %d, or you may not view it",
			lanyard.Clip(in.Type), lanyard.Clip(in.ID), in.Revision)
	}
	t, _ := lanyard.StoredType(in.Type)
	id := in.ID
	if t != lanyard.TypeAIAgent {
		if id, err = v.ID(id); err != nil {
			return nil, err
		}
	}
	return s.stateAfter(ctx, v, &p.events[0], lanyard.Ref{Type: t, ID: id})
}

// stateAfter shows a resource as an event left it, or as it was when the event deleted it.
func (s *Server) stateAfter(ctx context.Context, v *viewer, e *lanyard.Event, about lanyard.Ref) (any, error) {
	var change lanyard.Change
	for _, c := range e.Changes { // the last of several
		if c.ID == about.ID && c.Type == about.Type {
			change = c
		}
	}
	doc, deleted := change.After, len(change.After) == 0
	if deleted {
		doc = change.Before
	}
	names := s.naming(v)
	if err := names.add(ctx, about.Type, doc); err != nil {
		return nil, err
	}
	out := StateAnswer{Names: names.known(), Revision: e.Revision, Deleted: deleted}
	if about.Type == lanyard.TypeProfile {
		var was lanyard.Profile
		if err := laxjson.Unmarshal(doc, &was); err != nil {
			return nil, err
		}
		state := s.stateOf(v.in, &was)
		out.Profile, out.ETag = &state, control.ETag(&was)
		return out, nil
	}
	var err error
	out.State, _, err = s.fields(v.in, about.Type, doc)
	return out, err
}
