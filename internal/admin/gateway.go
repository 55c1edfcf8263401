package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/authority"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/moduletools"
)

// MaxGatewayBody bounds a question of a gateway, in bytes.
const MaxGatewayBody = 4 << 20

// gatewayPaths answer an MCP gateway in another process.
func (s *server) gatewayPaths() map[string]func(*http.Request, []byte) (any, error) {
	return map[string]func(*http.Request, []byte) (any, error){
		"POST " + Prefix + authority.PathDecide:   s.gatewayDecide,
		"POST " + Prefix + authority.PathRefusal:  s.gatewayRefusal,
		"POST " + Prefix + authority.PathNext:     s.gatewayNext,
		"POST " + Prefix + authority.PathToken:    s.gatewayToken,
		"POST " + Prefix + authority.PathInstance: s.gatewayInstance,
		"POST " + Prefix + authority.PathUser:     s.gatewayUser,
		"POST " + Prefix + moduletools.Path:       s.gatewayModules,
		"POST " + Prefix + authority.PathRecord:   s.gatewayRecord,
	}
}

// local is what the gateway of this process would ask.
func (s *server) local() *authority.Local { return &authority.Local{Control: s.Control} }

func (s *server) gatewayDecide(r *http.Request, body []byte) (any, error) {
	var in authority.DecideQuestion
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if len(in.Rights) > authority.MaxRights {
		return nil, lanyard.Errorf(lanyard.Invalid, "Rights must have at most %d entries, got %d", authority.MaxRights,
			len(in.Rights))
	}
	return s.local().DecideAll(r.Context(), in.Caller(), in.Rights)
}

func (s *server) gatewayRefusal(r *http.Request, body []byte) (any, error) {
	var in authority.RefusalQuestion
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	return authority.Refusal{Text: s.local().Refusal(r.Context(), in.Caller(), in.Right)}, nil
}

func (s *server) gatewayNext(r *http.Request, body []byte) (any, error) {
	var in authority.NextQuestion
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	wait := time.Duration(in.Wait)
	if wait < 0 || wait > authority.MaxWait {
		return nil, lanyard.Errorf(lanyard.Invalid, "Wait must be 0 to %d nanoseconds, got %d", authority.MaxWait, in.Wait)
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	altered, err := s.local().Next(ctx, authority.Instance{Account: in.Account, ID: in.Instance}, in.Known)
	return authority.Next{Altered: altered}, err
}

func (s *server) gatewayToken(_ *http.Request, body []byte) (any, error) {
	var in authority.TokenQuestion
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	var sum control.TokenHash
	if n, err := hex.Decode(sum[:], []byte(in.Hash)); len(in.Hash) != 2*len(sum) || err != nil || n != len(sum) {
		return nil, lanyard.Errorf(lanyard.Invalid, "Hash must be a SHA-256 in hexadecimal")
	}
	t, err := s.Control.TokenOf(sum)
	if lanyard.KindOf(err) == lanyard.Invalid {
		return authority.Token{Refused: err.Error()}, nil
	}
	t.Hash = ""
	return authority.Token{Token: t}, err
}

func (s *server) gatewayInstance(r *http.Request, body []byte) (any, error) {
	var in authority.InstanceQuestion
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if in.Account == "" {
		caller, err := s.caller(r, body)
		if err != nil {
			return nil, err
		}
		in.Account = caller.Account
	}
	return s.local().Instance(r.Context(), in.Account, in.Ref)
}

func (s *server) gatewayUser(r *http.Request, body []byte) (any, error) {
	var in authority.UserQuestion
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	id, err := s.local().User(r.Context(), authority.Instance{Account: in.Account, ID: in.Instance}, in.Ref)
	if errors.Is(err, lanyard.ErrNotFound) {
		return authority.User{}, nil
	}
	return authority.User{ID: id}, err
}

func (s *server) gatewayModules(r *http.Request, body []byte) (any, error) {
	var in moduletools.Question
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	return moduletools.InProcess{Control: s.Control}.ModuleTools(r.Context(), in.Account, in.Query)
}

func (s *server) gatewayRecord(r *http.Request, body []byte) (any, error) {
	var in authority.RecordQuestion
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	caller, err := s.caller(r, body)
	if err != nil {
		return nil, err
	}
	caller.UserAgent = in.UserAgent
	return struct{}{}, s.local().RecordCalls(r.Context(), caller, in.Batch)
}
