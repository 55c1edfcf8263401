package follow_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/follow"
)

// A service guards what it does by the security profiles of an instance, without a request for each decision.
func Example() {
	ctx := context.Background()
	rights, err := follow.Open(ctx, "https://one.lanyard.example", os.Getenv("LANYARD_TOKEN"), os.Getenv("INSTANCE"),
		func(c *follow.Config) {
			c.URLs = append(c.URLs, "https://two.lanyard.example")
			c.MaxStaleness = 5 * time.Second
		})
	if err != nil {
		log.Fatal(err)
	}
	defer rights.Close()

	http.HandleFunc("POST /orders/{id}/refund", func(w http.ResponseWriter, r *http.Request) {
		d, err := rights.Decide(&access.Query{
			Subject:  access.Subject{ID: r.Header.Get("X-User")},
			Action:   "refund",
			Resource: access.Resource{Type: access.TypeApplication, ID: "orders"},
		})
		switch {
		case err != nil: // it is not known whether the right still exists
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case !d.Allow:
			http.Error(w, d.Reason.String(), http.StatusForbidden)
		default:
			fmt.Fprintln(w, "refunded")
		}
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}

// Open loads the instance, and everything after that is decided here.
func ExampleOpen() {
	ctx, token, instance := context.Background(), os.Getenv("LANYARD_TOKEN"), os.Getenv("INSTANCE")
	user := "claire.dubois"

	rights, err := follow.Open(ctx, "https://lanyard.example", token, instance)
	// …
	d, err := rights.Decide(&access.Query{Subject: access.Subject{ID: user}, Action: "Users.Edit"}) // no request: 0.1 µs
	if err == nil && d.Allow {
		fmt.Println("allowed")
	}
}

// A program that has changed something waits until its own decisions know.
func ExampleFollower_WaitFor() {
	var rights *follow.Follower // from Open
	var revision int64          // x-lanyard-revision of the answer to the change

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := rights.WaitFor(ctx, revision); err != nil {
		log.Print(err)
	}
}
