package control

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// attributesOf returns the attributes of a data table in the order of their creation.
func attributesOf(ctx context.Context, r store.Reader, table string) ([]*lanyard.DataTableAttribute, error) {
	const chunk = 1000
	var all []*lanyard.DataTableAttribute
	to := []lanyard.Ref{{Type: lanyard.TypeDataTable, ID: table}}
	for after := ""; ; {
		some, err := r.ListReferrers(ctx, to, lanyard.TypeDataTableAttribute, after, chunk)
		if err != nil {
			return nil, err
		}
		for _, a := range some {
			all, after = append(all, a.(*lanyard.DataTableAttribute)), a.Head().ID
		}
		if len(some) < chunk {
			break
		}
	}
	slices.SortFunc(all, func(a, b *lanyard.DataTableAttribute) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, nil
}

// primaryOf returns those of the attributes whose values identify rows.
func primaryOf(all []*lanyard.DataTableAttribute) []*lanyard.DataTableAttribute {
	var primary []*lanyard.DataTableAttribute
	for _, a := range all {
		if a.Primary {
			primary = append(primary, a)
		}
	}
	return primary
}

// attributeNamed returns the attribute of a data table with a name, which is not case-sensitive.
func attributeNamed(ctx context.Context, r store.Reader, t *lanyard.DataTable,
	name string) (*lanyard.DataTableAttribute, error) {
	a, err := r.Find(ctx, lanyard.TypeDataTableAttribute,
		lanyard.DataTableAttributeKey(t.ID, strings.TrimSpace(name)))
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, lanyard.Errorf(lanyard.NotFound, "AttributeName: attribute %s of data table %q does not exist",
			lanyard.Quote(name), t.ID)
	}
	if err != nil {
		return nil, err
	}
	return a.(*lanyard.DataTableAttribute), nil
}

// A TableAttribute is an attribute with its data table.
type TableAttribute struct {
	Result
	Instance  *lanyard.Instance
	Table     *lanyard.DataTable
	Attribute *lanyard.DataTableAttribute
}

// checkAttribute checks what a call sets of an attribute, and trims it.
func checkAttribute(a *lanyard.DataTableAttribute) (err error) {
	if a.Name, err = tableName("Name", a.Name); err != nil {
		return err
	}
	a.Description = strings.TrimSpace(a.Description)
	if a.Validation != nil {
		if err := checkValidation(a); err != nil {
			return err
		}
		if reflect.DeepEqual(a.Validation, new(lanyard.Validation)) {
			a.Validation = nil
		}
	}
	return nil
}

// CreateDataTableAttribute adds an attribute to a data table. It has no values. A primary one is refused while the
// table has rows: they would have no value by which to tell them apart.
func (s *Service) CreateDataTableAttribute(ctx context.Context, call Call, instance, ref string,
	sent *lanyard.DataTableAttribute) (TableAttribute, error) {
	ref, err := tableRef(ref, LatestQualifier, SavedQualifier)
	if err != nil {
		return TableAttribute{}, err
	}
	sent = lanyard.Clone(sent)
	if err := checkAttribute(sent); err != nil {
		return TableAttribute{}, err
	}
	var made *lanyard.DataTableAttribute
	done, err := s.updateTable(ctx, call, instance, ref, func(tx store.Tx, t *lanyard.DataTable) error {
		if err := s.fitsTable(ctx, tx, t, sent); err != nil {
			return err
		}
		made = lanyard.Clone(sent)
		made.ID, made.Table, made.Lock, t.Lock = s.newID(), t.ID, s.newID(), s.newID()
		s.touch(call, made)
		return takenInAnyCase(made, tx.Put(ctx, made))
	})
	return TableAttribute{Result: done.Result, Table: done.Table, Attribute: made}, err
}

// fitsTable refuses an attribute that a data table has no room for.
func (s *Service) fitsTable(ctx context.Context, tx store.Tx, t *lanyard.DataTable,
	a *lanyard.DataTableAttribute) error {
	all, err := attributesOf(ctx, tx, t.ID)
	if err != nil {
		return err
	}
	if most := s.quotas.AttributesPerTable; most >= 0 && len(all) >= most {
		return lanyard.Errorf(lanyard.Limit, "data table %q has %d of at most %d attributes", t.ID, len(all), most)
	}
	if !a.Primary {
		return nil
	}
	if err := coversAllRows(tx, t); err != nil {
		return err
	}
	return s.mayBecomePrimary(ctx, tx, t, all)
}

// mayBecomePrimary refuses one more primary attribute than a data table may have.
func (s *Service) mayBecomePrimary(ctx context.Context, r store.Reader, t *lanyard.DataTable,
	all []*lanyard.DataTableAttribute) error {
	n := len(primaryOf(all))
	if most := s.quotas.PrimaryPerTable; most >= 0 && n >= most {
		return lanyard.Errorf(lanyard.Limit, "data table %q has %d of at most %d primary attributes", t.ID, n, most)
	}
	return s.refuseRows(ctx, r, t)
}

// DescribeDataTableAttribute returns an attribute of a data table.
func (s *Service) DescribeDataTableAttribute(ctx context.Context, call Call, instance, ref,
	name string) (TableAttribute, error) {
	in, t, err := s.DescribeDataTable(ctx, call, instance, ref)
	if err != nil {
		return TableAttribute{}, err
	}
	a, err := attributeNamed(ctx, s.store.Reader(in.ID), t, name)
	return TableAttribute{Instance: in, Table: t, Attribute: a}, err
}

// ListDataTableAttributes pages through the attributes of a data table in the order of their creation, or through those
// of them that have one of some ids.
func (s *Service) ListDataTableAttributes(ctx context.Context, call Call, instance, ref string, ids []string, p Page) (
	PartOf[*lanyard.DataTable, *lanyard.DataTableAttribute], error) {
	type part = PartOf[*lanyard.DataTable, *lanyard.DataTableAttribute]
	in, t, err := s.DescribeDataTable(ctx, call, instance, ref)
	if err != nil {
		return part{}, err
	}
	all, err := attributesOf(ctx, s.store.Reader(in.ID), t.ID)
	if err != nil {
		return part{}, err
	}
	if len(ids) > 0 {
		all = slices.DeleteFunc(all, func(a *lanyard.DataTableAttribute) bool { return !slices.Contains(ids, a.ID) })
	}
	return partOf(in, t, all, func(a *lanyard.DataTableAttribute) string { return padded(a.Seq) }, p), nil
}

// UpdateDataTableAttribute replaces an attribute of a data table, its name too. Values that it has stay as they are:
// they are validated when they are written.
func (s *Service) UpdateDataTableAttribute(ctx context.Context, call Call, instance, ref, name string,
	sent *lanyard.DataTableAttribute) (TableAttribute, error) {
	ref, err := tableRef(ref, LatestQualifier, SavedQualifier)
	if err != nil {
		return TableAttribute{}, err
	}
	sent = lanyard.Clone(sent)
	if err := checkAttribute(sent); err != nil {
		return TableAttribute{}, err
	}
	var made *lanyard.DataTableAttribute
	done, err := s.updateTable(ctx, call, instance, ref, func(tx store.Tx, t *lanyard.DataTable) error {
		before, err := attributeNamed(ctx, tx, t, name)
		if err != nil {
			return err
		}
		a := lanyard.Clone(before)
		a.Name, a.Description, a.ValueType = sent.Name, sent.Description, sent.ValueType
		a.Primary, a.Validation = sent.Primary, sent.Validation
		if made = a; reflect.DeepEqual(a, before) {
			return nil
		}
		if err := s.mayTurnInto(ctx, tx, t, before, a); err != nil {
			return err
		}
		a.Lock, t.Lock = s.newID(), s.newID()
		s.touch(call, a)
		return takenInAnyCase(a, tx.Put(ctx, a))
	})
	return TableAttribute{Result: done.Result, Table: done.Table, Attribute: made}, err
}

// mayTurnInto refuses a change of what identifies the rows of a data table while it has some, and, on behalf of a user
// who may not change all rows, one of how values are read. The name of a primary attribute is such a change: security
// profiles name rows by it.
func (s *Service) mayTurnInto(ctx context.Context, tx store.Tx, t *lanyard.DataTable,
	before, after *lanyard.DataTableAttribute) error {
	if before.ValueType != after.ValueType || before.Primary != after.Primary ||
		ignoresCase(before) != ignoresCase(after) || before.Primary && before.Name != after.Name {
		if err := coversAllRows(tx, t); err != nil {
			return err
		}
	}
	switch {
	case !before.Primary && after.Primary:
		all, err := attributesOf(ctx, tx, t.ID)
		if err != nil {
			return err
		}
		return s.mayBecomePrimary(ctx, tx, t, all)
	case before.Primary && (!after.Primary || before.ValueType != after.ValueType ||
		ignoresCase(before) != ignoresCase(after)):
		return s.refuseRows(ctx, tx, t)
	}
	return nil
}

// ignoresCase reports whether values of the attribute that differ in case only are equal.
func ignoresCase(a *lanyard.DataTableAttribute) bool {
	return a.Validation != nil && a.Validation.IgnoreCase
}

// DeleteDataTableAttribute removes an attribute of a data table with its values.
func (s *Service) DeleteDataTableAttribute(ctx context.Context, call Call, instance, ref,
	name string) (Updated, error) {
	ref, err := tableRef(ref, LatestQualifier, SavedQualifier)
	if err != nil {
		return Updated{}, err
	}
	return s.updateTable(ctx, call, instance, ref, func(tx store.Tx, t *lanyard.DataTable) error {
		a, err := attributeNamed(ctx, tx, t, name)
		if err != nil {
			return err
		}
		if err := coversAllRows(tx, t); err != nil {
			return err
		}
		if a.Primary {
			if err := s.refuseRows(ctx, tx, t); err != nil {
				return err
			}
		}
		if err := s.deleteValues(ctx, tx, t, a); err != nil {
			return err
		}
		t.Lock = s.newID()
		return tx.Delete(ctx, a.Type(), a.ID)
	})
}
