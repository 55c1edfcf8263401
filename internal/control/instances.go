package control

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// How an instance manages identities.
const (
	ConnectManaged    = "CONNECT_MANAGED"
	SAML              = "SAML"
	ExistingDirectory = "EXISTING_DIRECTORY"
)

// instanceAttributes are the attribute types of an instance with their first values. The two for
// calls are set by CreateInstance. Names are Amazon's; the first values of the others are what a
// console shows for a fresh instance.
var instanceAttributes = map[string]string{
	"INBOUND_CALLS":               "",
	"OUTBOUND_CALLS":              "",
	"CONTACTFLOW_LOGS":            "false",
	"CONTACT_LENS":                "true",
	"AUTO_RESOLVE_BEST_VOICES":    "true",
	"USE_CUSTOM_TTS_VOICES":       "false",
	"EARLY_MEDIA":                 "true",
	"MULTI_PARTY_CONFERENCE":      "false",
	"HIGH_VOLUME_OUTBOUND":        "false",
	"ENHANCED_CONTACT_MONITORING": "false",
	"ENHANCED_CHAT_MONITORING":    "false",
	"MULTI_PARTY_CHAT_CONFERENCE": "false",
	"MESSAGE_STREAMING":           "false",
	"AUTO_MUTE_AGENT_ON_HOLD":     "false",
}

// Attributes with their own names in DescribeInstance.
const (
	InboundCalls  = "INBOUND_CALLS"
	OutboundCalls = "OUTBOUND_CALLS"
)

// NewInstance is what CreateInstance is told.
type NewInstance struct {
	ClientToken        string
	Alias              string
	IdentityManagement string
	DirectoryID        string
	Inbound, Outbound  bool
	Tags               map[string]string
	// ID is that of the instance; "" for a new one. It is not of the API.
	ID string `json:"-"`
}

// hashed is how what is hashed is encoded. The hashes are stored, and clients keep them, so it must not change.
var hashed = json.JoinOptions(laxjson.Options, jsontext.EscapeForHTML(true), jsontext.EscapeForJS(true))

func (n NewInstance) hash() string {
	b, err := json.Marshal(n, hashed)
	if err != nil {
		panic("control: NewInstance does not encode: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// CreateInstance makes an instance with the default security profiles, basic hours of operation,
// a basic queue and a basic routing profile. The same client token with the same request makes it
// once.
func (s *Service) CreateInstance(ctx context.Context, call Call, n NewInstance) (Created[*lanyard.Instance], error) {
	var made Created[*lanyard.Instance]
	if n.DirectoryID == "" && n.IdentityManagement == ExistingDirectory {
		return made, lanyard.Errorf(lanyard.Malformed, "DirectoryId is required when IdentityManagementType is %s",
			ExistingDirectory)
	}
	if n.Alias == "" && n.DirectoryID == "" {
		return made, lanyard.Errorf(lanyard.Malformed, "InstanceAlias or DirectoryId is required")
	}
	if n.ClientToken != "" && call.Region != "" && call.Region != s.region { // each region has tokens of its own
		n.ClientToken = call.Region + "/" + n.ClientToken
	}
	s.making.Lock()
	defer s.making.Unlock()
	in, err := s.instanceByToken(ctx, call, n)
	if !errors.Is(err, lanyard.ErrNotFound) {
		return Created[*lanyard.Instance]{Instance: in, Resource: in}, err
	}
	if err := s.roomForInstance(ctx, call); err != nil {
		return made, err
	}
	id := n.ID
	if id == "" {
		id = s.newID()
	}
	result, err := s.write(ctx, call, id, func(tx store.Tx) error {
		in = s.newInstance(call, id, n)
		if err := taken("InstanceAlias", in, tx.Put(ctx, in)); err != nil {
			return err
		}
		for _, r := range s.firstResources() {
			r.Head().Modified = in.Modified
			if err := tx.Put(ctx, r); err != nil {
				return err
			}
		}
		for _, t := range []lanyard.Type{lanyard.TypeAgentStatus, lanyard.TypeAuthenticationProfile} {
			if err := putFirst(ctx, tx, in, t); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, lanyard.ErrDuplicate) {
		// Two calls with the same token at once: the other one made it.
		if in, again := s.instanceByToken(ctx, call, n); again == nil {
			return Created[*lanyard.Instance]{Instance: in, Resource: in}, nil
		}
	}
	return Created[*lanyard.Instance]{Result: result, Instance: in, Resource: in}, err
}

// instanceByToken returns the instance that the same request with the same client token made, or NotFound.
func (s *Service) instanceByToken(ctx context.Context, call Call, n NewInstance) (*lanyard.Instance, error) {
	if n.ClientToken == "" {
		return nil, lanyard.ErrNotFound
	}
	in, err := s.store.InstanceByToken(ctx, call.Account, n.ClientToken)
	if err == nil && in.RequestHash != n.hash() {
		return nil, lanyard.Errorf(lanyard.Malformed,
			"ClientToken must be new, got %s, which was used for instance %s with other parameters",
			lanyard.Quote(n.ClientToken), in.ID)
	}
	return in, err
}

// roomForInstance refuses one more instance than the caller's account may have.
func (s *Service) roomForInstance(ctx context.Context, call Call) error {
	most := s.quotas.InstancesPerAccount
	if most < 0 {
		return nil
	}
	have, err := s.store.InstanceCount(ctx, call.Account)
	if err == nil && have >= most {
		err = lanyard.Errorf(lanyard.Quota, "the account has %d of at most %d instances in %s", have, most, s.region)
	}
	return err
}

// newInstance returns the instance that n describes.
func (s *Service) newInstance(call Call, id string, n NewInstance) *lanyard.Instance {
	now := s.time()
	in := &lanyard.Instance{
		Meta: lanyard.Meta{ID: id, Name: n.Alias, Tags: n.Tags, Modified: now}, Account: call.Account,
		Region:             cmp.Or(call.Region, s.region),
		IdentityManagement: n.IdentityManagement, DirectoryID: n.DirectoryID, Created: now,
		Attributes: maps.Clone(instanceAttributes), ClientToken: n.ClientToken, RequestHash: n.hash(),
	}
	in.Attributes[InboundCalls] = strconv.FormatBool(n.Inbound)
	in.Attributes[OutboundCalls] = strconv.FormatBool(n.Outbound)
	return in
}

// firstResources are what a new instance comes with.
func (s *Service) firstResources() []lanyard.Resource {
	var all []lanyard.Resource
	for _, p := range lanyard.DefaultProfiles() {
		p.ID = s.newID()
		all = append(all, p)
	}
	var days []string
	for _, day := range []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"} {
		days = append(days, `{"Day":"`+day+`","StartTime":{"Hours":9,"Minutes":0},"EndTime":{"Hours":17,"Minutes":0}}`)
	}
	hours := &lanyard.Hours{Meta: lanyard.Meta{ID: s.newID(), Name: "Basic Hours"},
		Description: "Monday to Friday, nine to five", TimeZone: "UTC",
		Settings: lanyard.Settings{"Config": lanyard.JSON("[" + strings.Join(days, ",") + "]")}}
	queue := &lanyard.Queue{Meta: lanyard.Meta{ID: s.newID(), Name: "BasicQueue"}, Description: "A simple queue",
		Hours: hours.ID}
	routing := &lanyard.RoutingProfile{Meta: lanyard.Meta{ID: s.newID(), Name: "Basic Routing Profile"},
		Description:  "Voice from the basic queue",
		DefaultQueue: queue.ID, IsDefault: true,
		Queues:   []lanyard.QueueConfig{{Queue: queue.ID, Channel: "VOICE", Priority: 1}},
		Settings: lanyard.Settings{"MediaConcurrencies": lanyard.JSON(`[{"Channel":"VOICE","Concurrency":1}]`)}}
	return append(all, &lanyard.Structure{Meta: lanyard.Meta{ID: lanyard.StructureID, Name: lanyard.StructureID}}, hours,
		queue, routing)
}

// DeleteInstance removes an instance and all that is in it. Its events stay.
func (s *Service) DeleteInstance(ctx context.Context, call Call, instance string) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		return tx.Delete(ctx, lanyard.TypeInstance, in.ID)
	})
}

// ListInstances pages through the caller's instances in the order of their creation.
func (s *Service) ListInstances(ctx context.Context, call Call, p Page) ([]*lanyard.Instance, string, error) {
	after, err := position(p.After)
	if err != nil {
		return nil, "", err
	}
	all, err := s.instancesOf(ctx, call, after, p.Limit+1)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(all) > p.Limit {
		all = all[:p.Limit]
		next = strconv.FormatInt(all[p.Limit-1].Position, 10)
	}
	page := make([]*lanyard.Instance, len(all))
	for i, e := range all {
		page[i] = e.Instance
	}
	return page, next, nil
}

// instancesOf returns the next instances of the caller's account and region.
func (s *Service) instancesOf(ctx context.Context, call Call, after int64, limit int) (all []store.Entry, err error) {
	for len(all) < limit {
		page, err := s.store.Instances(ctx, call.Account, after, limit)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if after = e.Position; call.sees(e.Instance) {
				all = append(all, e)
			}
		}
		if len(page) < limit {
			break
		}
	}
	return all[:min(len(all), limit)], nil
}

// DescribeInstanceAttribute returns the value of one attribute.
func (s *Service) DescribeInstanceAttribute(ctx context.Context, call Call, instance,
	attribute string) (string, error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return "", err
	}
	value, ok := in.Attributes[attribute]
	if !ok {
		return "", unknownAttribute(attribute)
	}
	return value, nil
}

func unknownAttribute(attribute string) error {
	return lanyard.Errorf(lanyard.Invalid, "AttributeType must be %s, got %s", oneOf(attributeNames()),
		lanyard.Quote(attribute))
}

func attributeNames() []string {
	var names []string
	for name := range instanceAttributes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ListInstanceAttributes pages through the attributes of an instance by name; values are in the
// instance.
func (s *Service) ListInstanceAttributes(ctx context.Context, call Call, instance string,
	p Page) (PageOf[string], error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return PageOf[string]{}, err
	}
	var names []string
	for name := range in.Attributes {
		names = append(names, name)
	}
	page, next := pageBy(names, func(n string) string { return n }, p)
	return PageOf[string]{Instance: in, Items: page, Next: next}, nil
}

// UpdateInstanceAttribute sets one attribute. Repeating it is harmless, so its client token is not kept.
func (s *Service) UpdateInstanceAttribute(ctx context.Context, call Call, instance, attribute, value string) (Result,
	error) {
	if _, ok := instanceAttributes[attribute]; !ok {
		return Result{}, unknownAttribute(attribute)
	}
	if value != "true" && value != "false" {
		return Result{}, lanyard.Errorf(lanyard.Invalid, "Value of %s must be true or false, got %s", attribute,
			lanyard.Quote(value))
	}
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		if in.Attributes[attribute] == value {
			return errUnchanged
		}
		r := lanyard.Clone(in)
		r.Attributes[attribute] = value
		r.Modified = s.time()
		return tx.Put(ctx, r)
	})
}
