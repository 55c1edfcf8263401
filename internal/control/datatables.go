package control

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// reservedPrefixes begin no name of a data table or attribute, in whatever case.
var reservedPrefixes = []string{"connect:", "aws:"}

// tableName returns the name that is stored for one that was sent for a data table or attribute.
func tableName(member, sent string) (string, error) {
	name := strings.TrimSpace(sent)
	if name == "" {
		return "", lanyard.Errorf(lanyard.Invalid, "%s must have at least one character that is no space, got %s", member,
			lanyard.Quote(sent))
	}
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(lanyard.FoldCase(name), lanyard.FoldCase(prefix)) {
			return "", lanyard.Errorf(lanyard.Invalid, "%s must not begin with %s in any case, got %s", member,
				strings.Join(reservedPrefixes, " or "), lanyard.Quote(sent))
		}
	}
	return name, nil
}

// takenInAnyCase is taken for names that are compared without regard to case.
func takenInAnyCase(r lanyard.Resource, err error) error {
	if !errors.Is(err, lanyard.ErrDuplicate) {
		return err
	}
	return lanyard.Errorf(lanyard.Duplicate, "Name: %s %s already exists; names are unique and not case-sensitive",
		r.Type().Word(), lanyard.Quote(r.Head().Name))
}

// LatestQualifier names the only version that a data table has.
const LatestQualifier = "$LATEST"

// tableRef cuts the qualifier from an id or ARN of a data table. There are no versions besides $LATEST, and nothing
// that is saved and not published.
func tableRef(ref string, accepted ...string) (string, error) {
	base, qualifier := SplitQualifier(ref)
	if qualifier == "" || slices.Contains(accepted, qualifier) {
		return base, nil
	}
	return "", lanyard.Errorf(lanyard.Invalid, "DataTableId must be an id or ARN, with or without :%s, got %s",
		strings.Join(accepted, " or :"), lanyard.Quote(ref))
}

// CreateDataTable adds a data table without attributes.
func (s *Service) CreateDataTable(ctx context.Context, call Call, instance string,
	sent *lanyard.DataTable) (Created[*lanyard.DataTable], error) {
	t := lanyard.Clone(sent)
	if err := checkTable(t); err != nil {
		return Created[*lanyard.DataTable]{}, err
	}
	created, err := create(ctx, s, call, instance, creation[*lanyard.DataTable]{resource: t, quota: s.quotas.DataTables,
		prepare: func(_ store.Tx, _ *lanyard.Instance, t *lanyard.DataTable) error {
			t.Created, t.Lock = t.Modified, s.newID()
			return nil
		}})
	return created, takenInAnyCase(t, err)
}

// checkTable checks what a call sets of a data table, and trims it.
func checkTable(t *lanyard.DataTable) (err error) {
	if t.Name, err = tableName("Name", t.Name); err != nil {
		return err
	}
	t.Description = strings.TrimSpace(t.Description)
	return checkTimeZone(t.TimeZone)
}

// DescribeDataTable returns a data table.
func (s *Service) DescribeDataTable(ctx context.Context, call Call, instance,
	ref string) (*lanyard.Instance, *lanyard.DataTable, error) {
	ref, err := tableRef(ref, LatestQualifier, SavedQualifier)
	if err != nil {
		return nil, nil, err
	}
	return describe[*lanyard.DataTable](ctx, s, call, instance, ref)
}

// updateTable changes a data table. Whatever changes it, or a part of it, gives it another lock version.
func (s *Service) updateTable(ctx context.Context, call Call, instance, ref string,
	change func(store.Tx, *lanyard.DataTable) error) (Updated, error) {
	var done Updated
	result, err := update(ctx, s, call, instance, ref, func(tx store.Tx, _ *lanyard.Instance, t *lanyard.DataTable) error {
		before := lanyard.Clone(t)
		if err := change(tx, t); err != nil {
			return err
		}
		if !reflect.DeepEqual(t, before) && t.Lock == before.Lock {
			t.Lock = s.newID()
		}
		done.Table = t
		return nil
	})
	done.Result = result
	return done, err
}

// Updated is a data table after a change of it, or of an attribute.
type Updated struct {
	Result
	Table *lanyard.DataTable
}

// UpdateDataTableMetadata replaces the name, description, time zone and lock level of a data table.
func (s *Service) UpdateDataTableMetadata(ctx context.Context, call Call, instance, ref string,
	sent lanyard.DataTable) (Updated, error) {
	ref, err := tableRef(ref, LatestQualifier)
	if err != nil {
		return Updated{}, err
	}
	if err := checkTable(&sent); err != nil {
		return Updated{}, err
	}
	done, err := s.updateTable(ctx, call, instance, ref, func(_ store.Tx, t *lanyard.DataTable) error {
		t.Name, t.Description, t.TimeZone, t.LockLevel = sent.Name, sent.Description, sent.TimeZone, sent.LockLevel
		return nil
	})
	return done, takenInAnyCase(&sent, err)
}

// DeleteDataTable removes a data table with its attributes and values. Nothing that refers to it is changed.
func (s *Service) DeleteDataTable(ctx context.Context, call Call, instance, ref string) (Result, error) {
	ref, err := tableRef(ref, LatestQualifier)
	if err != nil {
		return Result{}, err
	}
	id := "" // of the instance
	result, err := s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		id = in.ID
		t, err := getTarget[*lanyard.DataTable](ctx, s, tx, in, ref)
		if err != nil {
			return err
		}
		if err := coversAllRows(tx, t); err != nil {
			return err
		}
		if err := s.deleteRows(ctx, tx, t); err != nil {
			return err
		}
		attributes, err := attributesOf(ctx, tx, t.ID)
		if err != nil {
			return err
		}
		for _, a := range attributes {
			if err := tx.Delete(ctx, a.Type(), a.ID); err != nil {
				return err
			}
		}
		return tx.Delete(ctx, t.Type(), t.ID)
	})
	if err == nil && !call.planning {
		s.noteRemoval(id)
	}
	return result, err
}
