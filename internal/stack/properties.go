package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Properties are those of one resource in their one form: what has its default is left out, lists whose order means
// nothing are sorted, and tags are a map. Values are strings, float64, bool, []any and map[string]any.
type Properties map[string]any

// Members by what they hold, wherever they are; CloudFormation uses no name for two things.
var (
	numberMembers = names("Hours Minutes MaxContacts Concurrency Priority Delay AfterContactWorkTimeLimit Level")
	boolMembers   = names("AutoAccept AgentFirstCallbackAutoAccept PersistentConnection Enabled Released")
	tagMembers    = names("Tags AllowedAccessControlTags")
)

// defaults are the values that a member has when it is absent, by the path without indexes.
var defaults = map[string]any{
	"Status": "ENABLED", "State": "ACTIVE", "AgentAvailabilityTimer": "TIME_SINCE_LAST_ACTIVITY", "Released": false,
	"PhoneConfig.AutoAccept": false, "PhoneConfig.AfterContactWorkTimeLimit": 0.0, "PhoneConfig.PhoneType": "SOFT_PHONE",
	"PhoneConfig.PersistentConnection": false, "ExternalInvocationConfiguration.Enabled": false,
	"MediaConcurrencies.CrossChannelBehavior.BehaviorType": "ROUTE_CURRENT_CHANNEL_ONLY",
}

// implied are the values that are written where a member is absent, since readers expect them.
var implied = map[string][2]string{
	"Applications":           {"Type", "THIRD_PARTY_APPLICATION"},
	"AllowedFlowModules":     {"Type", "MCP"},
	"AllowedAIAgents":        {"Type", "THIRD_PARTY"},
	"PrimaryAttributeValues": {"AccessType", "ALLOW"},
}

// keyMembers tell the elements of a list of objects apart, so that a change in one is shown as such. The elements of
// other lists are compared whole.
var keyMembers = map[string][]string{
	"Applications": {"Namespace", "Type"}, "AllowedFlowModules": {"FlowModuleId"}, "AllowedAIAgents": {"Arn"},
	"PrimaryAttributeValues": {"AttributeName"}, "MediaConcurrencies": {"Channel"},
	"QueueConfigs": {"QueueReference"}, "ManualAssignmentQueueConfigs": {"QueueReference"},
	"UserProficiencies": {"AttributeName", "AttributeValue"}, "AutoAcceptConfigs": {"Channel"},
	"AfterContactWorkConfigs": {"Channel"}, "PhoneNumberConfigs": {"Channel"},
	"PersistentConnectionConfigs": {"Channel"}, "VoiceEnhancementConfigs": {"Channel"},
}

func names(list string) map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		m[name] = true
	}
	return m
}

// canonical returns properties in their one form. keep are the lists that stay even when they are empty.
func canonical(raw map[string]any, keep map[string]bool) Properties {
	out := Properties{}
	for name, v := range raw {
		if v = canonicalValue(v, []string{name}); v != nil {
			out[name] = v
		} else if _, isList := raw[name].([]any); isList && keep[name] {
			out[name] = []any{}
		}
	}
	return out
}

// canonicalValue is a value in its one form, nil for one that is as good as absent.
func canonicalValue(v any, path []string) any {
	name := path[len(path)-1]
	if tagMembers[name] {
		return canonicalTags(v)
	}
	switch list := v.(type) {
	case []any:
		return canonicalList(list, path)
	case map[string]any:
		out := map[string]any{}
		for member, v := range list {
			if v = canonicalValue(v, append(slices.Clip(path), member)); v != nil {
				out[member] = v
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	v = scalar(name, v)
	if d, ok := defaults[strings.Join(path, ".")]; ok && d == v || v == "" {
		return nil
	}
	return v
}

func canonicalList(list []any, path []string) any {
	name := path[len(path)-1]
	out := make([]any, 0, len(list))
	for _, item := range list {
		if item = canonicalValue(item, path); item == nil {
			continue
		}
		if m, ok := item.(map[string]any); ok {
			if add, ok := implied[name]; ok && m[add[0]] == nil {
				m[add[0]] = add[1]
			}
			if name == "ParentHoursOfOperations" {
				delete(m, "Name") // is told by the id
			}
		}
		out = append(out, item)
	}
	if len(out) == 0 {
		return nil
	}
	slices.SortFunc(out, func(a, b any) int { return strings.Compare(encode(a), encode(b)) })
	return slices.CompactFunc(out, func(a, b any) bool { return encode(a) == encode(b) })
}

// canonicalTags turns a list of Key and Value into a map. What the stack and AWS note for themselves is left out.
func canonicalTags(v any) any {
	out := map[string]any{}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if m, ok := item.(map[string]any); ok {
				if key, ok := scalar("", m["Key"]).(string); ok {
					out[key] = orEmpty(m["Value"])
				}
			}
		}
	case map[string]any:
		for key, value := range v {
			out[key] = orEmpty(value)
		}
	}
	maps.DeleteFunc(out, func(key string, _ any) bool { return IsStateTag(key) || strings.HasPrefix(key, "aws:") })
	if len(out) == 0 {
		return nil
	}
	return out
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return scalar("", v)
}

// scalar converts as CloudFormation does: texts of numbers and booleans where these are expected, and the reverse.
func scalar(name string, v any) any {
	switch v := v.(type) {
	case int:
		return scalar(name, float64(v))
	case int32:
		return scalar(name, float64(v))
	case int64:
		return scalar(name, float64(v))
	case float64:
		if !numberMembers[name] {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	case bool:
		if !boolMembers[name] {
			return strconv.FormatBool(v)
		}
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil && numberMembers[name] {
			return f
		}
		if b, err := strconv.ParseBool(v); err == nil && boolMembers[name] {
			return b
		}
	}
	return v
}

// encoding is how values are compared and hashed. Hashes are kept in tags, so it must not change.
var encoding = json.JoinOptions(json.Deterministic(true), jsontext.AllowInvalidUTF8(true),
	jsontext.AllowDuplicateNames(true))

// encode is a text by which values are compared and hashed.
func encode(v any) string {
	if s, ok := v.(string); ok {
		return `"` + s
	}
	b, err := json.Marshal(v, encoding)
	if err != nil {
		panic("stack: properties do not encode: " + err.Error())
	}
	return string(b)
}

// hash is a short hash of properties.
func hash(v any) string {
	b, err := json.Marshal(v, encoding)
	if err != nil {
		panic("stack: properties do not encode: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:10])
}

// text is a string member, or "".
func (p Properties) text(name string) string {
	s, _ := p[name].(string)
	return s
}

// list is a list member, or nil.
func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// object is an object, or nil.
func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
