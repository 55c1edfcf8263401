package world

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
)

// A Snapshot is a state that was saved.
type Snapshot struct {
	Name  string
	Saved time.Time // by the clock of the World
	Bytes int64
}

// snapshots are the states that were saved, within bounds.
type snapshots struct {
	most      int
	mostBytes int64

	mu    sync.Mutex
	named map[string]snapshot
	bytes int64
}

type snapshot struct {
	image []byte
	saved time.Time
}

const (
	defaultSnapshots     = 100
	defaultSnapshotBytes = 256 << 20
)

func newSnapshots(c Config) snapshots {
	return snapshots{most: cmp.Or(c.MaxSnapshots, defaultSnapshots),
		mostBytes: cmp.Or(c.MaxSnapshotBytes, defaultSnapshotBytes), named: map[string]snapshot{}}
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

func checkName(name string) error {
	if name == "" {
		return lanyard.Errorf(lanyard.Invalid, "Name is required")
	}
	if !nameForm.MatchString(name) {
		return lanyard.Errorf(lanyard.Invalid,
			"Name must be 1 to 128 letters, digits, dots, hyphens and underscores, got %s", lanyard.Quote(name))
	}
	return nil
}

func (s *snapshots) put(name string, image []byte, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, replaced := s.named[name]
	if !replaced && len(s.named) >= s.most {
		return lanyard.Errorf(lanyard.Limit, "there are %d of at most %d saved states; delete one first", len(s.named),
			s.most)
	}
	size := s.bytes - int64(len(before.image)) + int64(len(image))
	if size > s.mostBytes {
		return lanyard.Errorf(lanyard.Limit, "the saved states would take %d of at most %d bytes; delete one first", size,
			s.mostBytes)
	}
	s.named[name], s.bytes = snapshot{image, now}, size
	return nil
}

func (s *snapshots) get(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.named[name]
	if !ok {
		return nil, missing(name)
	}
	return one.image, nil
}

func missing(name string) error {
	return lanyard.Errorf(lanyard.NotFound, "saved state %s does not exist", lanyard.Quote(name))
}

func (s *snapshots) remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.named[name]
	if !ok {
		return missing(name)
	}
	delete(s.named, name)
	s.bytes -= int64(len(one.image))
	return nil
}

func (s *snapshots) list() []Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Snapshot, 0, len(s.named))
	for name, one := range maps.All(s.named) {
		list = append(list, Snapshot{name, one.saved, int64(len(one.image))})
	}
	slices.SortFunc(list, func(a, b Snapshot) int { return strings.Compare(a.Name, b.Name) })
	return list
}
