package sqlstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"
)

// The events of every database out there need these words, byte for byte.
func TestWordsStay(t *testing.T) {
	sum := sha256.Sum256(dictionary1)
	if got, want := hex.EncodeToString(sum[:]),
		"aa59cb03574ae796e62c37a3c34c71b9d6735e60af315f265ece29a1d828fdbc"; got != want {
		t.Errorf("dictionary/1.txt is not what events were packed with: SHA-256 %s, want %s; new words are a new file", got, want)
	}
	// One that was packed once, so that a library which packs otherwise is noticed too.
	const packed = "0155007b9243063a0d0142fb020e9908110008225d7d"
	raw, err := hex.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Unpack(raw)
	if want := `{"Operation":"UpdateSecurityProfile","Permissions":["BasicAgentAccess","Users.View"]}`; err != nil ||
		string(got) != want {
		t.Errorf("an event packed earlier reads %q, %v; want %s", got, err, want)
	}
}

func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var body []byte
		for range rapid.IntRange(1, 40).Draw(t, "pieces") {
			from := rapid.IntRange(0, len(dictionary1)-1).Draw(t, "from")
			body = append(body, dictionary1[from:min(len(dictionary1), from+rapid.IntRange(0, 500).Draw(t, "of the words"))]...)
			body = append(body, rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "other")...)
		}
		if got, err := Unpack(pack(body)); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("packed and unpacked: %v, %q, want %q", err, got, body)
		}
		if got, err := Unpack(s2.Encode(nil, body)); len(body) > 1 && (err != nil || !bytes.Equal(got, body)) {
			t.Fatalf("packed without words: %v, %q, want %q", err, got, body)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack([]byte(`{"ID":"x"}`)))
	f.Add([]byte{1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packed []byte) { Unpack(packed) }) // it may refuse, but must not panic
}
