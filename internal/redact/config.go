package redact

import (
	"fmt"
	"os"

	"github.com/lanyard/lanyard/internal/setting"
)

// Config is the section redaction of a gateway's configuration.
type Config struct {
	Default Action       `yaml:"default" help:"What becomes of values that no rule names: keep, hash, mask or drop. Default: mask."`
	MaxSize setting.Size `yaml:"max-size" help:"Size of what is kept of the arguments of a call, 64B to 8KiB. Default: 1KiB."`
	// HashKeyFile has at least 16 random bytes. Without it hashes can be compared until the gateway is restarted.
	HashKeyFile string `yaml:"hash-key-file" help:"File with at least 16 random bytes, the key of hashes. Default: a new key at every start."`
	Rules       []Rule `yaml:"rules" help:"Rules for some upstreams and tools. Where several name a value, the strictest counts: drop, mask, hash, keep."`
}

// A Rule says what becomes of arguments of the tools that it matches. Where several rules or lists name a value, or
// what the value is in, the strictest counts: drop, mask, hash, keep.
type Rule struct {
	Upstream setting.Pattern `yaml:"upstream" help:"Names of upstreams; * stands for any characters, ? for one. Default: all."`
	Tool     setting.Pattern `yaml:"tool" help:"Names of tools as their upstream calls them, or ids of flow modules; * stands for any characters, ? for one. Default: all."`
	Default  Action          `yaml:"default" help:"In place of the default of the section."`
	Keep     []Path          `yaml:"keep" help:"Values that are kept: names of members, or paths such as $.items[*].price."`
	Hash     []Path          `yaml:"hash" help:"Values that are replaced by a keyed hash."`
	Mask     []Path          `yaml:"mask" help:"Values that are replaced by their type."`
	Drop     []Path          `yaml:"drop" help:"Values that are left out with their names."`
}

// An Action is what becomes of a value. The larger one is stricter.
type Action uint8

// The actions.
const (
	unset Action = iota
	Keep         // as it is
	Hash         // by a keyed hash: equal values have equal ones
	Mask         // by its type
	Drop         // left out, with the name of the member
)

var actions = []string{Keep: "keep", Hash: "hash", Mask: "mask", Drop: "drop"}

// UnmarshalText reads the name of an action.
func (a *Action) UnmarshalText(text []byte) error {
	for i, name := range actions {
		if name != "" && name == string(text) {
			*a = Action(i)
			return nil
		}
	}
	return fmt.Errorf("must be keep, hash, mask or drop, got %q", text)
}

// Bounds of a configuration.
const (
	defaultSize      = setting.KiB
	minSize, maxSize = 64, 8 * setting.KiB
	maxRules         = 1000
	maxPaths         = 1000
	minKey, maxKey   = 16, 4096
)

// Check returns what is wrong with the configuration; its members are relative to the section.
func (c *Config) Check() error {
	if c.MaxSize != 0 && (c.MaxSize < minSize || c.MaxSize > maxSize) {
		return setting.Errorf("max-size", "must be %dB to %v, got %v", minSize, maxSize, c.MaxSize)
	}
	if len(c.Rules) > maxRules {
		return setting.Errorf("rules", "must have at most %d entries, got %d", maxRules, len(c.Rules))
	}
	for i, r := range c.Rules {
		if n := len(r.Keep) + len(r.Hash) + len(r.Mask) + len(r.Drop); n > maxPaths {
			return setting.Errorf(fmt.Sprintf("rules[%d]", i), "must have at most %d paths, got %d", maxPaths, n)
		}
	}
	return nil
}

// readKey returns the key of HashKeyFile.
func (c *Config) readKey() ([]byte, error) {
	f, err := os.Open(c.HashKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read hash-key-file: %w", err)
	}
	defer f.Close()
	key := make([]byte, maxKey+1)
	n := 0
	for n < len(key) {
		m, err := f.Read(key[n:])
		if n += m; err != nil {
			break
		}
	}
	if n < minKey || n > maxKey {
		return nil, setting.Errorf("hash-key-file", "must have %d to %d bytes, got %d", minKey, maxKey, n)
	}
	return key[:n], nil
}
