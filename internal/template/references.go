package template

import (
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard/internal/typo"
)

func (r *resolver) ref(c *call) *Value {
	n := c.argument.resolved()
	if n.Kind != String && n.Kind != Number && n.Kind != Bool || n.Tag != "" {
		return r.fail(n.Pos, "Ref must be the name of a parameter or resource, got %s", describe(n))
	}
	return r.refTo(c, n.Text, c.pos)
}

func (r *resolver) refTo(c *call, name string, pos Position) *Value {
	if strings.HasPrefix(name, "AWS::") {
		return r.pseudo(name, pos)
	}
	if p := c.scope.parameters[name]; p != nil {
		v := *r.parameterValue(name, p, pos)
		v.Pos = pos
		return &v
	}
	d := r.resources[name]
	if d == nil {
		return r.fail(pos, "parameter or resource %q does not exist%s", name, r.hint(name, func() []string {
			return append(r.resourceNames(), slices.Sorted(maps.Keys(c.scope.parameters))...)
		}))
	}
	if d.schema == nil {
		return r.foreign(d, "", pos)
	}
	return r.attribute(d, d.schema.Identifier, pos)
}

var pseudoParameters = []string{"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition",
	"AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix"}

func (r *resolver) pseudo(name string, pos Position) *Value {
	text, flag := "", ""
	switch name {
	case "AWS::NoValue":
		return &Value{Kind: noValue, Pos: pos}
	case "AWS::AccountId":
		text, flag = r.in.Account, "the account"
	case "AWS::Region":
		text, flag = r.in.Region, "the region"
	case "AWS::Partition":
		text, flag = r.in.partition(), "the region"
	case "AWS::StackName":
		text, flag = r.in.StackName, "the stack's name"
	case "AWS::StackId":
		text, flag = r.in.StackID, "the stack's ID"
	case "AWS::URLSuffix":
		text, flag = urlSuffixes[r.in.partition()], "the region"
	case "AWS::NotificationARNs":
		return r.fail(pos, "AWS::NotificationARNs cannot be resolved here; use a parameter")
	default:
		return r.fail(pos, "pseudo parameter %q does not exist%s", name, typo.DidYouMean(name, pseudoParameters))
	}
	if given, ok := r.in.Parameters[name]; ok {
		text = given
	}
	if text == "" {
		return r.fail(pos, "%s cannot be resolved here: %s is not known; give it with --param %s=…", name, flag, name)
	}
	return &Value{Kind: String, Text: text, Pos: pos}
}

var urlSuffixes = map[string]string{"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}

func (in Inputs) partition() string {
	switch {
	case in.Partition != "":
		return in.Partition
	case strings.HasPrefix(in.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(in.Region, "us-gov-"):
		return "aws-us-gov"
	case in.Region == "":
		return ""
	}
	return "aws"
}

// attribute returns a reference to an attribute of one of lanyard's resources.
func (r *resolver) attribute(d *declared, name string, pos Position) *Value {
	switch {
	case d.absent != "":
		return r.fail(pos, "resource %q is not in the stack, since its condition %s is false", d.id, printable(d.absent))
	case !slices.Contains(d.schema.Attributes, name):
		return r.fail(pos, "attribute %s does not exist in %s%s", quote(name), d.typeName,
			attributeHint(name, d.schema.Attributes))
	}
	return &Value{Kind: Deferred, Pos: pos, Reference: &Reference{d.id, name, pos}}
}

func attributeHint(name string, attributes []string) string {
	if hint := typo.DidYouMean(name, attributes); hint != "" {
		return hint
	}
	return "; it has " + join(attributes)
}

// foreign returns a value that only a resource of another type has, if it was given.
func (r *resolver) foreign(d *declared, attribute string, pos Position) *Value {
	name, what := d.id, "the value of"
	if attribute != "" {
		name, what = d.id+"."+attribute, attribute+" of"
	}
	if given, ok := r.in.Parameters[name]; ok {
		return &Value{Kind: String, Text: given, Pos: pos}
	}
	return r.fail(pos, "%s %s cannot be resolved here: lanyard does not manage %s; give it with --param %s=…",
		printable(what), d.id, printable(d.typeName), printable(name))
}

func (r *resolver) getAtt(c *call) *Value {
	n := c.argument.resolved()
	const form = `a logical ID and an attribute, as in "Profile.SecurityProfileArn"`
	if n.Kind == String && n.Tag == "" {
		id, attribute, ok := strings.Cut(n.Text, ".")
		if !ok {
			return r.fail(n.Pos, "Fn::GetAtt must be %s, got %s", form, quote(n.Text))
		}
		return r.attributeOf(id, attribute, c.pos)
	}
	items := r.arguments(c, 2, 2, form)
	if items == nil {
		return &Value{Kind: Invalid, Pos: c.pos}
	}
	id, attribute := r.known(c, items[0], "the logical ID"), r.known(c, items[1], "the attribute")
	if id.Kind == Invalid || attribute.Kind == Invalid {
		return &Value{Kind: Invalid, Pos: c.pos}
	}
	return r.attributeOf(id.Text, attribute.Text, c.pos)
}

func (r *resolver) attributeOf(id, attribute string, pos Position) *Value {
	d := r.resources[id]
	switch {
	case d == nil:
		return r.fail(pos, "resource %q does not exist%s", id, r.hint(id, r.resourceNames))
	case d.schema == nil:
		return r.foreign(d, attribute, pos)
	}
	return r.attribute(d, attribute, pos)
}
