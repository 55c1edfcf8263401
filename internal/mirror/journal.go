package mirror

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/invocation"
)

// A Journal is an API that keeps the answers of another in a file, so that a Read that was interrupted goes on where it
// stopped: what was answered before is not asked again. It is for operations that only read.
type Journal struct {
	api  invocation.API
	name string

	mu       sync.Mutex
	file     *os.File
	answers  map[string]span // by what was asked
	size     int64
	replayed int
}

// A span is where in the file an answer is.
type span struct {
	offset int64
	length int
}

// JournalOf says whose answers a journal keeps.
type JournalOf struct {
	Source   string // URL of the API
	Instance string // id
	// MaxAge is how old the first answer may be: an older journal is not used.
	MaxAge time.Duration
	Now    time.Time
}

// maxJournal is the most that is kept, in bytes; what comes after it is asked again.
const maxJournal = 4 << 30

// journalHead is the first line of the file.
type journalHead struct {
	Version          int
	Source, Instance string
	Began            time.Time
}

// entry is a line of the file.
type entry struct {
	Asked  string // SHA-256 of operation and input
	Answer jsontext.Value
}

// OpenJournal opens the journal in a file, or begins a new one if there is none that fits. Nobody else may use the file
// in the meantime. The file is readable by its owner alone.
func OpenJournal(name string, api invocation.API, of JournalOf) (*Journal, error) {
	j := &Journal{api: api, name: name, answers: map[string]span{}}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err == nil {
		if j.file = f; j.load(of) {
			return j, nil
		}
		f.Close()
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open the answers of an earlier run: %w", err)
	}
	j.answers = map[string]span{}
	return j, j.begin(of)
}

// load reads an earlier journal, up to the first line that is not whole, and reports whether it can be used.
func (j *Journal) load(of JournalOf) bool {
	r := bufio.NewReaderSize(j.file, 1<<20)
	line, err := r.ReadBytes('\n')
	var head journalHead
	if err != nil || json.Unmarshal(line, &head) != nil || head.Version != 1 || head.Source != of.Source ||
		head.Instance != of.Instance || of.Now.Sub(head.Began) > of.MaxAge || head.Began.After(of.Now) {
		return false
	}
	j.size = int64(len(line))
	for {
		line, err := r.ReadBytes('\n')
		var e entry
		if err != nil || json.Unmarshal(line, &e) != nil || e.Asked == "" {
			break
		}
		j.answers[e.Asked] = span{j.size, len(line)}
		j.size += int64(len(line))
	}
	return j.file.Truncate(j.size) == nil
}

// begin replaces the file.
func (j *Journal) begin(of JournalOf) error {
	f, err := os.CreateTemp(filepath.Dir(j.name), filepath.Base(j.name)+".*") // has mode 0600
	if err != nil {
		return fmt.Errorf("keep the answers of this run: %w", err)
	}
	line, err := json.Marshal(journalHead{1, of.Source, of.Instance, of.Now.UTC()})
	if err == nil {
		_, err = f.Write(append(line, '\n'))
	}
	if err == nil {
		err = os.Rename(f.Name(), j.name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep the answers of this run: %w", err), f.Close(), os.Remove(f.Name()))
	}
	j.file, j.size = f, int64(len(line))+1
	return nil
}

// Invoke returns the answer of an earlier run, or asks and keeps the answer.
func (j *Journal) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	sum := sha256.Sum256([]byte(operation + "\x00" + string(input)))
	asked := hex.EncodeToString(sum[:])
	if answer, ok, err := j.recall(asked); ok || err != nil {
		return answer, err
	}
	answer, err := j.api.Invoke(ctx, operation, input)
	if err != nil {
		return nil, err
	}
	return answer, j.keep(asked, answer)
}

func (j *Journal) recall(asked string) (answer []byte, ok bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, ok := j.answers[asked]
	if !ok {
		return nil, false, nil
	}
	line := make([]byte, at.length)
	var e entry
	if _, err = j.file.ReadAt(line, at.offset); err == nil {
		err = json.Unmarshal(line, &e)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the answers of an earlier run: %w", err)
	}
	j.replayed++
	return e.Answer, true, nil
}

func (j *Journal) keep(asked string, answer []byte) error {
	value := jsontext.Value(answer).Clone()
	if len(value) == 0 || value.Compact() != nil {
		return nil // it is asked again
	}
	line, err := json.Marshal(entry{asked, value})
	if err != nil {
		return nil
	}
	line = append(line, '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.size+int64(len(line)) > maxJournal {
		return nil
	}
	if _, err := j.file.Seek(j.size, io.SeekStart); err != nil {
		return err
	}
	if _, err := j.file.Write(line); err != nil {
		return fmt.Errorf("keep the answers of this run: %w", err)
	}
	j.answers[asked] = span{j.size, len(line)}
	j.size += int64(len(line))
	return nil
}

// Replayed returns how many calls were answered from the file.
func (j *Journal) Replayed() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.replayed
}

// Kept returns how many answers the file has.
func (j *Journal) Kept() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.answers)
}

// Close keeps the file for the next run.
func (j *Journal) Close() error { return j.file.Close() }

// Discard removes the file: it is of no use any more.
func (j *Journal) Discard() error { return errors.Join(j.file.Close(), os.Remove(j.name)) }
