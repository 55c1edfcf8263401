package console_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// work is the work of answering, measured by what other load on the machine does not change. What neither reads nor
// allocates, such as a count over a snapshot, is not seen.
type work struct {
	pages int            // requests
	reads map[string]int // from the store, by method and type, cached or not
	rows  int            // that lists of the store returned
	bytes int            // allocated: asking whether a viewer sees a resource takes 160 bytes, a row more than 1000
}

func (w *work) allReads() (n int) {
	for _, one := range w.reads {
		n += one
	}
	return n
}

func (w *work) String() string {
	var reads []string
	for _, name := range slices.Sorted(maps.Keys(w.reads)) {
		reads = append(reads, fmt.Sprintf("%d %s", w.reads[name], name))
	}
	return fmt.Sprintf("%d pages; %s; %d rows; %d bytes", w.pages, strings.Join(reads, ", "), w.rows, w.bytes)
}

// A meter adds up the work of a server that serves one request at a time.
type meter struct{ work }

func (m *meter) reset() { m.work = work{reads: map[string]int{}} }

func (m *meter) count(read string, rows int) {
	m.reads[read]++
	m.rows += rows
}

// measure wraps a handler to measure its work.
func (m *meter) measure(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		handler.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		m.pages++
		m.bytes += int(after.TotalAlloc - before.TotalAlloc)
	})
}

// A meteredStore counts reads.
type meteredStore struct {
	store.Store
	*meter
}

func (s meteredStore) Reader(instance string) store.InstanceReader {
	r := s.Store.Reader(instance)
	return meteredInstance{meteredReader{r, s.meter}, r}
}

func (s meteredStore) Update(ctx context.Context, instance string, change func(store.Tx) error) error {
	return s.Store.Update(ctx, instance, s.metered(change))
}

func (s meteredStore) Plan(ctx context.Context, instance string,
	change func(store.Tx) error) ([]lanyard.Change, error) {
	return s.Store.Plan(ctx, instance, s.metered(change))
}

func (s meteredStore) metered(change func(store.Tx) error) func(store.Tx) error {
	return func(tx store.Tx) error { return change(meteredTx{meteredReader{tx, s.meter}, writes{tx}}) }
}

type meteredReader struct {
	r store.Reader
	*meter
}

func (r meteredReader) Get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	r.count("Get "+string(t), 0)
	return r.r.Get(ctx, t, id)
}

func (r meteredReader) Find(ctx context.Context, t lanyard.Type, key string) (lanyard.Resource, error) {
	r.count("Find "+string(t), 0)
	return r.r.Find(ctx, t, key)
}

func (r meteredReader) List(ctx context.Context, t lanyard.Type, after int64, limit int) ([]lanyard.Resource, error) {
	list, err := r.r.List(ctx, t, after, limit)
	r.count("List "+string(t), len(list))
	return list, err
}

func (r meteredReader) Count(ctx context.Context, t lanyard.Type) (int, error) {
	r.count("Count "+string(t), 0)
	return r.r.Count(ctx, t)
}

func (r meteredReader) Referrers(ctx context.Context, to lanyard.Ref, from lanyard.Type, after string,
	limit int) ([]string, error) {
	list, err := r.r.Referrers(ctx, to, from, after, limit)
	r.count("Referrers "+string(from), len(list))
	return list, err
}

func (r meteredReader) ListReferrers(ctx context.Context, to []lanyard.Ref, from lanyard.Type, after string,
	limit int) ([]lanyard.Resource, error) {
	list, err := r.r.ListReferrers(ctx, to, from, after, limit)
	r.count("ListReferrers "+string(from), len(list))
	return list, err
}

func (r meteredReader) LastTags(ctx context.Context, t lanyard.Type, id string) (map[string]string, bool, error) {
	r.count("LastTags "+string(t), 0)
	return r.r.LastTags(ctx, t, id)
}

func (r meteredReader) Revision(ctx context.Context) (int64, error) {
	r.count("Revision", 0)
	return r.r.Revision(ctx)
}

func (r meteredReader) Events(ctx context.Context, after int64, limit int) ([]lanyard.Event, error) {
	list, err := r.r.Events(ctx, after, limit)
	r.count("Events", len(list))
	return list, err
}

func (r meteredReader) Password(ctx context.Context, user string) (string, error) {
	r.count("Password", 0)
	return r.r.Password(ctx, user)
}

// meteredInstance counts what is read of what happened, too.
type meteredInstance struct {
	meteredReader
	in store.InstanceReader
}

func (r meteredInstance) Records(ctx context.Context, after int64, limit int) ([]lanyard.Record, error) {
	list, err := r.in.Records(ctx, after, limit)
	r.count("Records", len(list))
	return list, err
}

func (r meteredInstance) Checkpoint(ctx context.Context) (lanyard.Checkpoint, error) {
	r.count("Checkpoint", 0)
	return r.in.Checkpoint(ctx)
}

func (r meteredInstance) History(ctx context.Context, about lanyard.Ref, before int64, scan,
	limit int) ([]lanyard.Event, int64, error) {
	list, next, err := r.in.History(ctx, about, before, scan, limit)
	r.count("History", len(list))
	return list, next, err
}

// meteredTx counts reads, and passes on writes.
type meteredTx struct {
	meteredReader
	writes
}

type writes struct{ store.Tx }

// manyHidden is the number of hidden resources of each type that addHidden adds. canaryHidden is the number of all
// hidden resources then, or of events about them.
const (
	manyHidden   = 20
	canaryHidden = 8*manyHidden + 32
)

// addHidden adds hidden resources that refer to visible and to hidden ones.
func (w *canaryWorld) addHidden() {
	w.Helper()
	for i := range manyHidden {
		for _, one := range []struct{ name, operation, body string }{
			{"group", "CreateUserHierarchyGroup", `"ParentGroupId": "$group", "Name": "Canary %d"`},
			{"hours", "CreateHoursOfOperation", `"Name": "Canary %d", "TimeZone": "UTC", "Config": []`},
			{"connect", "CreateQuickConnect", `"Name": "Canary %d", "QuickConnectConfig":
				{"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+12065550100"}}`},
			{"queue", "CreateQueue", `"Name": "Canary %d", "HoursOfOperationId": "$hours", "QuickConnectIds": ["$connect"]`},
			{"routing", "CreateRoutingProfile", `"Name": "Canary %d", "Description": "d", "DefaultOutboundQueueId": "$queue",
				"MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}], "QueueConfigs": [` +
				fmt.Sprintf(canaryLine, "$queue2") + `]`},
			{"module", "CreateContactFlowModule", `"Name": "Canary %d", "Content": "{}"`},
			{"profile", "CreateSecurityProfile", `"SecurityProfileName": "Canary %d", "Permissions": ["Users.View"]`},
			{"user", "CreateUser", `"Username": "canary.%d", "SecurityProfileIds": ["$profile", "$hprofile"],
				"RoutingProfileId": "$routing", "HierarchyGroupId": "$hgroup",
				"IdentityInfo": {"FirstName": "x", "LastName": "x"}, ` + soft},
		} {
			w.make(fmt.Sprintf("more%s%d", one.name, i), one.operation, fmt.Sprintf(one.body, i)+", "+unseen)
		}
	}
}

// quiet exhausts the records of refused calls of a viewer, so that none of the following requests is the last to be
// recorded.
func (w *canaryWorld) quiet(b *browser) {
	w.Helper()
	for range 25 {
		b.post("call/ListInstances", `{}`)
		b.post("call/DescribeSecurityProfile", spell(`{"InstanceId": "$instance", "SecurityProfileId": "$hprofile"}`))
	}
}

// works measures the answers to a request. A request that changes nothing is made several times, and the least
// counts, because caches may be cold and other parts of the program may be busy.
func (w *canaryWorld) works(b *browser, step string, r canaryRequest) (least work, changed bool) {
	for i := range 3 {
		w.meter.reset()
		answers := w.followed(b, step, r)
		if now := w.meter.work; i == 0 || now.bytes < least.bytes {
			least = now
		}
		if !r.reads() && strings.HasPrefix(answers, "200") {
			return least, true
		}
	}
	return least, false
}

// reads reports whether a request changes nothing.
func (r canaryRequest) reads() bool {
	operation, called := strings.CutPrefix(r.path, "call/")
	return !called || strings.HasPrefix(operation, "List") || strings.HasPrefix(operation, "Describe") ||
		strings.HasPrefix(operation, "Search")
}

// ofNothing returns the same request about resources that never existed instead of hidden ones.
func (r canaryRequest) ofNothing() canaryRequest {
	r.body = canaryNames.ReplaceAllStringFunc(r.body, func(name string) string {
		if rest, ok := strings.CutPrefix(name, "$h"); ok && !strings.HasPrefix(name, "$hours") {
			return "$n" + rest
		}
		return name
	})
	r.body = strings.NewReplacer("canary", "nobody", "Canary", "Nobody").Replace(r.body)
	return r
}

// Differences in bytes that tell nothing.
const (
	// sameBytes is less than the cost of reading one row from the database, and more than a few decisions: a hidden
	// resource takes one decision more than one that does not exist.
	sameBytes = 1 << 10
	// changedBytes is for requests that change something, which can be measured only once: buffers may have grown.
	changedBytes = 256 << 10
	// scanBytes is what each hidden resource, or event about one, may add to each page of a scan.
	scanBytes = 8 << 10
)

// canaryScans are the requests that go through all resources of a type, or through events, and leave out what the
// viewer may not see. They take longer if much is hidden; docs/security.md says what bounds them.
var canaryScans = map[string]string{
	"call/ListContactFlowModules":          skips,
	"call/ListDataTables":                  skips,
	"call/ListHoursOfOperations":           skips,
	"call/ListQueues":                      skips,
	"call/ListQuickConnects":               skips,
	"call/ListRoutingProfiles":             skips,
	"call/ListSecurityProfiles":            skips,
	"call/ListUserHierarchyGroups":         skips,
	"call/ListUsers":                       skips,
	"call/GetEffectiveHoursOfOperations":   "hours that are hidden are left out of those that hours inherit",
	"call/SearchEmailAddresses":            skips,
	"call/SearchHoursOfOperationOverrides": skips,
	"call/SearchContactFlowModules":        skips,
	"call/SearchDataTables":                skips,
	"call/SearchHoursOfOperations":         skips,
	"call/SearchQueues":                    skips,
	"call/SearchQuickConnects":             skips,
	"call/SearchRoutingProfiles":           skips,
	"call/SearchSecurityProfiles":          skips,
	"call/SearchUserHierarchyGroups":       skips,
	"call/SearchUsers":                     skips,
	"users":                                skips,
	"call/DescribeRoutingProfile":          counts,
	"blockers":                             counts,
	"findings":                             counts,
	"heat":                                 counts,
	"overview":                             counts,
	"profile":                              counts,
	"profiles":                             counts,
	"visibility":                           counts,
	"ask/holders":                          skips,
	"ask/resources":                        skips,
	"ask/what-if":                          counts,
	"ask/who-can":                          skips,
	"history":                              events,
	"history/export":                       events,
	"history/state":                        events,
	"call/AssociateFlow":                   "an association that there is already is copied before the flow is looked at",
	"call/DeleteQueue":                     "the refusal names the first that uses the queue and may be viewed",
}

// Reasons for scans.
const (
	skips  = "a page is filled with what may be viewed"
	counts = "what may be viewed is counted"
	events = "events are looked at from the newest on, for those that changed what may be viewed"
)

// TestCanariesWork compares how much work answers take. Clocks decide no test, so that the classes of work are those of
// what takes the time:
//
//   - Existence. A request about what is hidden makes the same reads from the store, finds the same number of rows and
//     allocates as much, but for sameBytes, as the same request about what never existed. Both are asked in the same
//     instance.
//   - Number. A request makes the same reads, finds as many rows and allocates as much whether nothing is hidden or
//     very much is. Scans, which canaryScans lists by name, may not: what each hidden resource adds to them is bounded.
//
// An answer that needs another lookup, one more hash or a decoded row is in another class. One that is compared with
// something else in memory is not: no network shows that.
func TestCanariesWork(t *testing.T) {
	if underRaceDetector {
		t.Skip("the race detector makes pools drop what they hold, so allocations vary; make unit runs this without it")
	}
	requests := canaryRequests(t)
	if t.Failed() {
		return
	}
	worlds := [3]*canaryWorld{newHidingWorld(t), newOpenWorld(t), newHidingWorld(t)}
	worlds[2].addHidden()
	// Garbage collection empties pools, so it happens between requests.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	scanned := map[string]bool{}
	for _, v := range viewers {
		if v.name == "admin" {
			continue // nothing is hidden
		}
		t.Run(v.name, func(t *testing.T) {
			var browsers [3]*browser
			for i, w := range worlds {
				browsers[i] = w.nobody().signIn(fmt.Sprintf(`{"Username": %q, "Password": %q}`, v.name, goodPassword))
				browsers[i].T = t
				w.quiet(browsers[i])
			}
			for n, r := range requests {
				if canaryExcepted(v.name, r) {
					continue
				}
				if n%20 == 0 {
					runtime.GC()
				}
				if compareWork(t, worlds, browsers, fmt.Sprintf("%s %d ", v.name, n), r) {
					scanned[r.path] = true
				}
			}
		})
	}
	for path := range canaryScans {
		if !scanned[path] {
			t.Errorf("%s is listed among the scans, and takes as much work whatever is hidden", path)
		}
	}
}

// underRaceDetector is set when the tests run under the race detector.
var underRaceDetector bool

// compareWork makes a request in three worlds: with something hidden, without, and with very much hidden. It reports
// whether the request scans what is hidden.
func compareWork(t *testing.T, worlds [3]*canaryWorld, browsers [3]*browser, step string, r canaryRequest) bool {
	hiding, without, crowded := worlds[0], worlds[1], worlds[2]
	if nothing := r.ofNothing(); nothing != r {
		absent, _ := hiding.works(browsers[0], step, nothing)
		without.works(browsers[1], step, nothing) // so that all go the same way
		crowded.works(browsers[2], step, nothing)
		hidden, _ := hiding.works(browsers[0], step, r)
		// A garbage collection in between empties pools, and somebody allocates what they held. What a leak costs comes
		// again each time.
		for range 2 {
			if hidden.same(&absent, sameBytes) {
				break
			}
			absent, _ = hiding.works(browsers[0], step, nothing)
			hidden, _ = hiding.works(browsers[0], step, r)
		}
		if !hidden.same(&absent, sameBytes) {
			t.Errorf("%s %s\nof what is hidden:     %v\nof what is not there:  %v", r.path, r.body, &hidden, &absent)
		}
	} else {
		hiding.works(browsers[0], step, r)
	}
	none, changed := without.works(browsers[1], step, r)
	many, _ := crowded.works(browsers[2], step, r)
	slack := sameBytes
	if changed {
		slack = changedBytes
	}
	if many.same(&none, slack) {
		return false
	}
	_, scans := canaryScans[r.path]
	if !scans || !many.within(&none, scanBytes*canaryHidden) {
		t.Errorf("%s %s\nwith much hidden:  %v\nwithout:           %v", r.path, r.body, &many, &none)
	}
	return scans
}

// same reports whether two requests did work of the same class.
func (w *work) same(other *work, slack int) bool {
	less := w.bytes - other.bytes
	return w.pages == other.pages && maps.Equal(w.reads, other.reads) && w.rows == other.rows && max(less, -less) <= slack
}

// within reports whether w exceeds other by at most slack bytes for each page, and by no more reads and rows than
// there are hidden resources.
func (w *work) within(other *work, slack int) bool {
	hidden := w.pages * canaryHidden
	return w.pages == other.pages && w.bytes-other.bytes <= w.pages*slack && w.rows-other.rows <= hidden &&
		w.allReads()-other.allReads() <= hidden
}
