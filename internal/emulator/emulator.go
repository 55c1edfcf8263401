// Package emulator answers what those who test against an emulator of AWS ask of it, besides the API: whether it is
// healthy, and that it goes back to its start, fails on purpose or takes another time for now. The paths below
// /_localstack and their JSON are LocalStack's; those below /_lanyard are the same and more. It also runs scripts when
// a server is ready. It neither authenticates nor serves the API.
package emulator

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/httpstatus"
)

// The prefixes of paths.
const (
	Prefix           = "/_lanyard/"
	localStackPrefix = "/_localstack/"
)

// Config says what an Emulator works with. All but Logger must be set.
type Config struct {
	State  State
	Faults *fault.Set
	// CanFail reports whether an operation ("*" for any) may answer with an exception.
	CanFail func(operation, exception string) bool
	// IsServed reports whether there is such an operation.
	IsServed func(operation string) bool
	// Scripts are those that run when the server is ready.
	Scripts *Scripts
	// Admit reports whether a request may reach the server, and answers it if not.
	Admit func(http.ResponseWriter, *http.Request) bool

	Account, Region, Version string
	Logger                   *slog.Logger // default slog.Default()
}

// Handler returns a handler that answers what is for the emulator, and leaves the rest to next.
func Handler(c Config, next http.Handler) http.Handler {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	s := &server{Config: c, session: uuid.NewString(), started: time.Now()}
	mux := s.routes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, Prefix) && !strings.HasPrefix(r.URL.Path, localStackPrefix) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if s.Admit(w, r) {
			s.serve(w, r, mux)
		}
	})
}

type server struct {
	Config
	session string
	started time.Time
	chaos   chaos
}

// A handler answers a request with a value that becomes JSON.
type handler func(*http.Request) (any, error)

// methods are the handlers of a path by method.
type methods map[string]handler

// routes are the handlers by path, without the prefix.
func (s *server) routes() map[string]methods {
	return map[string]methods{
		"health":        {"GET": s.health},
		"info":          {"GET": s.info},
		"init":          {"GET": s.initScripts},
		"chaos/faults":  {"GET": s.getRules, "POST": s.setRules, "PATCH": s.addRules, "DELETE": s.removeRules},
		"chaos/effects": {"GET": s.getEffects, "POST": s.setEffects},
		"state/reset":   {"POST": s.reset},
	}
}

// ownRoutes are those that LocalStack does not have.
func (s *server) ownRoutes() map[string]methods {
	return map[string]methods{
		"state":      {"GET": s.listStates, "DELETE": s.deleteState},
		"state/save": {"POST": s.saveState},
		"state/load": {"POST": s.loadState},
		"time":       {"GET": s.getTime, "PUT": s.setTime, "DELETE": s.realTime},
	}
}

// find returns the handlers of a path.
func (s *server) find(path string, routes map[string]methods) methods {
	own := strings.HasPrefix(path, Prefix)
	path = strings.TrimPrefix(strings.TrimPrefix(path, Prefix), localStackPrefix)
	if found := routes[path]; found != nil {
		return found
	}
	if own {
		if found := s.ownRoutes()[path]; found != nil {
			return found
		}
	}
	stage, ok := strings.CutPrefix(path, "init/")
	if _, known := stageOf(stage); ok && known {
		return methods{"GET": s.initStage}
	}
	if service, ok := strings.CutPrefix(path, "state/"); ok && service == serviceName+"/reset" {
		return methods{"POST": s.reset}
	}
	return nil
}

// serviceName is that of Amazon Connect, as LocalStack would name it.
const serviceName = "connect"

// serve answers one request. HEAD is GET without the body, which package net/http leaves out.
func (s *server) serve(w http.ResponseWriter, r *http.Request, routes map[string]methods) {
	found := s.find(r.URL.Path, routes)
	method := cmp.Or(r.Method, http.MethodGet)
	if method == http.MethodHead {
		method = http.MethodGet
	}
	switch {
	case found == nil:
		s.write(w, r, http.StatusNotFound, problem{"the emulator has no path " + lanyard.Quote(r.URL.Path) +
			"; docs/emulator.md lists those that it has"})
	case found[method] == nil:
		allowed := strings.Join(found.names(), ", ")
		w.Header().Set("Allow", allowed)
		s.write(w, r, http.StatusMethodNotAllowed, problem{"the method must be " + strings.Join(found.names(), " or ") +
			", got " + lanyard.Clip(r.Method)})
	default:
		out, err := found[method](r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.write(w, r, http.StatusOK, out)
	}
}

// names are the methods in a fixed order.
func (m methods) names() (all []string) {
	for _, name := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		if m[name] != nil || name == "HEAD" && m["GET"] != nil {
			all = append(all, name)
		}
	}
	return all
}

// problem is the body of a refusal.
type problem struct {
	Message string `json:"message"`
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	kind, message := lanyard.KindOf(err), err.Error()
	if kind == lanyard.Internal {
		s.Logger.Error("call of the emulator failed", "path", r.URL.Path, "error", err)
		message = "internal failure; see the server's log"
	}
	s.write(w, r, httpstatus.Of(kind), problem{message})
}

func (s *server) write(w http.ResponseWriter, r *http.Request, status int, out any) {
	b, err := json.Marshal(out, json.Deterministic(true))
	if err != nil {
		s.Logger.Error("answer of the emulator cannot be encoded", "path", r.URL.Path, "error", err)
		status, b = http.StatusInternalServerError, []byte(`{"message":"internal failure; see the server's log"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(b, '\n')) // the caller may have gone away
}

// maxBody bounds the body of a request, in bytes.
const maxBody = 256 << 10

// decode reads the body of a request, which is required.
func decode(r *http.Request, to any) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	return decodeBody(body, to)
}

func decodeBody(body []byte, to any) error {
	if len(body) == 0 {
		return lanyard.Errorf(lanyard.Invalid, "the body is required: JSON")
	}
	err := json.Unmarshal(body, to, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &semantic) && semantic.Err != nil:
		return lanyard.Errorf(lanyard.Invalid, "the body cannot be read: %s: %v", placeOf(semantic), semantic.Err)
	case errors.As(err, &semantic):
		return lanyard.Errorf(lanyard.Invalid, "the body cannot be read: %s has the wrong type", placeOf(semantic))
	case err != nil:
		return lanyard.Errorf(lanyard.Invalid, "the body must be JSON: %s", strings.TrimPrefix(err.Error(), "jsontext: "))
	}
	return nil
}

// placeOf returns where in a body something is wrong.
func placeOf(err *json.SemanticError) string {
	return lanyard.Clip(cmp.Or(string(err.JSONPointer), "the top level"))
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, lanyard.Errorf(lanyard.Malformed, "the body cannot be read: %v", err)
	}
	if len(body) > maxBody {
		return nil, lanyard.Errorf(lanyard.TooLarge, "the body must have at most %d bytes", maxBody)
	}
	return body, nil
}

// health is what LocalStack's clients wait for. Account and Region are ours.
type health struct {
	Services map[string]string `json:"services"`
	Edition  string            `json:"edition"`
	Version  string            `json:"version"`
	Account  string            `json:"account,omitzero"`
	Region   string            `json:"region,omitzero"`
}

// edition is what stands where LocalStack says which of its products is running.
const edition = "lanyard"

func (s *server) health(r *http.Request) (any, error) {
	h := health{Services: map[string]string{serviceName: "running"}, Edition: edition, Version: s.Version}
	if strings.HasPrefix(r.URL.Path, Prefix) {
		h.Account, h.Region = s.Account, s.Region
	}
	return h, nil
}

// info has LocalStack's members. Nothing in it identifies the machine.
type info struct {
	Version    string `json:"version"`
	Edition    string `json:"edition"`
	Licensed   bool   `json:"is_license_activated"`
	Session    string `json:"session_id"`
	Machine    string `json:"machine_id"`
	System     string `json:"system"`
	Docker     bool   `json:"is_docker"`
	ServerTime string `json:"server_time_utc"`
	Uptime     int64  `json:"uptime"`
}

func (s *server) info(*http.Request) (any, error) {
	return info{Version: s.Version, Edition: edition, Session: s.session, Machine: "lanyard", System: runtime.GOOS,
		Docker: InContainer(os.DirFS("/"), os.Getenv) != "", ServerTime: s.State.Now().UTC().Format("2006-01-02T15:04:05"),
		Uptime: int64(time.Since(s.started) / time.Second)}, nil
}
