package console

import (
	"bytes"
	"context"
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
			delete(members, "Uses") // of what other members name
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
	lanyard.TypeAIAgent: {"Profiles": "SecurityProfileIds", "Name": ""},
	lanyard.TypeGroup:   {"Path": "HierarchyPath"},
	lanyard.TypeQueue: {"Hours": "HoursOfOperationId", "QuickConnects": "QuickConnectIds",
		"EmailAddresses": "EmailAddressIds", "Uses": ""},
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
		case "ID", "Seq", "Modified", "ClientToken", "RequestHash", "Uses":
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
