package control

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
)

// Hashes that were stored, and entity tags that clients keep, were made of what encoding/json writes.
func TestHashesStay(t *testing.T) {
	text := "Fish & <Chips> \u2028 é"
	request := NewInstance{ClientToken: "t", Alias: "a", Tags: map[string]string{"z": text, "a": ""}, Inbound: true}
	b, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if got, want := request.hash(), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the hash of a request is %s, want %s", got, want)
	}
	u := lanyard.User{Meta: lanyard.Meta{ID: "u", Name: text, Modified: time.UnixMilli(1_700_000_000_123).UTC(),
		Tags: map[string]string{"b": text, "a": "1"}}, Profiles: []string{"p"},
		Settings: lanyard.Settings{"PhoneConfig": lanyard.JSON(`{"PhoneType":"SOFT_PHONE","Note":"a & b"}`)}}
	if b, err = json.Marshal(&u); err != nil {
		t.Fatal(err)
	}
	sum = sha256.Sum256(b)
	if got, want := UserETag(&u), `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`; got != want {
		t.Errorf("the tag of a user is %s, want %s", got, want)
	}
}
