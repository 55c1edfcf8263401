package control

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/phonepool"
	"github.com/lanyard/lanyard/internal/store"
)

// Phone numbers are of an instance, and their ids and ARNs do not say of which: it is looked for among the instances of
// the account. A number is claimed by one of them at most.

// The members of phone numbers that the rules below are about.
const (
	numberCountry = "PhoneNumberCountryCode"
	numberType    = "PhoneNumberType"
	numberSource  = "SourcePhoneNumberArn"
	numberFlow    = "ContactFlowId"
)

// PhoneNumber returns a phone number of the caller's account, by id or ARN, and its instance.
func (s *Service) PhoneNumber(ctx context.Context, call Call, ref string) (*lanyard.Instance, *lanyard.PhoneNumber,
	error) {
	missing := lanyard.Errorf(lanyard.NotFound, "PhoneNumberId: phone number %s does not exist", lanyard.Quote(ref))
	id := ref
	if lanyard.IsARN(ref) {
		a, err := lanyard.ParseARN(ref)
		if err != nil {
			return nil, nil, within("PhoneNumberId", err)
		}
		if a.Type != lanyard.TypePhoneNumber {
			return nil, nil, lanyard.Errorf(lanyard.Invalid, "PhoneNumberId must be the id or ARN of a phone number, got %s",
				lanyard.Quote(ref))
		}
		if a.Partition != s.partition || a.Account != call.Account || call.Region != "" && call.Region != a.Region {
			return nil, nil, missing
		}
		id = a.ID
	}
	var of *lanyard.Instance
	var number *lanyard.PhoneNumber
	err := s.eachInstance(ctx, call, func(in *lanyard.Instance) error {
		r, err := s.store.Reader(in.ID).Get(ctx, lanyard.TypePhoneNumber, id)
		if errors.Is(err, lanyard.ErrNotFound) {
			return nil
		}
		// While a number is moved, or after that was interrupted, it is in two instances. The later one has it.
		if err == nil && (number == nil || number.Modified.Before(r.Head().Modified)) {
			of, number = in, r.(*lanyard.PhoneNumber)
		}
		return err
	})
	if err == nil && number == nil {
		err = missing
	}
	return of, number, err
}

// eachInstance calls do for the instances of the caller's account that the call may be about.
func (s *Service) eachInstance(ctx context.Context, call Call, do func(*lanyard.Instance) error) error {
	const chunk = 100
	for after := int64(0); ; {
		some, err := s.instancesOf(ctx, call, after, chunk)
		if err != nil {
			return err
		}
		for _, e := range some {
			if call.Within != "" && call.Within != e.Instance.ID {
				continue
			}
			if err := do(e.Instance); err != nil {
				return err
			}
		}
		if len(some) < chunk {
			return nil
		}
		after = some[len(some)-1].Position
	}
}

// claimed reports whether an instance of the account has a number.
func (s *Service) claimed(ctx context.Context, call Call, number string) (bool, error) {
	call.Within = "" // a number that another instance has is taken
	found := false
	err := s.eachInstance(ctx, call, func(in *lanyard.Instance) error {
		_, err := s.store.Reader(in.ID).Find(ctx, lanyard.TypePhoneNumber, number)
		if errors.Is(err, lanyard.ErrNotFound) {
			return nil
		}
		found = true
		return err
	})
	return found, err
}

// NumberQuery asks for phone numbers that can be claimed.
type NumberQuery struct {
	Country, Type, Prefix string
	Page
}

// SearchAvailablePhoneNumbers returns a page of the numbers that an instance can claim.
func (s *Service) SearchAvailablePhoneNumbers(ctx context.Context, call Call, instance string, q NumberQuery) (
	PageOf[phonepool.Number], error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return PageOf[phonepool.Number]{}, err
	}
	if err := checkPrefix(q.Prefix); err != nil {
		return PageOf[phonepool.Number]{}, err
	}
	from, err := position(q.After)
	if err != nil {
		return PageOf[phonepool.Number]{}, err
	}
	page := PageOf[phonepool.Number]{Instance: in}
	for at, number := range phonepool.All(q.Country, q.Type, q.Prefix, int(from)) {
		if len(page.Items) == q.Limit {
			page.Next = strconv.Itoa(at)
			break
		}
		taken, err := s.claimed(ctx, call, number.Number)
		if err != nil {
			return page, err
		}
		if !taken {
			page.Items = append(page.Items, number)
		}
	}
	return page, nil
}

// checkPrefix refuses what the documentation does: a prefix without the country code.
func checkPrefix(prefix string) error {
	if prefix != "" && !strings.HasPrefix(prefix, "+") {
		return lanyard.Errorf(lanyard.Invalid, "PhoneNumberPrefix must begin with + and the country code, got %s",
			lanyard.Quote(prefix))
	}
	return nil
}

// ClaimPhoneNumber adds a number of the pool to an instance. Numbers are claimed one at a time, so that no two
// instances claim the same.
func (s *Service) ClaimPhoneNumber(ctx context.Context, call Call, instance string, n *lanyard.PhoneNumber,
	token string) (Created[*lanyard.PhoneNumber], error) {
	number, ok := phonepool.Lookup(n.Name)
	if !ok {
		return Created[*lanyard.PhoneNumber]{}, lanyard.Errorf(lanyard.Invalid,
			"PhoneNumber must be a number that SearchAvailablePhoneNumbers returns, got %s", lanyard.Quote(n.Name))
	}
	return s.addNumber(ctx, call, instance, n, token, number)
}

// ImportPhoneNumber adds a number of another service to an instance. Which number that is is known there, and not here:
// one of the pool stands for it, always the same unless it is taken.
func (s *Service) ImportPhoneNumber(ctx context.Context, call Call, instance string, n *lanyard.PhoneNumber,
	token string) (Created[*lanyard.PhoneNumber], error) {
	const numbers = 10_000 // of the pool that may stand for an imported one
	hash := fnv.New32a()
	hash.Write(n.Members[numberSource])
	for _, number := range phonepool.All("US", "DID", "", int(hash.Sum32()%numbers)) {
		taken, err := s.claimed(ctx, call, number.Number)
		if err != nil {
			return Created[*lanyard.PhoneNumber]{}, err
		}
		if !taken {
			n.Name = number.Number
			return s.addNumber(ctx, call, instance, n, token, number)
		}
	}
	return Created[*lanyard.PhoneNumber]{}, lanyard.Errorf(lanyard.Limit, "there is no number left in the pool")
}

func (s *Service) addNumber(ctx context.Context, call Call, instance string, n *lanyard.PhoneNumber, token string,
	number phonepool.Number) (Created[*lanyard.PhoneNumber], error) {
	n.Set(lanyard.Settings{numberCountry: jsonText(number.Country), numberType: jsonText(number.Type)}, false)
	s.claiming.Lock()
	defer s.claiming.Unlock()
	c := documentCreation(ctx, s, call, n)
	prepare := c.prepare
	c.prepare = func(tx store.Tx, in *lanyard.Instance, r *lanyard.PhoneNumber) error { // which a repetition skips
		taken, err := s.claimed(ctx, call, n.Name)
		if err == nil && taken {
			err = lanyard.Errorf(lanyard.Duplicate, "PhoneNumber: phone number %s already exists in an instance of the account",
				lanyard.Quote(n.Name))
		}
		if err != nil {
			return err
		}
		return prepare(tx, in, r)
	}
	return createOnce(ctx, s, call, instance, token, c)
}

func jsonText(s string) lanyard.JSON {
	b, err := json.Marshal(s)
	if err != nil {
		panic("control: a text does not encode: " + err.Error())
	}
	return b
}

// ListAllPhoneNumbers returns a page of the phone numbers of all instances of the account, instance by instance.
func (s *Service) ListAllPhoneNumbers(ctx context.Context, call Call, sel Selection[*lanyard.PhoneNumber]) (
	page []PhoneNumberOf, next string, err error) {
	at, after, _ := strings.Cut(sel.After, "/")
	from, err := position(after)
	if err != nil {
		return nil, "", err
	}
	begun := at == ""
	err = s.eachInstance(ctx, call, func(in *lanyard.Instance) error {
		seq := int64(0)
		if in.ID == at {
			begun, seq = true, from
		}
		if !begun {
			return nil
		}
		return eachAfter(ctx, s.store.Reader(in.ID), seq, func(n *lanyard.PhoneNumber) error {
			if sel.Wanted != nil && !sel.Wanted(n) {
				return nil
			}
			if len(page) == sel.Limit {
				last := page[len(page)-1]
				next = last.Instance.ID + "/" + strconv.FormatInt(last.Number.Seq, 10)
				return errPageFull
			}
			page = append(page, PhoneNumberOf{in, n})
			return nil
		})
	})
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return page, next, err
}

// eachAfter calls do for the resources of a type with a Seq greater than after.
func eachAfter[R lanyard.Resource](ctx context.Context, r store.Reader, after int64, do func(R) error) error {
	const chunk = 500
	var none R
	for {
		some, err := r.List(ctx, none.Type(), after, chunk)
		if err != nil {
			return err
		}
		for _, res := range some {
			after = res.Head().Seq
			if err := do(res.(R)); err != nil {
				return err
			}
		}
		if len(some) < chunk {
			return nil
		}
	}
}

// A PhoneNumberOf is a phone number and its instance.
type PhoneNumberOf struct {
	Instance *lanyard.Instance
	Number   *lanyard.PhoneNumber
}

// MovePhoneNumber moves a number to another instance of the account. Its flow stays behind, as is documented; its tags
// and description go with it. It is added there before it is removed here: when that is interrupted, the number is
// where it was moved to, and moving it again completes it.
func (s *Service) MovePhoneNumber(ctx context.Context, call Call, ref, target string) (Created[*lanyard.PhoneNumber],
	error) {
	var made Created[*lanyard.PhoneNumber]
	to, err := s.Instance(ctx, call, target)
	if err != nil {
		return made, err
	}
	from, number, err := s.PhoneNumber(ctx, call, ref)
	if err != nil {
		return made, err
	}
	made.Instance, made.Resource = to, number
	if from.ID == to.ID {
		return made, s.leaveOthers(ctx, call, to.ID, number)
	}
	if call.acting != nil {
		return made, lanyard.Errorf(lanyard.Denied, "UpdatePhoneNumber to another instance cannot be called on behalf of a user")
	}
	if err := unused(ctx, s.store.Reader(from.ID), number, documents[lanyard.TypePhoneNumber].usedBy...); err != nil {
		return made, err
	}
	if made.Result, err = s.placeNumber(ctx, call, to.ID, number); err != nil || call.planning {
		return made, err
	}
	return made, s.leaveOthers(ctx, call, to.ID, number)
}

// placeNumber adds a number of another instance to an instance.
func (s *Service) placeNumber(ctx context.Context, call Call, instance string, number *lanyard.PhoneNumber) (Result,
	error) {
	return s.change(ctx, call, instance, func(tx store.Tx, _ *lanyard.Instance) error {
		if err := s.room(ctx, tx, lanyard.TypePhoneNumber, s.documentQuota(documents[lanyard.TypePhoneNumber])); err != nil {
			return err
		}
		moved := lanyard.Clone(number)
		moved.Seq, moved.Uses = 0, nil
		moved.Set(lanyard.Settings{numberFlow: nil}, false)
		s.touch(call, moved)
		if !moved.Modified.After(number.Modified) { // which says where it is now: see PhoneNumber
			moved.Modified = number.Modified.Add(1e6)
		}
		return taken("PhoneNumber", moved, tx.Put(ctx, moved))
	})
}

// leaveOthers removes a number from the instances that it was moved away from.
func (s *Service) leaveOthers(ctx context.Context, call Call, but string, number *lanyard.PhoneNumber) error {
	return s.eachInstance(ctx, call, func(in *lanyard.Instance) error {
		if in.ID == but {
			return nil
		}
		if _, err := s.store.Reader(in.ID).Get(ctx, lanyard.TypePhoneNumber, number.ID); err != nil {
			if errors.Is(err, lanyard.ErrNotFound) {
				return nil
			}
			return err
		}
		_, err := s.change(ctx, call, in.ID, func(tx store.Tx, _ *lanyard.Instance) error {
			return tx.Delete(ctx, lanyard.TypePhoneNumber, number.ID)
		})
		return err
	})
}

// ReleasePhoneNumber removes a number that no queue calls from. It can be claimed again at once.
func (s *Service) ReleasePhoneNumber(ctx context.Context, call Call, ref string) (Result, error) {
	in, number, err := s.PhoneNumber(ctx, call, ref)
	if err != nil {
		return Result{}, err
	}
	result, err := DeleteDocument[*lanyard.PhoneNumber](ctx, s, call, in.ID, DocumentRef{ID: number.ID})
	if err != nil || call.planning {
		return result, err
	}
	return result, s.leaveOthers(ctx, call, in.ID, number)
}

// ChangePhoneNumber changes members of a number. Of instance, unless "", it must be.
func (s *Service) ChangePhoneNumber(ctx context.Context, call Call, ref, instance string,
	members lanyard.Settings) (Result, error) {
	in, number, err := s.PhoneNumber(ctx, call, ref)
	if err != nil {
		return Result{}, err
	}
	if instance != "" {
		of, err := s.Instance(ctx, call, instance)
		if err == nil && of.ID != in.ID {
			err = lanyard.Errorf(lanyard.NotFound, "PhoneNumberId: phone number %q does not exist in instance %s",
				lanyard.Clip(ref), of.ID)
		}
		if err != nil {
			return Result{}, err
		}
	}
	return ChangeDocument(ctx, s, call, in.ID, DocumentRef{ID: number.ID}, func(n *lanyard.PhoneNumber) error {
		n.Set(members, false)
		return nil
	})
}

// NumberSelection returns a test of phone numbers by their types, countries and prefix; nil for all.
func NumberSelection(types, countries []string, prefix string) func(*lanyard.PhoneNumber) bool {
	if len(types) == 0 && len(countries) == 0 && prefix == "" {
		return nil
	}
	has := func(n *lanyard.PhoneNumber, member string, wanted []string) bool {
		return len(wanted) == 0 || slices.ContainsFunc(memberText(n, member),
			func(is string) bool { return slices.Contains(wanted, is) })
	}
	return func(n *lanyard.PhoneNumber) bool {
		return has(n, numberType, types) && has(n, numberCountry, countries) && strings.HasPrefix(n.Name, prefix)
	}
}
