package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/lanyard/lanyard"
)

// tokenPrefix lets people, and scanners for leaked secrets, see what a token is.
const tokenPrefix = "lanyard_"

func hashToken(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Token returns the token of that text if it is good now. Tokens are held in memory; one made or
// revoked through this Service counts at once.
func (s *Service) Token(text string) (lanyard.Token, error) {
	tokens := s.tokens.Load()
	if tokens == nil || !strings.HasPrefix(text, tokenPrefix) {
		return lanyard.Token{}, lanyard.Errorf(lanyard.Invalid, "the token is unknown to this server")
	}
	sum := sha256.Sum256([]byte(text))
	t, ok := (*tokens)[sum]
	switch {
	case !ok:
		return lanyard.Token{}, lanyard.Errorf(lanyard.Invalid, "the token is unknown to this server")
	case t.Revoked:
		return lanyard.Token{}, lanyard.Errorf(lanyard.Invalid, "the token has been revoked")
	case !t.Expires.IsZero() && !s.now().Before(t.Expires):
		return lanyard.Token{}, lanyard.Errorf(lanyard.Invalid, "the token has expired")
	}
	return t, nil
}

// LoadTokens reads the tokens from the store. It must be called before Token.
func (s *Service) LoadTokens(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	list, err := s.store.Tokens(ctx)
	if err != nil {
		return err
	}
	tokens := make(map[[sha256.Size]byte]lanyard.Token, len(list))
	for _, t := range list {
		var sum [sha256.Size]byte
		if n, err := hex.Decode(sum[:], []byte(t.Hash)); err == nil && n == len(sum) {
			tokens[sum] = t
		}
	}
	s.tokens.Store(&tokens)
	return nil
}

// Tokens lists the tokens in the order of their creation, hashes left out.
func (s *Service) Tokens(ctx context.Context) ([]lanyard.Token, error) {
	list, err := s.store.Tokens(ctx)
	for i := range list {
		list[i].Hash = ""
	}
	return list, err
}

// maxTokens bounds the tokens that are held in memory.
const maxTokens = 10_000

// CreateToken makes a token and returns its text, which is not kept.
func (s *Service) CreateToken(ctx context.Context, t lanyard.Token) (lanyard.Token, string, error) {
	if len(t.Account) != 12 || strings.Trim(t.Account, "0123456789") != "" {
		return t, "", lanyard.Errorf(lanyard.Invalid, "Account must be an account id of twelve digits, got %s",
			lanyard.Quote(t.Account))
	}
	if t.Scope != lanyard.ScopeDecide && t.Scope != lanyard.ScopeAdminister {
		return t, "", lanyard.Errorf(lanyard.Invalid, "Scope must be %s or %s, got %s", lanyard.ScopeDecide,
			lanyard.ScopeAdminister, lanyard.Quote(string(t.Scope)))
	}
	if err := (text{member: "Comment", value: t.Comment}).refuseForged(); err != nil {
		return t, "", err
	}
	if !t.Expires.IsZero() && !s.now().Before(t.Expires) {
		return t, "", lanyard.Errorf(lanyard.Invalid, "Expires must be in the future")
	}
	if t.Instance != "" {
		in, err := s.Instance(ctx, Call{Caller: lanyard.Caller{Account: t.Account}}, t.Instance)
		if err != nil {
			return t, "", err
		}
		t.Instance = in.ID
	}
	list, err := s.store.Tokens(ctx)
	if err != nil {
		return t, "", err
	}
	if len(list) >= maxTokens {
		return t, "", lanyard.Errorf(lanyard.Limit, "the server has %d of at most %d tokens", len(list), maxTokens)
	}
	b := make([]byte, 32)
	rand.Read(b)
	text := tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
	t.ID, t.Hash, t.Created, t.Revoked = s.newID(), hashToken(text), s.time(), false
	if err := s.store.PutToken(ctx, t); err != nil {
		return t, "", err
	}
	return t, text, s.LoadTokens(ctx)
}

// RevokeToken makes a token good for nothing.
func (s *Service) RevokeToken(ctx context.Context, id string) error {
	list, err := s.store.Tokens(ctx)
	if err != nil {
		return err
	}
	for _, t := range list {
		if t.ID == id {
			t.Revoked = true
			if err := s.store.PutToken(ctx, t); err != nil {
				return err
			}
			return s.LoadTokens(ctx)
		}
	}
	return lanyard.Errorf(lanyard.NotFound, "token %s does not exist", lanyard.Quote(id))
}
