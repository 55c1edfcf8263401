package admin

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/remoteaddr"
)

// MaxMirrorBody bounds a piece of a mirror, in bytes.
const MaxMirrorBody = 8 << 20

// MirrorUserAgent is what the events of mirrors have as the program that made them.
const MirrorUserAgent = "lanyard mirror"

// A Resource is a resource as the wire has it.
type Resource struct {
	Type     lanyard.Type
	Resource lanyard.JSON
}

// NewResources encodes resources.
func NewResources(list []lanyard.Resource) ([]Resource, error) {
	out := make([]Resource, len(list))
	for i, r := range list {
		b, err := laxjson.Marshal(r)
		if err != nil {
			return nil, err
		}
		out[i] = Resource{r.Type(), b}
	}
	return out, nil
}

// ReadResources decodes resources.
func ReadResources(list []Resource) ([]lanyard.Resource, error) {
	out := make([]lanyard.Resource, len(list))
	for i, r := range list {
		if out[i] = lanyard.New(r.Type); out[i] == nil {
			return nil, lanyard.Errorf(lanyard.Invalid, "Type must be one that lanyard stores, got %s",
				lanyard.Quote(string(r.Type)))
		}
		if err := json.Unmarshal(r.Resource, out[i], laxjson.Options, json.RejectUnknownMembers(true)); err != nil {
			return nil, lanyard.Errorf(lanyard.Invalid, "the %s cannot be read: %v", r.Type.Word(), err)
		}
	}
	return out, nil
}

// Mirrored is an instance of that id, or nil, and the account whose keys and console the server has.
type Mirrored struct {
	Instance *lanyard.Instance
	Account  string
}

func (s *server) mirror(r *http.Request, _ []byte) (any, error) {
	in, err := s.Control.MirrorInstance(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	caller, err := s.caller(r, nil)
	return Mirrored{in, caller.Account}, err
}

// MirrorPage is a page of the resources of a mirror; Next is 0 on the last.
type MirrorPage struct {
	Resources []Resource
	Next      int64
}

func (s *server) mirrorResources(r *http.Request, _ []byte) (any, error) {
	after, err := number("after", r.URL.Query().Get("after"), 0)
	if err != nil {
		return nil, err
	}
	page, next, err := s.Control.MirrorResources(r.Context(), r.PathValue("id"), lanyard.Type(r.URL.Query().Get("type")),
		after)
	if err != nil {
		return nil, err
	}
	list, err := NewResources(page)
	return MirrorPage{list, next}, err
}

// MirrorPiece is a control.MirrorPiece as the wire has it.
type MirrorPiece struct {
	Instance    *lanyard.Instance
	Run         string
	First, Last bool
	Put         []Resource
	Delete      []lanyard.Ref
}

func (s *server) applyMirror(r *http.Request, body []byte) (any, error) {
	var in MirrorPiece
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	put, err := ReadResources(in.Put)
	if err != nil {
		return nil, err
	}
	caller, err := s.caller(r, body)
	if err != nil {
		return nil, err
	}
	result, err := s.Control.ApplyMirror(r.Context(), caller, control.MirrorPiece{Instance: in.Instance, Run: in.Run,
		First: in.First, Last: in.Last, Put: put, Delete: in.Delete})
	return map[string]any{"Changed": result.Changed, "Revision": result.Revision}, err
}

func (s *server) detachMirror(r *http.Request, body []byte) (any, error) {
	var in struct{ Instance string }
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	caller, err := s.caller(r, body)
	if err != nil {
		return nil, err
	}
	return s.Control.DetachMirror(r.Context(), caller, in.Instance)
}

// caller is the root key that signed a request, which was verified before.
func (s *server) caller(r *http.Request, body []byte) (lanyard.Caller, error) {
	key, err := s.identify(r, body)
	if err != nil {
		return lanyard.Caller{}, err
	}
	return lanyard.Caller{Account: key.Account, AccessKeyID: key.ID, Root: true, SourceIP: remoteaddr.Host(r),
		UserAgent: MirrorUserAgent}, nil
}
