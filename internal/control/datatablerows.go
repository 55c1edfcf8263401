package control

import (
	"context"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// What changes of a data table and of its attributes do to its rows.

// refuseRows refuses a change of what identifies the rows of a data table while it has some.
func (s *Service) refuseRows(ctx context.Context, r store.Reader, t *lanyard.DataTable) error {
	some, err := s.hasRows(ctx, r, t)
	if err != nil || !some {
		return err
	}
	return lanyard.Errorf(lanyard.InUse, "data table %q has rows; delete them before its primary attributes are changed", t.ID)
}

// coversAllRows refuses a change of all rows of a data table on behalf of a user who may not make it to every row.
// Whether there is a row that the user may not view is not told.
func coversAllRows(tx store.Tx, t *lanyard.DataTable) error {
	g, ok := tx.(*guard)
	if !ok {
		return nil
	}
	// A row without attributes meets no restriction to attributes.
	row := access.Resource{Type: access.TypeDataTableRow, ID: t.ID, Tags: t.Tags}
	if g.decide(g.snapshot, g.right.Permission, row).Allow {
		return nil
	}
	return &denial{fmt.Sprintf("%s is not allowed %s on all rows of data table %s: %s restrict rows", g.name(),
		g.right.Permission, lanyard.Quote(t.ID), g.profiles()), g.right.Permission}
}
