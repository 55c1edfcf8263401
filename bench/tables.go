package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// rowsFound is how long pages of the rows of large data tables take, and changes of a value.
type rowsFound struct {
	rows    int
	missing bool // PostgreSQL is not installed
	on      []rowsOn
}

// rowsOn are the measurements on one database.
type rowsOn struct {
	database string
	pages    [len(rowViewers)][]result
	updates  [2][]result // in a table of 1,000 rows, and in the large one
}

// A rowViewer is a user who lists rows, and which rules leave them.
type rowViewer struct {
	name, hidden string
	rules        []object
}

func rowRule(attribute string, values ...string) object {
	return object{"AccessType": "ALLOW", "AttributeName": attribute, "Values": values}
}

// Of the rows, those with an even number are of region R0 and team T1, the others of R1 and T0. But 10 of R0 are of T0,
// and 10 of R1 of the team rare: for who may see R0 and T0 only, half of all rows meet each rule and 10 meet both.
var rowViewers = [...]rowViewer{
	{"all", "nothing", nil},
	{"half", "half of them", []object{rowRule("Region", "R0")}},

	{"rare", "all but 10", []object{rowRule("Team", "rare")}},
	{"crossed", "all but 10 (by two rules that half of the rows meet each)", []object{rowRule("Region", "R0"),
		rowRule("Team", "T0")}},
}

func measureTables(ctx context.Context, o options, bin, dir string) (*rowsFound, error) {
	f := &rowsFound{rows: 1_000_000}
	if o.short {
		f.rows = 100_000
	}
	data := filepath.Join(dir, "tables")
	defer os.RemoveAll(data)
	fillFolder := func(b *rowBench) error {
		if err := b.s.stop(); err != nil {
			return err
		}
		if err := b.fillSQLite(ctx, data); err != nil {
			return err
		}
		s, err := startLanyard(ctx, bin, data, "--quota-values-per-data-table=-1")
		b.s = s
		return err
	}
	found, err := f.measure(ctx, o, rowBench{database: "SQLite", bin: bin, data: data, fill: fillFolder})
	if err != nil {
		return nil, err
	}
	f.on = append(f.on, found)
	programs := pgtest.Find()
	if f.missing = programs == ""; f.missing {
		return f, nil
	}
	pg, err := startPostgres(programs, dir)
	if err != nil {
		return nil, err
	}
	defer pg.Remove()
	c, err := pgx.Connect(ctx, pg.URL(""))
	if err != nil {
		return nil, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, `CREATE SCHEMA tables`); err != nil {
		return nil, err
	}
	found, err = f.measure(ctx, o, rowBench{database: "PostgreSQL", bin: bin, data: data + "-pg",
		store: "--store=" + pg.At("", "tables"), fill: func(b *rowBench) error { return b.fillPostgres(ctx, c) }})
	f.on = append(f.on, found)
	return f, err
}

// A rowBench measures on one database.
type rowBench struct {
	database, bin, data, store string
	fill                       func(*rowBench) error // puts the rows into the tables
	rows                       int                   // of the large table
	s                          *server
	instance                   string
	tables                     [2]benchTable // of 1,000 rows, and the large one
}

// benchTable is a data table and the ids of its attributes.
type benchTable struct {
	id         string
	rows       int
	attributes map[string]string
}

func (f *rowsFound) measure(ctx context.Context, o options, b rowBench) (found rowsOn, err error) {
	b.rows = f.rows
	found.database = b.database
	args := []string{"--quota-values-per-data-table=-1"}
	if b.store != "" {
		args = append(args, b.store)
	}
	if b.s, err = startLanyard(ctx, b.bin, b.data, args...); err != nil {
		return found, err
	}
	defer func() { b.s.stop() }()
	if err := b.make(ctx); err != nil {
		return found, err
	}
	if err := b.fill(&b); err != nil {
		return found, err
	}
	for round := range o.rounds {
		for i, v := range rowViewers {
			progress("tables on %s, round %d of %d: %s", b.database, round+1, o.rounds, v.name)
			r, err := b.pages(ctx, o, v)
			if err != nil {
				return found, err
			}
			found.pages[i] = append(found.pages[i], r)
		}
		for i := range b.tables {
			r, err := b.updates(ctx, o, &b.tables[i])
			if err != nil {
				return found, err
			}
			found.updates[i] = append(found.updates[i], r)
		}
	}
	return found, nil
}

// make makes an instance with the tables, and users who may see a part of their rows.
func (b *rowBench) make(ctx context.Context) error {
	var made struct{ Id string }
	if err := call(ctx, b.s.addr, "PUT", "/instance", object{"IdentityManagementType": "SAML",
		"InstanceAlias": "tables-" + strings.ToLower(b.database), "InboundCallsEnabled": true,
		"OutboundCallsEnabled": true}, &made); err != nil {
		return err
	}
	b.instance = made.Id
	var routing struct{ RoutingProfileSummaryList []struct{ Id string } }
	if err := call(ctx, b.s.addr, "GET", "/routing-profiles-summary/"+b.instance, nil, &routing); err != nil {
		return err
	}
	for _, v := range rowViewers {
		profile := object{"SecurityProfileName": v.name, "Permissions": []string{"DataTables.View"}}
		if v.rules != nil {
			profile["GranularAccessControlConfiguration"] = object{"DataTableAccessControlConfiguration": object{
				"PrimaryAttributeAccessControlConfiguration": object{"PrimaryAttributeValues": v.rules}}}
		}
		var made struct{ SecurityProfileId string }
		if err := call(ctx, b.s.addr, "PUT", "/security-profiles/"+b.instance, profile, &made); err != nil {
			return err
		}
		if err := call(ctx, b.s.addr, "PUT", "/users/"+b.instance, object{"Username": v.name,
			"SecurityProfileIds": []string{made.SecurityProfileId},
			"RoutingProfileId":   routing.RoutingProfileSummaryList[0].Id}, nil); err != nil {
			return err
		}
	}
	for i, rows := range []int{1000, b.rows} {
		if err := b.makeTable(ctx, i, rows); err != nil {
			return err
		}
	}
	return nil
}

func (b *rowBench) makeTable(ctx context.Context, i, rows int) error {
	t := benchTable{rows: rows, attributes: map[string]string{}}
	var made struct{ Id string }
	if err := call(ctx, b.s.addr, "PUT", "/data-tables/"+b.instance, object{"Name": fmt.Sprint("Table ", rows),
		"TimeZone": "UTC", "ValueLockLevel": "NONE", "Status": "PUBLISHED"}, &made); err != nil {
		return err
	}
	t.id = made.Id
	for _, name := range []string{"Region", "Team", "Number", "Price"} {
		var made struct{ AttributeId string }
		if err := call(ctx, b.s.addr, "PUT", "/data-tables/"+b.instance+"/"+t.id+"/attributes", object{"Name": name,
			"ValueType": "TEXT", "Primary": name != "Price"}, &made); err != nil {
			return err
		}
		t.attributes[name] = made.AttributeId
	}
	b.tables[i] = t
	return nil
}

// row is the row of a table with a number.
func (t *benchTable) row(i int) *lanyard.DataTableRow {
	region, team := fmt.Sprint("R", i%2), fmt.Sprint("T", 1-i%2)
	switch every := max(t.rows/10, 1); {
	case i%every == 0:
		region, team = "R0", "T0"
	case i%every == 7:
		region, team = "R1", "rare"
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	at := t.attributes
	return &lanyard.DataTableRow{Meta: lanyard.Meta{ID: fmt.Sprintf("%08x-0000-7000-8000-%s", i, t.id[24:]), Modified: now},
		Table: t.id, Primary: map[string]string{at["Region"]: region, at["Team"]: team, at["Number"]: fmt.Sprint("n", i)},
		Cells: map[string]lanyard.DataTableCell{at["Price"]: {Value: fmt.Sprint(i % 997), Modified: now, Lock: fixedID("c0000000", i)}},
		Lock:  fixedID("c0000000", i)}
}

func (b *rowBench) fillSQLite(ctx context.Context, data string) error {
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: data, Cache: -1})
	if err != nil {
		return err
	}
	defer db.Close()
	f := &filler{db: db, instance: b.instance}
	for i := range b.tables {
		t := &b.tables[i]
		const some = 2000 // each is compared with those before it in its transaction
		for from := 0; from < t.rows; from += some {
			if from%100_000 == 0 {
				progress("filling SQLite: %d of %d rows", from, t.rows)
			}
			err := f.add(ctx, "rows", min(some, t.rows-from), func(i int) lanyard.Resource { return t.row(from + i) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// fillPostgres copies rows and the lists that they are on into their tables: one by one they would take very long.
func (b *rowBench) fillPostgres(ctx context.Context, c *pgx.Conn) error {
	seq := int64(1_000_000)
	const some = 10_000
	for i := range b.tables {
		t := &b.tables[i]
		for from := 0; from < t.rows; from += some {
			if from%100_000 == 0 {
				progress("filling PostgreSQL: %d of %d rows", from, t.rows)
			}
			var resources, refs [][]any
			for n := from; n < min(from+some, t.rows); n++ {
				row := t.row(n)
				seq++
				row.Seq = seq
				doc, err := json.Marshal(row)
				if err != nil {
					return err
				}
				resources = append(resources, []any{b.instance, string(row.Type()), row.ID, seq, row.Key(), "", doc})
				for _, to := range lanyard.Links(row) {
					refs = append(refs, []any{b.instance, string(to.Type), to.ID, string(row.Type()), row.ID})
				}
			}
			if _, err := c.CopyFrom(ctx, pgx.Identifier{"tables", "resources"},
				[]string{"instance_id", "type", "id", "seq", "key", "name", "doc"}, pgx.CopyFromRows(resources)); err != nil {
				return err
			}
			if _, err := c.CopyFrom(ctx, pgx.Identifier{"tables", "refs"},
				[]string{"instance_id", "to_type", "to_id", "from_type", "from_id"}, pgx.CopyFromRows(refs)); err != nil {
				return err
			}
		}
	}
	_, err := c.Exec(ctx, `ANALYZE tables.resources, tables.refs`)
	return err
}

// pages measures pages of 100 values for a viewer: the first, and a later one when there are as many.
func (b *rowBench) pages(ctx context.Context, o options, v rowViewer) (result, error) {
	path := "/data-tables/" + b.instance + "/" + b.tables[1].id + "/values/list?maxResults=100"
	header := http.Header{"X-Lanyard-Acting-User": {v.name}}
	request, err := signedWith(b.s.addr, "POST", path, header, object{})
	if err != nil {
		return result{}, err
	}
	requests := [][]byte{request}
	var page struct {
		NextToken string
		Values    []struct{ RecordId string }
	}
	if err := send(ctx, b.s.addr, request, &page); err != nil {
		return result{}, err
	}
	if len(page.Values) == 0 || page.NextToken != "" && len(page.Values) != 100 {
		return result{}, fmt.Errorf("%s sees %d values on a page that is not the last", v.name, len(page.Values))
	}
	if page.NextToken != "" {
		later, err := signedWith(b.s.addr, "POST", path+"&nextToken="+page.NextToken, header, object{})
		if err != nil {
			return result{}, err
		}
		requests = append(requests, later)
	}
	return load(ctx, o.step, [][][]byte{requests}, b.s.addr)
}

// updates measures changes of one value of a table.
func (b *rowBench) updates(ctx context.Context, o options, t *benchTable) (result, error) {
	var requests [][]byte
	for i := range 500 {
		n := i * t.rows / 500
		row := t.row(n)
		var primary []object
		for _, name := range []string{"Region", "Team", "Number"} {
			primary = append(primary, object{"AttributeName": name, "Value": row.Primary[t.attributes[name]]})
		}
		request, err := signed(b.s.addr, "POST", "/data-tables/"+b.instance+"/"+t.id+"/values/update",
			object{"Values": []object{{"PrimaryValues": primary, "AttributeName": "Price", "Value": fmt.Sprint(i)}}})
		if err != nil {
			return result{}, err
		}
		requests = append(requests, request)
	}
	return load(ctx, o.step, [][][]byte{requests}, b.s.addr)
}

func p50ms(r result) float64 { return milliseconds(r.p50) }

func (f *rowsFound) targets() (list []target) {
	for _, on := range f.on {
		for i, v := range rowViewers {
			list = append(list, below(fmt.Sprintf("%s: a page of 100 of %s values, %s hidden", on.database,
				thousands(float64(f.rows)), v.hidden), spreadOf(on.pages[i], p50ms), fixed(2), " ms", 20))
		}
		list = append(list, below(on.database+": a change of a value in that table, compared with one of 1,000 rows",
			newSpread([]float64{spreadOf(on.updates[1], p50ms).median / spreadOf(on.updates[0], p50ms).median}), fixed(2), " times",
			1.5))
	}
	if f.missing {
		list = append(list, notMeasured("the same on PostgreSQL", "PostgreSQL is not installed", "< 20 ms"))
	}
	return list
}

func (f *rowsFound) tables() []table { return nil }

func (f *rowsFound) picture() string { return "" }

func (f *rowsFound) page(b *strings.Builder, _ string) {
	b.WriteString("## Data tables\n\n")
	targetTable(f.targets()).markdown(b)
	b.WriteString("\nEach time is the median of one client's calls of ListDataTableValues on behalf of a user, with signature and " +
		"HTTP: the first page and the second in turn. The tables have three primary attributes.\n")
}
