package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// profile is a security profile of about 2 KB.
func profile(i int) *lanyard.Profile {
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: fmt.Sprintf("profile-%06d", i), Name: fmt.Sprintf("Profile %d", i),
		Modified: time.Unix(1700000000, 0).UTC(),
		Tags:     map[string]string{"team": "billing", "region": "north"}},
		Description: "May do what most may do, and a little more."}
	for _, perm := range lanyard.Permissions()[:80] {
		p.Permissions = append(p.Permissions, perm.Name)
	}
	return p
}

func event(instance string) *lanyard.Event {
	return &lanyard.Event{ID: "7c9e6679-7425-40de-944b-e07fc1f90ae7", Instance: instance, Time: time.Now().UTC(),
		Operation: "UpdateSecurityProfile",
		Account:   "123456789012", Region: "us-east-1", AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SourceIP: "127.0.0.1",
		UserAgent: "aws-sdk-go-v2/1.41.0", RequestID: "7c9e6679-7425-40de-944b-e07fc1f90ae7"}
}

// filled returns a synced store with n profiles in the instance "i".
func filled(b testing.TB, c Config, n int) *sqlstore.DB {
	if c.Dir == "" {
		c.Dir = b.TempDir()
	}
	db, err := Open(context.Background(), c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	ctx := context.Background()
	err = db.Update(ctx, "i", func(tx store.Tx) error {
		for i := range n {
			if err := tx.Put(ctx, profile(i)); err != nil {
				return err
			}
		}
		return tx.Append(ctx, event("i"))
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkBareUpsert is what this machine can do: one row of 2 KB and one sync.
func BenchmarkBareUpsert(b *testing.B) {
	ctx := context.Background()
	db, err := sql.Open("sqlite",
		dsn(filepath.Join(b.TempDir(), "bare.db"), "mode=rwc", "journal_mode(WAL)", "synchronous(FULL)",
			"wal_autocheckpoint(4096)"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `CREATE TABLE r (id TEXT PRIMARY KEY, doc BLOB NOT NULL)`); err != nil {
		b.Fatal(err)
	}
	stmt, err := db.PrepareContext(ctx,
		`INSERT INTO r (id, doc) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`)
	if err != nil {
		b.Fatal(err)
	}
	doc := make([]byte, 2048)
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint64(doc, uint64(i)) // what is equal to what is there is not written
		if _, err := stmt.ExecContext(ctx, "profile", doc); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// BenchmarkUpdate is the whole of a change: get, put, append, commit.
func BenchmarkUpdate(b *testing.B) {
	for _, tt := range []struct {
		name     string
		unsynced bool
		parent   func() (context.Context, context.CancelFunc)
	}{
		{"background", false, func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }},
		{"cancellable", false,
			func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }},
		{"unsynced", true, func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }},
	} {
		b.Run(tt.name, func(b *testing.B) {
			db := filled(b, Config{unsynced: tt.unsynced, Dir: b.TempDir()}, 100)
			ctx, cancel := tt.parent()
			defer cancel()
			i := 0
			for b.Loop() {
				i++
				err := db.Update(ctx, "i", func(tx store.Tx) error {
					r, err := tx.Get(ctx, lanyard.TypeProfile, "profile-000007")
					if err != nil {
						return err
					}
					p := lanyard.Clone(r.(*lanyard.Profile))
					p.Description = fmt.Sprintf("version %d", i)
					if err := tx.Put(ctx, p); err != nil {
						return err
					}
					return tx.Append(ctx, event("i"))
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background()) // as a request's is
	defer cancel()
	for _, cache := range []struct {
		name string
		size int64
	}{{"hot", 0}, {"cold", -1}} {
		db := filled(b, Config{Cache: cache.size}, 1000)
		r := db.Reader("i")
		b.Run(cache.name+"/Get", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Get(ctx, lanyard.TypeProfile, "profile-000007"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(cache.name+"/GetParallel", func(b *testing.B) {
			var n atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				id := fmt.Sprintf("profile-%06d", n.Add(1))
				for pb.Next() {
					if _, err := r.Get(ctx, lanyard.TypeProfile, id); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
		b.Run(cache.name+"/List100", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if l, err := r.List(ctx, lanyard.TypeProfile, 100, 100); err != nil || len(l) != 100 {
					b.Fatal(err, len(l))
				}
			}
		})
		b.Run(cache.name+"/Find", func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Find(ctx, lanyard.TypeProfile, "Profile 7"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(cache.name+"/Revision", func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Revision(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
