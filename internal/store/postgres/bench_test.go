package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// clients runs f from n goroutines, b.N times in all.
func clients(b *testing.B, n int, f func(client, i int) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for c := range n {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > b.N {
					return
				}
				if err := f(c, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// large is a security profile of about 2 KB.
func large(id string) *lanyard.Profile {
	p := profile(id)
	p.Tags = map[string]string{"team": "billing", "region": "north"}
	for _, perm := range lanyard.Permissions()[:80] {
		p.Permissions = append(p.Permissions, perm.Name)
	}
	return p
}

// BenchmarkBareUpsert is what this server can do: one row of 2 KB and one commit.
func BenchmarkBareUpsert(b *testing.B) {
	server := pgtest.Start(b)
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			url := server.URL(server.Schema(b, b.TempDir()))
			ctx := context.Background()
			conns := make([]*pgx.Conn, n)
			for i := range conns {
				c, err := pgx.Connect(ctx, url)
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close(ctx)
				conns[i] = c
			}
			if _, err := conns[0].Exec(ctx,
				`CREATE TABLE IF NOT EXISTS r (id TEXT PRIMARY KEY, doc BYTEA NOT NULL)`); err != nil {
				b.Fatal(err)
			}
			docs := make([][]byte, n)
			for i := range docs {
				doc, err := json.Marshal(large("p"))
				if err != nil {
					b.Fatal(err)
				}
				docs[i] = doc
			}
			clients(b, n, func(client, i int) error {
				copy(docs[client][len(docs[client])-20:], fmt.Sprintf("%020d", i))
				_, err := conns[client].Exec(ctx,
					`INSERT INTO r (id, doc) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`,
					fmt.Sprintf("profile-%d", client), docs[client])
				return err
			})
		})
	}
}

// BenchmarkUpdate is the whole of a change: get, put, append, commit.
func BenchmarkUpdate(b *testing.B) {
	server := pgtest.Start(b)
	for _, tt := range []struct{ clients, instances int }{{1, 1}, {16, 1}, {16, 16}} {
		b.Run(fmt.Sprintf("clients=%d/instances=%d", tt.clients, tt.instances), func(b *testing.B) {
			db := opened(b, Config{URL: server.URL(server.Schema(b, b.TempDir()))})
			ctx := context.Background()
			for in := range tt.instances {
				err := db.Update(ctx, fmt.Sprint(in), func(tx store.Tx) error {
					for c := range tt.clients {
						if err := tx.Put(ctx, large(fmt.Sprint(c))); err != nil {
							return err
						}
					}
					return tx.Append(ctx, event(fmt.Sprint(in)))
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			clients(b, tt.clients, func(client, i int) error {
				in := fmt.Sprint(client % tt.instances)
				return db.Update(ctx, in, func(tx store.Tx) error {
					r, err := tx.Get(ctx, lanyard.TypeProfile, fmt.Sprint(client))
					if err != nil {
						return err
					}
					p := lanyard.Clone(r.(*lanyard.Profile))
					p.Description = fmt.Sprintf("version %d of %v", i, time.Now())
					if err := tx.Put(ctx, p); err != nil {
						return err
					}
					return tx.Append(ctx, event(in))
				})
			})
		})
	}
}

func BenchmarkRead(b *testing.B) {
	server := pgtest.Start(b)
	db := opened(b, Config{URL: server.URL(server.Schema(b, b.TempDir()))})
	ctx := context.Background()
	if err := add(ctx, db, "i", "p", nil); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("Get/clients=%d", n), func(b *testing.B) {
			clients(b, n, func(int, int) error {
				_, err := db.Reader("i").Get(ctx, lanyard.TypeProfile, "p")
				return err
			})
		})
	}
}
