package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/lanyard/lanyard"
)

// tokenPrefix lets people, and scanners for leaked secrets, see what a token is.
const tokenPrefix = "lanyard_"

// Token returns the token of that text if it is good now. Tokens are held in memory; one made or
// revoked through this Service counts at once.
func (s *Service) Token(text string) (lanyard.Token, error) {
	if !IsToken(text) {
		return lanyard.Token{}, lanyard.Errorf(lanyard.Invalid, "the token is unknown to this server")
	}
	return s.TokenOf(HashToken(text))
}

// IsToken reports whether a text has the form of the tokens that CreateToken makes.
func IsToken(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// A TokenHash is the SHA-256 of the text of a token.
type TokenHash = [sha256.Size]byte

// HashToken returns the hash of a token's text, for TokenOf.
func HashToken(text string) TokenHash { return sha256.Sum256([]byte(text)) }

// TokenOf is Token for who knows the hash of the text.
func (s *Service) TokenOf(sum TokenHash) (lanyard.Token, error) {
	tokens := s.tokens.Load()
	if tokens == nil {
		return lanyard.Token{}, lanyard.Errorf(lanyard.Invalid, "the token is unknown to this server")
	}
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
	tokens := make(map[TokenHash]lanyard.Token, len(list))
	for _, t := range list {
		var sum TokenHash
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
	switch t.Scope {
	case lanyard.ScopeDecide, lanyard.ScopeAdminister, lanyard.ScopeCall, lanyard.ScopeFollow:
	default:
		return t, "", lanyard.Errorf(lanyard.Invalid, "Scope must be %s, %s, %s or %s, got %s", lanyard.ScopeDecide,
			lanyard.ScopeAdminister, lanyard.ScopeCall, lanyard.ScopeFollow, lanyard.Quote(string(t.Scope)))
	}
	if err := (text{member: "Comment", value: t.Comment}).refuseForged(); err != nil {
		return t, "", err
	}
	if !t.Expires.IsZero() && !s.now().Before(t.Expires) {
		return t, "", lanyard.Errorf(lanyard.Invalid, "Expires must be in the future")
	}
	if err := s.bindToken(ctx, &t); err != nil {
		return t, "", err
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
	sum := HashToken(text)
	t.ID, t.Hash, t.Created, t.Revoked = s.newID(), hex.EncodeToString(sum[:]), s.time(), false
	if err := s.store.PutToken(ctx, t); err != nil {
		return t, "", err
	}
	return t, text, s.LoadTokens(ctx)
}

// bindToken checks what a token is for, and puts ids in place of names.
func (s *Service) bindToken(ctx context.Context, t *lanyard.Token) error {
	caller := t.Scope == lanyard.ScopeCall
	switch {
	case caller && t.Agent == "" && t.User == "":
		return lanyard.Errorf(lanyard.Invalid, "Agent or User is required when Scope is %s", lanyard.ScopeCall)
	case !caller && (t.Agent != "" || t.User != ""):
		return lanyard.Errorf(lanyard.Invalid, "Scope must be %s when Agent or User is set, got %s", lanyard.ScopeCall, t.Scope)
	case t.Scope == lanyard.ScopeFollow && t.Instance == "":
		return lanyard.Errorf(lanyard.Invalid, "Instance is required when Scope is %s", lanyard.ScopeFollow)
	case !caller && t.Instance == "":
		return nil
	}
	in, err := s.instanceOfToken(ctx, t)
	if err != nil {
		return err
	}
	t.Instance = in.ID
	if t.Agent != "" {
		if err := s.checkAgentARN(in, "Agent", t.Agent); err != nil {
			return err
		}
	}
	if t.User != "" {
		u, err := s.userNamed(ctx, in, t.User)
		if err != nil {
			return within("User", err)
		}
		t.User = u.ID
	}
	return nil
}

// instanceOfToken returns the instance that a token is for. One that calls tools may name it by its alias, or leave it
// out when the account has one instance only.
func (s *Service) instanceOfToken(ctx context.Context, t *lanyard.Token) (*lanyard.Instance, error) {
	if t.Scope == lanyard.ScopeCall && !lanyard.IsARN(t.Instance) {
		return s.InstanceNamed(ctx, t.Account, t.Instance)
	}
	return s.Instance(ctx, Call{Caller: lanyard.Caller{Account: t.Account}}, t.Instance)
}

// userNamed returns the user of that id, ARN or user name. What has the form of an id is not taken for a name.
func (s *Service) userNamed(ctx context.Context, in *lanyard.Instance, ref string) (*lanyard.User, error) {
	r := s.store.Reader(in.ID)
	if lanyard.IsARN(ref) || lanyard.IsID(ref) {
		return load[*lanyard.User](ctx, s, r, in, ref)
	}
	found, err := r.Find(ctx, lanyard.TypeUser, ref)
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, lanyard.Errorf(lanyard.NotFound, "user %q does not exist in instance %s", lanyard.Clip(ref), in.ID)
	}
	if err != nil {
		return nil, err
	}
	return found.(*lanyard.User), nil
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
