package decisionlog

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what waits to be written.
const (
	queueLength = 8192 // entries of each sink
	batchLength = 512  // entries that are written together
	sayEvery    = time.Minute
)

// A Log takes decisions. It is safe for concurrent use. A nil Log takes none.
type Log struct {
	config Config
	log    *slog.Logger
	sinks  []*sink
	closed atomic.Bool
}

// A sink is somewhere that entries go. It has one goroutine.
type sink struct {
	name    string
	write   func(ctx context.Context, batch []*Entry) error
	close   func() error
	queue   chan *Entry
	quit    chan struct{} // closed when nothing more comes
	dropped atomic.Int64
	said    time.Time // when the log last said that entries were dropped, and how many were by then
	counted int64
	log     *slog.Logger
	ended   chan struct{}
	stop    context.CancelFunc // ends a write that takes too long, at the end
}

// New returns the log of a configuration that has passed Check, nil when it names no file and no collector. It must
// be closed. A nil logger is slog.Default().
func New(c Config, log *slog.Logger) (*Log, error) {
	if log == nil {
		log = slog.Default()
	}
	l := &Log{config: c, log: log}
	if c.File != nil {
		f, err := openFile(c.File)
		if err != nil {
			return nil, err
		}
		l.start("file", f.write, f.close)
	}
	if c.OTLP != nil {
		o, err := newCollector(c.OTLP)
		if err != nil {
			return nil, errors.Join(err, l.Close(context.Background()))
		}
		l.start("collector", o.write, o.close)
	}
	if len(l.sinks) == 0 {
		return nil, nil
	}
	return l, nil
}

func (l *Log) start(name string, write func(context.Context, []*Entry) error, end func() error) {
	s := &sink{name: name, write: write, close: end, log: l.log, queue: make(chan *Entry, queueLength),
		quit: make(chan struct{}), ended: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	l.sinks = append(l.sinks, s)
	go s.run(ctx)
}

// Arguments reports whether entries are to have arguments.
func (l *Log) Arguments() bool { return l != nil && !l.config.NoArguments }

// takes reports whether a decision is among those that are logged, and notes of which share it is one.
func (l *Log) takes(e *Entry) bool {
	share := l.config.Sample
	if !e.Decision {
		share = l.config.SampleRefused
	}
	if share == nil || *share >= 1 {
		return true
	}
	h := fnv.New64a() // of the id, so that all sinks and all logs have the same decisions
	h.Write([]byte(e.ID))
	if float64(mix(h.Sum64())) >= *share*math.MaxUint64 {
		return false
	}
	e.Sample = *share
	return true
}

// mix spreads the bits of a hash evenly (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Add takes a decision. It never waits; what there is no room for is dropped and counted.
func (l *Log) Add(e *Entry) {
	if l == nil || l.closed.Load() || !l.takes(e) {
		return
	}
	for _, s := range l.sinks {
		select {
		case s.queue <- e:
		default:
			s.dropped.Add(1)
		}
	}
}

// Dropped counts the entries that could not be written, by where they were to go.
func (l *Log) Dropped() map[string]int64 {
	n := map[string]int64{}
	if l != nil {
		for _, s := range l.sinks {
			n[s.name] = s.dropped.Load()
		}
	}
	return n
}

// Close writes what waits until ctx ends. What is added later is not logged.
func (l *Log) Close(ctx context.Context) error {
	if l == nil || l.closed.Swap(true) {
		return nil
	}
	var wg sync.WaitGroup
	errs := make([]error, len(l.sinks))
	for i, s := range l.sinks {
		wg.Go(func() { errs[i] = s.end(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *sink) end(ctx context.Context) error {
	close(s.quit)
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.stop()
		<-s.ended
	}
	s.stop()
	return s.close()
}

// run writes what comes, until it is to quit and the queue is empty.
func (s *sink) run(ctx context.Context) {
	defer close(s.ended)
	batch := make([]*Entry, 0, batchLength)
	for more := true; more; {
		select {
		case e := <-s.queue:
			batch = s.gather(append(batch[:0], e))
		case <-s.quit:
			if batch = s.gather(batch[:0]); len(batch) == 0 {
				more = false
				continue
			}
		}
		err := s.write(ctx, batch)
		var lost *lostError
		switch {
		case errors.As(err, &lost):
			s.dropped.Add(int64(lost.entries))
		case err != nil:
			s.dropped.Add(int64(len(batch)))
		}
		s.sayDropped(err)
		clear(batch)
	}
	s.said = time.Time{}
	s.sayDropped(nil)
}

// gather adds to a batch what waits already.
func (s *sink) gather(batch []*Entry) []*Entry {
	for len(batch) < batchLength {
		select {
		case e := <-s.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// lostError says how many entries of a batch were not written.
type lostError struct {
	entries int
	err     error
}

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// sayDropped logs how many entries were dropped, once in a while.
func (s *sink) sayDropped(err error) {
	n := s.dropped.Load()
	if n == s.counted || !s.said.IsZero() && time.Since(s.said) < sayEvery {
		return
	}
	s.log.Warn("decisions are missing from the decision log", "to", s.name, "dropped", n-s.counted, "error", err)
	s.said, s.counted = time.Now(), n
}
