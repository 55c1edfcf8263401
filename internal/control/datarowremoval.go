package control

import (
	"context"
	"errors"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// Rows of a deleted data table are removed some at a time, each time with an event: one event with a million rows could
// not be stored, and nobody could change the instance until it was. The first of them go with the table. For the others
// there is a resource (lanyard.DataTableRemoval) until they are gone, so that a server that starts again goes on.
const (
	removedRows  = 200     // at once
	removedBytes = 1 << 20 // about, of their values
)

// RemoveDataTableRows is the operation of an event that removes rows of a deleted data table.
const RemoveDataTableRows = "RemoveDataTableRows"

// tableRows is the list of all rows of a table.
func tableRows(table string) []lanyard.Ref {
	return []lanyard.Ref{lanyard.ListRef(lanyard.DataTableList(table, nil))}
}

// hasRows reports whether a data table has rows that primary values identify.
func (s *Service) hasRows(ctx context.Context, r store.Reader, t *lanyard.DataTable) (bool, error) {
	rows, err := r.ListReferrers(ctx, tableRows(t.ID), lanyard.TypeDataTableRow, "", 2) // one may be the default row
	for _, row := range rows {
		if !row.(*lanyard.DataTableRow).Default {
			return true, err
		}
	}
	return false, err
}

// deleteRows removes the first rows of a data table that is deleted, and sees to it that the others are removed.
func (s *Service) deleteRows(ctx context.Context, tx store.Tx, t *lanyard.DataTable) error {
	tx = unguarded(tx)
	_, more, err := removeRows(ctx, tx, t.ID)
	if err != nil || !more {
		return err
	}
	return tx.Put(ctx, &lanyard.DataTableRemoval{Meta: lanyard.Meta{ID: t.ID, Name: t.ID, Modified: s.time()}})
}

// deleteValues removes the values of an attribute that is deleted. Of a large table they stay in the rows, where
// nothing shows them, until the row is written: there may be a million of them. An attribute of the same name is
// another.
func (s *Service) deleteValues(ctx context.Context, tx store.Tx, t *lanyard.DataTable,
	a *lanyard.DataTableAttribute) error {
	tx = unguarded(tx)
	rows, err := tx.ListReferrers(ctx, tableRows(t.ID), lanyard.TypeDataTableRow, "", removedRows+1)
	if err != nil || len(rows) > removedRows {
		return err
	}
	lock := ""
	for _, r := range rows {
		row := lanyard.Clone(r.(*lanyard.DataTableRow))
		if _, ok := row.Cells[a.ID]; !ok {
			continue
		}
		delete(row.Cells, a.ID)
		if t.Values--; len(row.Cells) == 0 {
			err = tx.Delete(ctx, row.Type(), row.ID)
		} else {
			if lock == "" {
				lock = s.newID()
			}
			row.Lock, row.Modified = lock, s.time()
			err = tx.Put(ctx, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeRows removes rows of a table, and reports how many and whether there are more.
func removeRows(ctx context.Context, tx store.Tx, table string) (removed int, more bool, err error) {
	rows, err := tx.ListReferrers(ctx, tableRows(table), lanyard.TypeDataTableRow, "", removedRows+1)
	if err != nil {
		return 0, false, err
	}
	size := 0
	for _, row := range rows {
		if removed == removedRows || size > removedBytes {
			return removed, true, nil
		}
		if err := tx.Delete(ctx, row.Type(), row.Head().ID); err != nil {
			return removed, false, err
		}
		removed, size = removed+1, size+rowSize(row.(*lanyard.DataTableRow))
	}
	return removed, false, nil
}

// RemoveRows removes the rows of deleted data tables until ctx ends: those of tables that are deleted from now on, and
// first those that servers before this one left.
func (s *Service) RemoveRows(ctx context.Context) {
	for after := ""; ; {
		const page = 1000
		ids, err := s.store.KnownInstances(ctx, after, page)
		if err != nil && ctx.Err() != nil {
			return
		}
		if err != nil {
			s.log.Error("cannot look for rows of deleted data tables", "error", err)
			break
		}
		for _, id := range ids {
			s.removeLeftRows(ctx, id)
			after = id
		}
		if len(ids) < page {
			break
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case instance := <-s.removals:
			s.removeLeftRows(ctx, instance)
		}
	}
}

// noteRemoval has RemoveRows look at an instance. When it is told of too many at a time, what it misses is removed
// after the next deletion in the instance, or the next start.
func (s *Service) noteRemoval(instance string) {
	select {
	case s.removals <- instance:
	default:
	}
}

// removeLeftRows removes the rows of the deleted tables of an instance.
func (s *Service) removeLeftRows(ctx context.Context, instance string) {
	for ctx.Err() == nil {
		left, err := s.store.Reader(instance).List(ctx, lanyard.TypeDataTableRemoval, 0, 1)
		if err == nil && len(left) == 0 {
			return
		}
		if err == nil {
			err = s.removeSome(ctx, instance, left[0].Head().ID)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("cannot remove rows of a deleted data table", "instance", instance, "error", err)
			return
		}
	}
}

// removeSome removes some rows of a deleted table, and what asks for it with the last of them.
func (s *Service) removeSome(ctx context.Context, instance, table string) error {
	reader := s.store.Reader(instance)
	in, err := reader.Get(ctx, lanyard.TypeInstance, instance)
	if err != nil {
		return notThere(err) // it was deleted, and everything with it
	}
	request, err := laxjson.Marshal(map[string]any{"InstanceId": instance, "DataTableId": table})
	if err != nil {
		return err
	}
	call := Call{Caller: lanyard.Caller{Account: in.(*lanyard.Instance).Account}, Operation: RemoveDataTableRows,
		Request: request}
	_, err = s.write(ctx, call, instance, func(tx store.Tx) error {
		if _, err := tx.Get(ctx, lanyard.TypeDataTableRemoval, table); errors.Is(err, lanyard.ErrNotFound) {
			return errUnchanged // another server was faster
		} else if err != nil {
			return err
		}
		_, more, err := removeRows(ctx, tx, table)
		if err != nil || more {
			return err
		}
		return tx.Delete(ctx, lanyard.TypeDataTableRemoval, table)
	})
	return err
}
