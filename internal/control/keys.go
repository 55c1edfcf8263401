package control

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// Key returns an access key that may sign calls. Keys are held in memory; a key made or disabled
// through this Service counts at once.
func (s *Service) Key(id string) (lanyard.AccessKey, bool) {
	keys := s.keys.Load()
	if keys == nil {
		return lanyard.AccessKey{}, false
	}
	k, ok := (*keys)[id]
	return k, ok && !k.Disabled
}

// LoadKeys reads the access keys from the store. It must be called before Key.
func (s *Service) LoadKeys(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	list, err := s.store.Keys(ctx)
	if err != nil {
		return err
	}
	keys := make(map[string]lanyard.AccessKey, len(list))
	for _, k := range list {
		keys[k.ID] = k
	}
	s.keys.Store(&keys)
	return nil
}

// Keys lists the access keys in the order of their creation, secrets left out.
func (s *Service) Keys(ctx context.Context) ([]lanyard.AccessKey, error) {
	list, err := s.store.Keys(ctx)
	for i := range list {
		list[i].Secret = ""
	}
	return list, err
}

// maxKeys bounds the keys that are held in memory.
const maxKeys = 10_000

// CreateKey makes an access key. An empty ID or Secret is drawn at random.
func (s *Service) CreateKey(ctx context.Context, k lanyard.AccessKey) (lanyard.AccessKey, error) {
	if len(k.Account) != 12 || strings.Trim(k.Account, "0123456789") != "" {
		return k, lanyard.Errorf(lanyard.Invalid, "Account must be an account id of twelve digits, got %s",
			lanyard.Quote(k.Account))
	}
	if err := (text{member: "Comment", value: k.Comment}).refuseForged(); err != nil {
		return k, err
	}
	list, err := s.store.Keys(ctx)
	if err != nil {
		return k, err
	}
	if len(list) >= maxKeys {
		return k, lanyard.Errorf(lanyard.Limit, "the server has %d of at most %d access keys", len(list), maxKeys)
	}
	if k.ID == "" {
		k.ID = "AKIA" + randomText(16)
	}
	if k.Secret == "" {
		b := make([]byte, 30)
		rand.Read(b)
		k.Secret = base64.StdEncoding.EncodeToString(b)
	}
	k.Created = s.time()
	if err := s.store.PutKey(ctx, k); err != nil {
		return k, err
	}
	return k, s.LoadKeys(ctx)
}

// DisableKey makes a key sign no more.
func (s *Service) DisableKey(ctx context.Context, id string) error {
	list, err := s.store.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.ID != id {
			continue
		}
		if k.Root {
			return lanyard.Errorf(lanyard.Invalid,
				"%s is the root access key, which cannot be disabled; start the server with another LANYARD_ROOT_ACCESS_KEY_ID "+
					"to replace it", id)
		}
		k.Disabled = true
		if err := s.store.PutKey(ctx, k); err != nil {
			return err
		}
		return s.LoadKeys(ctx)
	}
	return lanyard.Errorf(lanyard.NotFound, "access key %s does not exist", lanyard.Quote(id))
}

// SetRootKey makes id and secret the only root key; empty ones keep the root key that there is, or
// draw a first one.
func (s *Service) SetRootKey(ctx context.Context, id, secret, account string) (root lanyard.AccessKey, err error) {
	list, err := s.store.Keys(ctx)
	if err != nil {
		return root, err
	}
	for _, k := range list {
		if !k.Root {
			continue
		}
		if !k.Disabled && (id == "" || id == k.ID && secret == k.Secret && account == k.Account) {
			return k, s.LoadKeys(ctx)
		}
		if id != "" && id != k.ID {
			k.Root, k.Disabled = false, true
			if err := s.store.PutKey(ctx, k); err != nil {
				return root, err
			}
		}
	}
	if id == "" {
		if id, secret, err = s.firstRootKey(ctx, list); err != nil {
			return root, err
		}
	}
	return s.CreateKey(ctx, lanyard.AccessKey{ID: id, Secret: secret, Account: account, Root: true, Comment: "root"})
}

// firstRootKey draws a root key: the same one in all servers that start at a time on one new store,
// for they draw it from what the store made at random.
func (s *Service) firstRootKey(ctx context.Context, list []lanyard.AccessKey) (id, secret string, err error) {
	seed, err := s.store.Secret(ctx, "root-key")
	if err != nil {
		return "", "", err
	}
	draw := func(what string, n int) []byte {
		b, err := hkdf.Key(sha256.New, seed, nil, what, n)
		if err != nil {
			panic(err) // for very long keys only
		}
		return b
	}
	id = "AKIA" + inAlphabet(draw("id", 16))
	if slices.ContainsFunc(list, func(k lanyard.AccessKey) bool { return k.ID == id }) {
		return "", "", nil // it was replaced once, and is not good again
	}
	return id, base64.StdEncoding.EncodeToString(draw("secret", 30)), nil
}

// randomText draws n characters of the alphabet of access key ids.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return inAlphabet(b)
}

func inAlphabet(b []byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b)
}
