package authzen

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/access"
)

type page struct {
	Token *string `json:"token"`
	Limit *int64  `json:"limit"`
}

type searchRequest struct {
	Subject  *subject        `json:"subject"`
	Action   *action         `json:"action"`
	Resource *resource       `json:"resource"`
	Context  *requestContext `json:"context"`
	Page     *page           `json:"page"`
}

type searchResponse struct {
	Page    pageInfo `json:"page"`
	Results []any    `json:"results"`
}

type pageInfo struct {
	NextToken string `json:"next_token"`
	Count     int    `json:"count"`
}

type entity struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	// Properties say what is good to know of a result.
	Properties map[string]string `json:"properties,omitempty"`
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
	after, limit, err := a.page(in.Page, scope)
	if err != nil {
		return nil, err
	}
	snapshot, err := a.snapshot(in.Context)
	if err != nil {
		return nil, err
	}
	out, see := searchResponse{Results: []any{}}, a.principal.sight(snapshot)
	var next uint32
	switch endpoint {
	case subjects:
		var found []access.Holder
		find := func(after uint32, limit int) ([]access.Holder, uint32) { return snapshot.WhoCan(q, after, limit) }
		found, next = visible(after, limit, find, seesHolder(see))
		for _, h := range found {
			e := entity{Type: *in.Subject.Type, ID: h.ID, Properties: map[string]string{}}
			if h.Name != "" {
				e.Properties["name"] = h.Name
			}
			if see != nil && !see(access.TypeSecurityProfile, h.Profile) {
				out.Results = append(out.Results, e)
				continue
			}
			e.Properties["profile"] = h.Profile
			for _, p := range snapshot.Lookup(access.TypeSecurityProfile, h.Profile) {
				e.Properties["profile_name"] = p.Name
			}
			out.Results = append(out.Results, e)
		}
	case resources:
		var found []access.Found
		find := func(after uint32, limit int) ([]access.Found, uint32) {
			found, next, _ := snapshot.WhichResources(q, after, limit)
			return found, next
		}
		found, next = visible(after, limit, find, seesFound(see, *in.Resource.Type))
		for _, f := range found {
			out.Results = append(out.Results, entity{Type: *in.Resource.Type, ID: f.ID, Properties: map[string]string{"name": f.Name}})
		}
	case actions:
		for _, name := range snapshot.WhichActions(q) {
			out.Results = append(out.Results, named{name})
		}
	}
	out.Page = a.pageInfo(len(out.Results), next, scope)
	return json.Marshal(out, json.Deterministic(true))
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

// visible returns a page of what find finds and the caller sees, nil for all, and the place of the next
// page. Pages are full, and there is a next one only if something seen is on it: neither tells of what
// is hidden.
func visible[T any, P comparable](after P, limit int, find func(after P, limit int) ([]T, P), sees func(T) bool) ([]T, P) {
	if sees == nil {
		return find(after, limit)
	}
	const chunk = 500
	var end, next P
	var page []T
	for {
		some, following := find(after, chunk)
		for i, one := range some {
			if !sees(one) {
				continue
			}
			if len(page) == limit {
				return page, next
			}
			if page = append(page, one); len(page) == limit {
				if next = following; i < len(some)-1 {
					_, next = find(after, i+1) // the place right behind this one
				}
			}
		}
		if following == end {
			return page, end
		}
		after = following
	}
}

// page reads where a page begins and how long it may be.
func (a *asking) page(p *page, scope []byte) (after uint32, limit int, err error) {
	limit = defaultPage
	if p == nil {
		return 0, limit, nil
	}
	if p.Limit != nil {
		if *p.Limit < 0 {
			return 0, 0, bad("page.limit: %d is not accepted; 0 or more is", *p.Limit)
		}
		if *p.Limit > 0 { // 0 asks for nothing in particular
			limit = int(min(*p.Limit, maxPage))
		}
	}
	if p.Token != nil && *p.Token != "" {
		after, err = a.s.open(*p.Token, scope)
	}
	return after, limit, err
}

// pageInfo says how many results there are, and seals the place of the next page unless it is 0.
func (a *asking) pageInfo(count int, next uint32, scope []byte) pageInfo {
	info := pageInfo{Count: count}
	if next != 0 {
		info.NextToken = a.s.seal(next, scope)
	}
	return info
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

func (s *Server) seal(next uint32, scope []byte) string {
	b := make([]byte, macSize+4)
	binary.BigEndian.PutUint32(b[macSize:], next)
	copy(b, s.mac(b[macSize:], scope))
	return base64.RawURLEncoding.EncodeToString(b)
}

func (s *Server) open(token string, scope []byte) (uint32, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != macSize+4 || !hmac.Equal(b[:macSize], s.mac(b[macSize:], scope)) {
		return 0, bad("page.token: is not one that this search gave; repeat the request as it was, with the token added")
	}
	return binary.BigEndian.Uint32(b[macSize:]), nil
}

func (s *Server) mac(data, scope []byte) []byte {
	h := hmac.New(sha256.New, s.TokenSecret)
	h.Write([]byte("authzen page " + strconv.Itoa(len(scope))))
	h.Write(scope)
	h.Write(data)
	return h.Sum(nil)[:macSize]
}
