package emulator

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/world"
)

// A State is what an emulator holds. What it cannot do it refuses with a reason.
type State interface {
	// Reset starts again: from what seeds made, or from nothing.
	Reset(ctx context.Context, from world.Start) error
	Save(ctx context.Context, name string) error
	Load(ctx context.Context, name string) error
	Snapshots() []world.Snapshot
	DeleteSnapshot(name string) error
	Now() time.Time
	SetTime(world.Clock) error
}

// parameters reads the query of a request, which may have only the names that are known, each once.
func parameters(r *http.Request, known ...string) (map[string]string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "the query must be percent-encoded correctly: %v", err)
	}
	all := map[string]string{}
	for _, name := range known {
		if values := query[name]; len(values) > 1 {
			return nil, lanyard.Errorf(lanyard.Invalid, "%s must be given once, got %d values", name, len(values))
		} else if len(values) == 1 {
			all[name] = values[0]
		}
		delete(query, name)
	}
	for name := range query {
		return nil, lanyard.Errorf(lanyard.Invalid, "the parameter must be %s, got %s",
			cmp.Or(strings.Join(known, " or "), "absent"), lanyard.Quote(name))
	}
	return all, nil
}

// done is the answer of what LocalStack answers for a service.
type done struct {
	Service string `json:"service"`
	Status  string `json:"status"`
}

// reset starts again. LocalStack's reset leaves nothing; ours goes back to the seeds with seed=1.
func (s *server) reset(r *http.Request) (any, error) {
	from := world.Empty
	if strings.HasPrefix(r.URL.Path, Prefix) {
		given, err := parameters(r, "seed")
		if err != nil {
			return nil, err
		}
		switch seed, ok := given["seed"]; {
		case seed == "1" || seed == "true":
			from = world.Seeded
		case ok && seed != "0" && seed != "false":
			return nil, lanyard.Errorf(lanyard.Invalid, "seed must be 1 or 0, got %s", lanyard.Quote(seed))
		}
	}
	if err := s.State.Reset(r.Context(), from); err != nil {
		return nil, err
	}
	return done{serviceName, "ok"}, nil
}

// snapshot is a saved state.
type snapshot struct {
	Name  string    `json:"name"`
	Saved time.Time `json:"saved"`
	Bytes int64     `json:"bytes"`
}

func (s *server) listStates(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	all := []snapshot{}
	for _, one := range s.State.Snapshots() {
		all = append(all, snapshot{one.Name, one.Saved.UTC(), one.Bytes})
	}
	return map[string]any{"snapshots": all}, nil
}

// named runs what is done with the state of a name.
func (s *server) named(r *http.Request, do func(context.Context, string) error) (any, error) {
	given, err := parameters(r, "name")
	if err != nil {
		return nil, err
	}
	if given["name"] == "" {
		return nil, lanyard.Errorf(lanyard.Invalid, "name is required")
	}
	if err := do(r.Context(), given["name"]); err != nil {
		return nil, err
	}
	return map[string]string{"name": given["name"]}, nil
}

func (s *server) saveState(r *http.Request) (any, error) { return s.named(r, s.State.Save) }

func (s *server) loadState(r *http.Request) (any, error) { return s.named(r, s.State.Load) }

func (s *server) deleteState(r *http.Request) (any, error) {
	return s.named(r, func(_ context.Context, name string) error { return s.State.DeleteSnapshot(name) })
}

// now is what time it is.
type now struct {
	Time time.Time `json:"time"`
}

func (s *server) getTime(r *http.Request) (any, error) {
	_, err := parameters(r)
	return now{s.State.Now().UTC()}, err
}

// setTime sets the clock to a time, or moves it.
func (s *server) setTime(r *http.Request) (any, error) {
	var in struct {
		Time    time.Time `json:"time"`
		Advance duration  `json:"advance"`
		Frozen  bool      `json:"frozen"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Time.IsZero() == (in.Advance == 0) {
		return nil, lanyard.Errorf(lanyard.Invalid, "time, such as 2030-01-01T00:00:00Z, or advance, such as 25h, is required, "+
			"and not both")
	}
	if in.Advance != 0 {
		in.Time = s.State.Now().Add(time.Duration(in.Advance))
	}
	if err := s.State.SetTime(world.Clock{At: in.Time, Frozen: in.Frozen}); err != nil {
		return nil, err
	}
	return now{s.State.Now().UTC()}, nil
}

func (s *server) realTime(r *http.Request) (any, error) {
	if _, err := parameters(r); err != nil {
		return nil, err
	}
	if err := s.State.SetTime(world.Clock{}); err != nil {
		return nil, err
	}
	return now{s.State.Now().UTC()}, nil
}

// duration is a time.Duration as Go writes it.
type duration time.Duration

// UnmarshalJSONFrom reads a text such as 1h30m.
func (d *duration) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	var text string
	if err := json.UnmarshalDecode(from, &text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	*d = duration(parsed)
	return err
}
