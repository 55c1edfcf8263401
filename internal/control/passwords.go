package control

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// argonParams are what one hash costs: some 20 ms and 19 MiB, which is what OWASP recommends.
var argonParams = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

const (
	// maxArgon bounds how many hashes are computed at a time, so that a flood of sign-ins takes at most 76 MiB,
	// maxArgonQueue how many wait for their turn, and maxArgonWait for how long.
	maxArgon      = 4
	maxArgonQueue = 64
	maxArgonWait  = 5 * time.Second
)

// argonTurns has room for as many hashes as half of the processors can compute, so that sign-ins leave
// the other half to decisions; argonQueue has room for those and the ones that wait.
var (
	argonTurns = make(chan struct{}, max(1, min(maxArgon, runtime.GOMAXPROCS(0)/2)))
	argonQueue = make(chan struct{}, cap(argonTurns)+maxArgonQueue)
)

var errArgonBusy = lanyard.Errorf(lanyard.Throttled, "too many passwords are being checked at the moment; retry later")

// inTurn waits for its turn and runs a computation of a hash. When too many are waiting already it refuses at
// once, so that the wait stays short for those in the queue.
func inTurn(ctx context.Context, hash func() error) error {
	select {
	case argonQueue <- struct{}{}:
		defer func() { <-argonQueue }()
	default:
		return errArgonBusy
	}
	wait := time.NewTimer(maxArgonWait)
	defer wait.Stop()
	select {
	case argonTurns <- struct{}{}:
	case <-wait.C:
		return errArgonBusy
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-argonTurns }()
	return hash()
}

// CheckPassword returns what is wrong with a password, in words that begin with member: the service
// model's rule for CreateUser's Password.
func CheckPassword(member, password string) error {
	if n := utf8.RuneCountInString(password); n < 8 || n > 64 || !utf8.ValidString(password) ||
		!strings.ContainsAny(password, "abcdefghijklmnopqrstuvwxyz") ||
		!strings.ContainsAny(password, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") ||
		!strings.ContainsAny(password, "0123456789") || strings.IndexFunc(password, unicode.IsSpace) >= 0 {
		return lanyard.Errorf(lanyard.Invalid,
			"%s must be 8 to 64 characters with no spaces and include a lowercase letter, an uppercase letter and a digit",
			member)
	}
	return nil
}

// obvious are what passwords that satisfy the rule most often are, but for what is put behind them.
var obvious = []string{"password", "passwort", "passw0rd", "p@ssword", "p@ssw0rd", "welcome", "qwerty", "qwertz", "abc",
	"abcd", "abcdef", "admin",
	"administrator", "changeme", "letmein", "secret", "test", "testtest", "user", "spring", "summer", "autumn", "winter",
	"amazon", "connect", "lanyard"}

// checkGuessable refuses what is tried first against a user of that name: the name itself and the most common
// passwords, in any case and with any digits and signs behind. Amazon's rule for CreateUser lets them pass, so
// this holds where passwords are set and changed.
func checkGuessable(member, name, password string) error {
	core := func(s string) string {
		return strings.TrimRightFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) })
	}
	switch got := core(password); {
	case got == core(name) || strings.EqualFold(password, name):
		return lanyard.Errorf(lanyard.Invalid, "%s must be different from the user name", member)
	case slices.Contains(obvious, got):
		return lanyard.Errorf(lanyard.Invalid, "%s must be less common; it is one of the first that an attacker tries", member)
	}
	return nil
}

// hashPassword checks a password against the rule and hashes it.
func (s *Service) hashPassword(ctx context.Context, member, password string) (hash string, err error) {
	if err := CheckPassword(member, password); err != nil {
		return "", err
	}
	if s.noPasswords {
		return "", nil // CreateUser keeps none then
	}
	err = inTurn(ctx, func() error {
		hash, err = argon2id.CreateHash(password, argonParams)
		return err
	})
	return hash, err
}

// matchPassword reports whether a password is the one of a hash. What it costs does not depend on whether it is.
func matchPassword(ctx context.Context, hash, password string) (ok bool, err error) {
	p, _, _, err := argon2id.DecodeHash(hash)
	if err != nil {
		return false, &lanyard.Error{Kind: lanyard.Internal, Message: "a stored password is not an Argon2id hash", Err: err}
	}
	if p.Memory > 1<<20 || p.Iterations > 100 || p.Iterations == 0 || p.Parallelism == 0 || p.KeyLength == 0 {
		return false, lanyard.Errorf(lanyard.Internal, "the hash of a stored password is out of bounds")
	}
	err = inTurn(ctx, func() error {
		ok, err = argon2id.ComparePasswordAndHash(password, hash)
		return err
	})
	return ok, err
}

// nobodysHash is what a password is compared with when there is nothing to compare it with, at the same cost.
var nobodysHash = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonParams.Memory,
	argonParams.Iterations, argonParams.Parallelism, strings.Repeat("A", 22), strings.Repeat("A", 43))

// errSignIn is all that a failed sign-in says.
func errSignIn() error {
	return lanyard.Errorf(lanyard.Denied, "the instance, the user name or the password is wrong")
}

// SignIn returns the user of that name, whose password it is, in the instance of that id or alias,
// or Denied. An unknown instance or user takes as long as a wrong password.
func (s *Service) SignIn(ctx context.Context, account, instance, name,
	password string) (*lanyard.Instance, *lanyard.User, error) {
	hash, found := nobodysHash, false
	in, u, err := s.Named(ctx, account, instance, name)
	if err == nil {
		if hash, err = s.store.Reader(in.ID).Password(ctx, u.ID); err == nil {
			found = true
		} else {
			hash = nobodysHash
		}
	}
	if err != nil && !errors.Is(err, lanyard.ErrNotFound) {
		return nil, nil, err
	}
	right, err := matchPassword(ctx, hash, password)
	if err != nil {
		return nil, nil, err
	}
	if !found || !right {
		return nil, nil, errSignIn()
	}
	return in, u, nil
}

// Named finds a user by the name, in the instance of that id or alias; "" is the only instance of
// the account. NotFound says nothing of which does not exist.
func (s *Service) Named(ctx context.Context, account, instance, name string) (*lanyard.Instance, *lanyard.User, error) {
	in, err := s.InstanceNamed(ctx, account, instance)
	if err != nil {
		return nil, nil, err
	}
	if name == "" || len(name) > maxUserName {
		return nil, nil, lanyard.Errorf(lanyard.NotFound, "the user does not exist")
	}
	r, err := s.store.Reader(in.ID).Find(ctx, lanyard.TypeUser, name)
	if err != nil {
		return nil, nil, err
	}
	return in, r.(*lanyard.User), nil
}

// maxUserName is the model's bound of user names, in characters of up to four bytes.
const maxUserName = 100 * utf8.UTFMax

// maxNamed is how many instances of an account are looked through for an alias.
const maxNamed = 1000

// InstanceNamed finds an account's instance by id or alias; "" is the only one that there is.
func (s *Service) InstanceNamed(ctx context.Context, account, ref string) (*lanyard.Instance, error) {
	var after int64
	var only *lanyard.Instance
	for seen := 0; seen < maxNamed; {
		list, err := s.store.Instances(ctx, account, after, 100)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			switch {
			case ref != "" && (e.Instance.ID == ref || e.Instance.Name == ref):
				return e.Instance, nil
			case ref == "" && only != nil:
				return nil, lanyard.Errorf(lanyard.NotFound, "Instance is required when the account has several")
			}
			only, after = e.Instance, e.Position
		}
		if seen += len(list); len(list) < 100 {
			break
		}
	}
	if ref != "" || only == nil {
		return nil, lanyard.Errorf(lanyard.NotFound, "instance %s does not exist", lanyard.Quote(ref))
	}
	return only, nil
}

// PasswordCall is the call by which caller sets a password.
func PasswordCall(caller lanyard.Caller, instance, user string) Call {
	request, err := laxjson.Marshal(map[string]string{"InstanceId": instance, "UserId": user,
		"Password": "HIDDEN_DUE_TO_SECURITY_REASONS"})
	if err != nil {
		panic(err) // texts encode
	}
	return Call{Caller: caller, Operation: "SetUserPassword", Request: request}
}

// HasPassword reports whether a user, by id, has a password.
func (s *Service) HasPassword(ctx context.Context, instance, user string) (bool, error) {
	_, err := s.store.Reader(instance).Password(ctx, user)
	if errors.Is(err, lanyard.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// A NewPassword is a password for a user.
type NewPassword struct {
	Instance string // id or alias
	User     string // id or name
	Password string
	Session  string // id of the only session of the user that goes on
}

// SetPassword gives a user a password and ends the user's sessions.
func (s *Service) SetPassword(ctx context.Context, call Call, n NewPassword) error {
	return s.setPassword(ctx, call, n, "Password")
}

// setPassword is SetPassword, of a password that was sent as member.
func (s *Service) setPassword(ctx context.Context, call Call, n NewPassword, member string) error {
	in, err := s.InstanceNamed(ctx, call.Account, n.Instance)
	if err != nil {
		return err
	}
	if err := call.refuseMirrored(in); err != nil {
		return err
	}
	r, err := s.store.Reader(in.ID).Get(ctx, lanyard.TypeUser, n.User)
	if errors.Is(err, lanyard.ErrNotFound) {
		r, err = s.store.Reader(in.ID).Find(ctx, lanyard.TypeUser, n.User)
	}
	if errors.Is(err, lanyard.ErrNotFound) {
		return lanyard.Errorf(lanyard.NotFound, "user %s does not exist in instance %s", lanyard.Quote(n.User), in.ID)
	}
	if err != nil {
		return err
	}
	id := r.Head().ID
	if err := CheckPassword(member, n.Password); err != nil {
		return err
	}
	if err := checkGuessable(member, r.Head().Name, n.Password); err != nil {
		return err
	}
	hash, err := s.hashPassword(ctx, member, n.Password) // before the transaction: it takes long
	if err != nil {
		return err
	}
	if _, err := s.write(ctx, call, in.ID,
		func(tx store.Tx) error { return tx.SetPassword(ctx, id, hash) }); err != nil {
		return err
	}
	return s.store.EndSessions(ctx, SessionOwner(in.ID, id, ""), n.Session, 0)
}

// ChangePassword is SetPassword by somebody who knows the old one. Instance and user are named by id.
func (s *Service) ChangePassword(ctx context.Context, call Call, n NewPassword, old string) error {
	hash, err := s.store.Reader(n.Instance).Password(ctx, n.User)
	known := err == nil
	if !known {
		if !errors.Is(err, lanyard.ErrNotFound) {
			return err
		}
		hash = nobodysHash
	}
	right, err := matchPassword(ctx, hash, old)
	if err != nil {
		return err
	}
	if !known || !right {
		return lanyard.Errorf(lanyard.Denied, "OldPassword is not the current password")
	}
	if n.Password == old {
		return lanyard.Errorf(lanyard.Invalid, "NewPassword must be different from OldPassword")
	}
	return s.setPassword(ctx, call, n, "NewPassword")
}
