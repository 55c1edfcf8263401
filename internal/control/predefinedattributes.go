package control

import (
	"context"
	"errors"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// attributeValues are the Values of a predefined attribute.
type attributeValues struct{ StringList []string }

// checkPredefinedAttribute refuses values that are listed twice. The id of an attribute is its name.
func checkPredefinedAttribute(c *documentCheck, before, d *lanyard.Document) error {
	if before == nil {
		d.ID = d.Name
	}
	var values attributeValues
	if _, err := c.member(d, "Values", &values); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, v := range values.StringList {
		if seen[v] {
			return lanyard.Errorf(lanyard.Invalid, "Values.StringList[%d]: %s is listed twice", i, lanyard.Quote(v))
		}
		seen[v] = true
	}
	return nil
}

// checkProficiency refuses a proficiency of a value that no predefined attribute of the instance has. An instance
// without predefined attributes takes any.
func (s *Service) checkProficiency(ctx context.Context, r store.Reader, where string, p lanyard.Proficiency) error {
	if n, err := r.Count(ctx, lanyard.TypePredefinedAttribute); err != nil || n == 0 {
		return err
	}
	res, err := r.Get(ctx, lanyard.TypePredefinedAttribute, p.Attribute)
	if errors.Is(err, lanyard.ErrNotFound) {
		return lanyard.Errorf(lanyard.Invalid, "%s.AttributeName must be the name of a predefined attribute of the instance, "+
			"got %s", where, lanyard.Quote(p.Attribute))
	}
	if err != nil {
		return err
	}
	var values attributeValues
	check := &documentCheck{ctx: ctx}
	if _, err := check.member(res.(*lanyard.PredefinedAttribute).Doc(), "Values", &values); err != nil {
		return err
	}
	if !slices.Contains(values.StringList, p.Value) {
		return lanyard.Errorf(lanyard.Invalid, "%s.AttributeValue must be a value of the predefined attribute %s, got %s",
			where, lanyard.Quote(p.Attribute), lanyard.Quote(p.Value))
	}
	return nil
}
