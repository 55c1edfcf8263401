package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/bench/peer"
)

// A testbed is the servers that are measured, and the exchanges with them.
type testbed struct {
	o        options
	bin, dir string
	found    *evaluations
	servers  []*server
	prepared [exchanges]*preparedExchange
}

func (b *testbed) stop() {
	for _, s := range b.servers {
		s.stop()
	}
}

// open starts the servers and makes the exchanges ready.
func (b *testbed) open(ctx context.Context) error {
	world := peer.NewWorld(b.found.users, requests)
	engine := peer.NewLanyard(world, world.Questions)
	answers, err := peer.Answers(engine, world.Questions)
	if err != nil {
		return err
	}
	search := peer.NewWorld(b.found.manyUsers, requests)
	s, hosted, err := b.host(ctx, world, search)
	if err != nil {
		return err
	}
	questions := make([]any, len(world.Questions))
	for i := range questions {
		questions[i] = evaluation(&world.Questions[i])
	}
	const one = "/access/v1/evaluation"
	b.prepared[askedByToken] = &preparedExchange{s.addr, bearer(s.addr, one, hosted[0].token, questions), answers,
		readDecision}
	b.prepared[askedSigned] = &preparedExchange{s.addr, signatures(s.addr, "/instances/"+hosted[0].id+one, questions), answers,
		readDecision}
	b.addBatches(s.addr, hosted[0].token, world, engine)
	b.addSearch(s.addr, hosted[1].token, search)
	if err := b.addBaselines(ctx, one, hosted[0].token, questions, answers); err != nil {
		return err
	}
	if err := b.addOPA(ctx, world, answers); err != nil {
		progress("OPA's server is not measured: %v", err)
		b.found.missing[askedOPA] = firstLine(err)
	}
	few := peer.NewWorld(b.found.fewUsers, 4*requests) // a quarter is about no resource
	if err := b.addOpenFGA(ctx, few); err != nil {
		progress("OpenFGA's server is not measured: %v", err)
		b.found.missing[askedOpenFGA] = firstLine(err)
	}
	return nil
}

// hosted is an instance that a server has, and a token for it.
type hosted struct{ id, token string }

// host starts lanyard with an instance for each world.
func (b *testbed) host(ctx context.Context, worlds ...*peer.World) (*server, []hosted, error) {
	data := filepath.Join(b.dir, "decisions")
	s, err := startLanyard(ctx, b.bin, data)
	if err != nil {
		return nil, nil, err
	}
	all := make([]hosted, len(worlds))
	for i := range worlds {
		var made struct{ Id string }
		if err = call(ctx, s.addr, "PUT", "/instance",
			object{"IdentityManagementType": "SAML", "InstanceAlias": fmt.Sprint("world", i),
				"InboundCallsEnabled": true, "OutboundCallsEnabled": true}, &made); err != nil {
			break
		}
		all[i].id = made.Id
	}
	s.stop()
	if err != nil {
		return nil, nil, err
	}
	for i, w := range worlds {
		if err := populate(ctx, data, all[i].id, w); err != nil {
			return nil, nil, err
		}
		out, err := exec.CommandContext(ctx, b.bin, "token", "create", "--data", data, "--account", account, "--instance",
			all[i].id, "--output", "json").Output()
		if err != nil {
			return nil, nil, fmt.Errorf("make a token: %w", err)
		}
		var made struct{ Token string }
		if err := json.Unmarshal(out, &made); err != nil {
			return nil, nil, err
		}
		all[i].token = made.Token
	}
	if s, err = startLanyard(ctx, b.bin, data); err != nil {
		return nil, nil, err
	}
	b.servers = append(b.servers, s)
	return s, all, nil
}

// addBaselines starts bare handlers, which get the same requests as lanyard.
func (b *testbed) addBaselines(ctx context.Context, path, token string, questions []any, answers []bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for i, kind := range map[int]string{trivialPost: "trivial", verifiedPost: "sigv4", decidedPost: "decision"} {
		s, err := start(ctx, "/", self, "-serve", kind)
		if err != nil {
			return err
		}
		b.servers = append(b.servers, s)
		t := &preparedExchange{addr: s.addr, requests: signatures(s.addr, path, questions)}
		switch i {
		case trivialPost:
			t.requests = bearer(s.addr, path, token, questions)
		case decidedPost:
			t.expected, t.read = answers, readDecision
		}
		b.prepared[i] = t
	}
	return nil
}

// addBatches makes requests of 100 questions: about 100 resources, and all different.
func (b *testbed) addBatches(addr, token string, w *peer.World, engine *peer.Lanyard) {
	const path = "/access/v1/evaluations"
	var ofOne, ofMany []any
	var sameUser []peer.Question
	for from := 0; from+batched <= len(w.Questions); from += batched {
		var items, resources []any
		lead := w.Questions[from+
			slices.IndexFunc(w.Questions[from:], func(q peer.Question) bool { return q.Type == access.TypeUser })]
		for i := range batched {
			q := &w.Questions[from+i]
			items = append(items, evaluation(q))
			other := lead
			other.Resource = w.Questions[(from+i*7)%len(w.Questions)].User
			sameUser = append(sameUser, other)
			resources = append(resources, object{"resource": object{"type": other.Type, "id": other.Resource}})
		}
		ofMany = append(ofMany, object{"evaluations": items})
		ofOne = append(ofOne,
			object{"subject": object{"type": "user", "id": lead.User}, "action": object{"name": lead.Action},
				"evaluations": resources})
	}
	// An engine in process has no errors to give.
	answers, _ := peer.Answers(engine, w.Questions[:len(ofMany)*batched])
	b.prepared[batchOfMany] = &preparedExchange{addr, bearer(addr, path, token, ofMany),
		slices.Collect(slices.Chunk(answers, batched)), readDecisions}
	answers, _ = peer.Answers(engine.Asked(sameUser), sameUser)
	b.prepared[batchOfOne] = &preparedExchange{addr, bearer(addr, path, token, ofOne),
		slices.Collect(slices.Chunk(answers, batched)), readDecisions}
}

// addSearch makes searches for who can, in the instance with the most users.
func (b *testbed) addSearch(addr, token string, w *peer.World) {
	engine := peer.NewLanyard(w, nil)
	var searches []any
	var expected [][]string
	for _, q := range w.Questions[:requests/4] {
		if q.Type == "" {
			q.Type = noResource
		}
		searches = append(searches, object{"subject": object{"type": "user"}, "action": object{"name": q.Action},
			"resource": object{"type": q.Type, "id": q.Resource}, "page": object{"limit": pageOf}})
		expected = append(expected, engine.WhoCan(&q, pageOf))
	}
	b.prepared[whoCan] = &preparedExchange{addr, bearer(addr, "/access/v1/search/subject", token, searches), expected, readSubjects}
}

// addOPA starts OPA's server with the world as its data.
func (b *testbed) addOPA(ctx context.Context, w *peer.World, answers []bool) error {
	bin, err := b.install(ctx, "github.com/open-policy-agent/opa", "")
	if err != nil {
		return err
	}
	policy, data := filepath.Join(b.dir, "policy.rego"), filepath.Join(b.dir, "data.json")
	doc, err := json.Marshal(peer.OPAData(w))
	if err != nil {
		return err
	}
	if err := os.WriteFile(data, doc, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(policy, []byte(peer.Rego), 0o644); err != nil {
		return err
	}
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	s, err := startAt(ctx, addr, "/health", bin, "run", "--server", "--addr", addr, "--log-level", "error",
		"--skip-version-check",
		"--optimize-store-for-read-speed", policy, data)
	if err != nil {
		return err
	}
	b.servers = append(b.servers, s)
	var inputs []any
	for i := range w.Questions {
		inputs = append(inputs, object{"input": w.Questions[i].OPAInput()})
	}
	b.prepared[askedOPA] = &preparedExchange{addr, bearer(addr, "/v1/data/world/allow", "", inputs), answers, readDecision}
	return nil
}

// addOpenFGA starts OpenFGA's server and writes the world's permissions into its memory.
func (b *testbed) addOpenFGA(ctx context.Context, w *peer.World) error {
	bin, err := b.install(ctx, "github.com/openfga/openfga", "/cmd/openfga")
	if err != nil {
		return err
	}
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	grpc, err := freeAddress()
	if err != nil {
		return err
	}
	s, err := startAt(ctx, addr, "/healthz", bin, "run", "--datastore-engine", "memory", "--http-addr", addr,
		"--grpc-addr", grpc,
		"--playground-enabled=false", "--metrics-enabled=false", "--log-level", "error")
	if err != nil {
		return err
	}
	b.servers = append(b.servers, s)
	post := func(path string, in, out any) error {
		r, err := bearing(addr, path, "", in)
		if err != nil {
			return err
		}
		return send(ctx, addr, r, out)
	}
	var made struct {
		ID    string `json:"id"`
		Model string `json:"authorization_model_id"`
	}
	if err := post("/stores", object{"name": "world"}, &made); err != nil {
		return err
	}
	model, err := peer.FGAModelJSON()
	if err != nil {
		return err
	}
	if err := post("/stores/"+made.ID+"/authorization-models", model, &made); err != nil {
		return err
	}
	for tuples := range slices.Chunk(peer.FGATuples(w), 100) { // the most that a write may have
		if err := post("/stores/"+made.ID+"/write",
			object{"writes": object{"tuple_keys": tuples}, "authorization_model_id": made.Model}, nil); err != nil {
			return err
		}
	}
	answers, err := peer.Answers(peer.NewLanyard(w, w.Plain), w.Plain)
	if err != nil {
		return err
	}
	var checks []any
	for i := range w.Plain {
		checks = append(checks, object{"tuple_key": w.Plain[i].FGATuple(), "authorization_model_id": made.Model})
	}
	b.prepared[askedOpenFGA] = &preparedExchange{addr, bearer(addr, "/stores/"+made.ID+"/check", "", checks), answers, readDecision}
	return nil
}

// install builds a peer's program, of the version that is measured in process, with that version's
// own dependencies. It is kept for the next run.
func (b *testbed) install(ctx context.Context, module, command string) (string, error) {
	version := peer.Version(module)
	if version == "" {
		return "", fmt.Errorf("no version of %s is known", module)
	}
	to, err := filepath.Abs(filepath.Join(b.o.dir, "peers", version))
	if err != nil {
		return "", err
	}
	program := filepath.Join(to, filepath.Base(module+command))
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	progress("building %s %s, which takes minutes", module, version)
	build := exec.CommandContext(ctx, "go", "install", "-trimpath", module+command+"@"+version)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+to)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", module, err, out)
	}
	return program, nil
}
