package authzen

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"sort"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/access"
)

type page struct {
	Token      *string `json:"token"`
	Limit      *int64  `json:"limit"`
	Properties *object `json:"properties"`
}

type searchRequest struct {
	Subject  *subject        `json:"subject"`
	Action   *action         `json:"action"`
	Resource *resource       `json:"resource"`
	Context  *requestContext `json:"context"`
	Page     *page           `json:"page"`
}

type searchResponse struct {
	Page    pageInfo         `json:"page"`
	Context *searchContext   `json:"context,omitempty"`
	Results []jsontext.Value `json:"results"`
}

// searchContext has the names of the profiles that the results name by their ids.
type searchContext struct {
	Profiles map[string]string `json:"profiles"`
}

type pageInfo struct {
	NextToken string `json:"next_token"`
	Count     int    `json:"count"`
}

type entity struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	// Properties say what is good to know of a result.
	Properties any `json:"properties,omitempty"`
}

type (
	nameProperty struct {
		Name string `json:"name"`
	}
	holderProperties struct {
		Name string `json:"name,omitempty"`
		// Profile is the first that allows it by itself. Profiles are all, at most access.MaxProfiles of
		// ProfileCount.
		Profile      string   `json:"profile,omitempty"`
		ProfileName  string   `json:"profile_name,omitempty"`
		Profiles     []string `json:"profiles"`
		ProfileCount int      `json:"profile_count"`
	}
)

// A list is the results of an answer, as far as they fit.
type list struct {
	results []jsontext.Value
	size    int
}

// add adds a result, unless the list is full. The first one always fits.
func (l *list) add(result any) (bool, error) {
	b, err := json.Marshal(result, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return false, err
	}
	if len(l.results) > 0 && l.size+len(b) > maxAnswer {
		return false, nil
	}
	l.results = append(l.results, b)
	l.size += len(b) + 1
	return true, nil
}

// results makes a list of what was found. next is the position of the next page: the one behind all that
// was found or, when the list is full before, the one behind the last that fits.
func results[T any](found []T, next position, behind func(T) position,
	show func(T) any) ([]jsontext.Value, position, error) {
	l := list{results: []jsontext.Value{}}
	for i, f := range found {
		fits, err := l.add(show(f))
		if err != nil {
			return nil, nil, err
		}
		if !fits {
			return l.results, behind(found[i-1]), nil
		}
	}
	return l.results, next, nil
}

func behindHolder(from access.Cursor) func(access.Holder) position {
	return func(h access.Holder) position { return positionOf(from.Behind(h.Seq)) }
}

func behindFound(from access.Cursor) func(access.Found) position {
	return func(f access.Found) position { return positionOf(from.Behind(f.Seq)) }
}

type named struct {
	Name string `json:"name"`
}

// search answers a search for subjects, resources or actions.
func (a *asking) search(endpoint string, body []byte) ([]byte, error) {
	var in searchRequest
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	it := item{in.Subject, in.Action, in.Resource, in.Context}
	if err := required(endpoint, &it); err != nil {
		return nil, err
	}
	var q access.Query
	it.fill(&q)
	if err := in.Context.surface(&q); err != nil {
		return nil, err
	}
	scope, err := a.scope(endpoint, &it)
	if err != nil {
		return nil, err
	}
	at, limit, err := a.page(in.Page, scope)
	if err != nil {
		return nil, err
	}
	snapshot, err := a.snapshot(in.Context)
	if err != nil {
		return nil, err
	}
	from, see := at.cursor().Begin(snapshot), a.principal.sight(snapshot)
	out := searchResponse{}
	var next position
	switch endpoint {
	case subjects:
		found, end := visible(from, limit, seesHolder(see),
			func(page access.Page) ([]access.Holder, access.Cursor) { return snapshot.WhoCan(&q, page) })
		out.Context = &searchContext{profileNames(snapshot, found, see)}
		out.Results, next, err = results(found, positionOf(end), behindHolder(from), func(h access.Holder) any {
			return entity{*in.Subject.Type, h.ID, shownOf(h, out.Context.Profiles, see)}
		})
	case resources:
		found, end := visible(from, limit, seesFound(see, *in.Resource.Type),
			func(page access.Page) ([]access.Found, access.Cursor) {
				found, next, _ := snapshot.WhichResources(&q, page)
				return found, next
			})
		out.Results, next, err = results(found, positionOf(end), behindFound(from), func(f access.Found) any {
			return entity{*in.Resource.Type, f.ID, nameProperty{f.Name}}
		})
	case actions:
		names := snapshot.WhichActions(&q)
		names = names[sort.Search(len(names), func(i int) bool { return names[i] > string(at) }):]
		out.Results, next, err = results(names, nil, func(name string) position { return position(name) },
			func(name string) any { return named{name} })
	}
	if err != nil {
		return nil, err
	}
	out.Page = a.pageInfo(len(out.Results), next, scope)
	return json.Marshal(out, json.Deterministic(true))
}

// shownOf is what is said of somebody who can: the profiles through which they can, less those that the
// caller may not see.
func shownOf(h access.Holder, names map[string]string, see access.Sight) any {
	if see != nil {
		h.Profiles = slices.DeleteFunc(slices.Clone(h.Profiles),
			func(id string) bool { return !see(access.TypeSecurityProfile, id) })
		h.Granting = len(h.Profiles)
	}
	first := "" // that allows it by itself
	if h.Profile != "" && len(h.Profiles) > 0 {
		first = h.Profiles[0]
	}
	return holderProperties{h.Name, first, names[first], h.Profiles, h.Granting}
}

func seesHolder(see access.Sight) func(access.Holder) bool {
	if see == nil {
		return nil
	}
	return func(h access.Holder) bool {
		if h.Type == access.AIAgent {
			return see(access.TypeAIAgent, h.ID)
		}
		return see(access.TypeUser, h.ID)
	}
}

func seesFound(see access.Sight, resourceType string) func(access.Found) bool {
	if see == nil {
		return nil
	}
	return func(f access.Found) bool { return see(resourceType, f.ID) }
}

// visible returns a page of what find finds and the caller sees, nil for all, and where the next page
// begins. Pages are full, and there is a next one only if something seen is on it: neither tells of what
// is hidden.
func visible[T any](from access.Cursor, limit int, sees func(T) bool,
	find func(access.Page) ([]T, access.Cursor)) ([]T, access.Cursor) {
	if sees == nil {
		return find(access.Page{From: from, Limit: limit})
	}
	const chunk = 500
	var next access.Cursor
	var page []T
	for {
		some, following := find(access.Page{From: from, Limit: chunk})
		for i, one := range some {
			if !sees(one) {
				continue
			}
			if len(page) == limit {
				return page, next
			}
			if page = append(page, one); len(page) == limit {
				if next = following; i < len(some)-1 {
					_, next = find(access.Page{From: from, Limit: i + 1}) // right behind this one
				}
			}
		}
		if from = following; following == (access.Cursor{}) {
			return page, access.Cursor{}
		}
	}
}

// profileNames are the names of the profiles that holders are named with and the caller sees, by their ids.
func profileNames(s *access.Snapshot, found []access.Holder, see access.Sight) map[string]string {
	names := map[string]string{}
	for _, h := range found {
		for _, id := range h.Profiles {
			if _, known := names[id]; known || see != nil && !see(access.TypeSecurityProfile, id) {
				continue
			}
			for _, p := range s.Lookup(access.TypeSecurityProfile, id) {
				names[id] = p.Name
			}
		}
	}
	return names
}

// page reads where a page begins, as its token says, and how long it may be.
func (a *asking) page(p *page, scope []byte) (at position, limit int, err error) {
	limit = defaultPage
	if p == nil {
		return nil, limit, nil
	}
	if p.Limit != nil {
		if *p.Limit < 0 {
			return nil, 0, bad("page.limit must be 0 or more, got %d", *p.Limit)
		}
		if *p.Limit > 0 { // 0 asks for nothing in particular
			limit = int(min(*p.Limit, maxPage))
		}
	}
	if p.Token != nil && *p.Token != "" {
		at, err = a.s.open(*p.Token, scope)
	}
	return at, limit, err
}

// pageInfo says how many results there are, and seals the position of the next page, if there is one.
func (a *asking) pageInfo(count int, next position, scope []byte) pageInfo {
	info := pageInfo{Count: count}
	if next != nil {
		info.NextToken = a.s.seal(next, scope)
	}
	return info
}

// A position is where the next page of a list begins, nil at its beginning and at its end: a Cursor, or
// the key of the last entry. Neither depends on the server or on what has changed in between.
type position []byte

func positionOf(c access.Cursor) position {
	if c == (access.Cursor{}) {
		return nil
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(c.After)), uint64(c.Until))
}

func (p position) cursor() (c access.Cursor) {
	if len(p) == 16 {
		c = access.Cursor{After: int64(binary.BigEndian.Uint64(p)), Until: int64(binary.BigEndian.Uint64(p[8:]))}
	}
	return c
}

// required checks what a search needs: everything but the identifier of what is searched.
func required(endpoint string, it *item) error {
	switch {
	case it.Subject == nil || it.Subject.Type == nil:
		return bad("subject and subject.type are required")
	case endpoint != subjects && it.Subject.ID == nil:
		return bad("subject.id is required")
	case it.Resource == nil || it.Resource.Type == nil:
		return bad("resource and resource.type are required")
	case endpoint != resources && it.Resource.ID == nil:
		return bad("resource.id is required")
	case endpoint != actions && (it.Action == nil || it.Action.Name == nil):
		return bad("action and action.name are required")
	}
	switch endpoint {
	case subjects:
		it.Subject.ID = nil
	case resources:
		it.Resource.ID = nil
	case actions:
		it.Action = nil
	}
	return nil
}

// scope is what must stay the same from page to page.
func (a *asking) scope(endpoint string, it *item) ([]byte, error) {
	b, err := json.Marshal(struct {
		Account, Instance, Endpoint string
		Item                        *item
	}{a.principal.Account, a.instance, endpoint, it}, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return sum[:], nil
}

const macSize = 16

// seal makes a token of a position. Any server with the same secret opens it.
func (s *Server) seal(next position, scope []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(s.mac(next, scope), next...))
}

func (s *Server) open(token string, scope []byte) (position, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) <= macSize || !hmac.Equal(b[:macSize], s.mac(b[macSize:], scope)) {
		return nil, bad("page.token must be one that this search gave; repeat the request as it was, with the token added")
	}
	return b[macSize:], nil
}

func (s *Server) mac(data, scope []byte) []byte {
	h := hmac.New(sha256.New, s.TokenSecret)
	h.Write([]byte("authzen page " + strconv.Itoa(len(scope))))
	h.Write(scope)
	h.Write(data)
	return h.Sum(nil)[:macSize]
}
