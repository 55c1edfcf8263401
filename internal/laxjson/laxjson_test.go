package laxjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
)

// everything has values whose encoding the packages differ about, or once did.
func everything() []any {
	at := time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.FixedZone("", 3600))
	raw := lanyard.JSON(`{"b":1,"a":[1.0,{}],"b":2}`)
	return []any{
		&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "Order desk", Modified: at, Tags: map[string]string{"z": "1", "a": ""}},
			Permissions: []string{}, TagRestricted: []string{"User"}, AccessTags: map[string]string{}},
		&lanyard.Profile{},
		&lanyard.User{Meta: lanyard.Meta{Name: "é\u2028"}, Settings: lanyard.Settings{"B": raw, "A": lanyard.JSON(`{}`)}},
		&lanyard.Queue{MaxContacts: new(int32), Disabled: true, QuickConnects: []string{}},
		&lanyard.Queue{},
		&lanyard.RoutingProfile{Queues: []lanyard.QueueConfig{{}, {Priority: 1, Delay: 2}}, IsDefault: true},
		&lanyard.Module{Draft: &lanyard.Draft{}, Archived: true, LastVersion: 7},
		&lanyard.Module{Draft: &lanyard.Draft{Settings: lanyard.Settings{"Content": lanyard.JSON(`""`)}}},
		&lanyard.Event{ID: "e", Time: at, Request: lanyard.JSON(`{}`), Passwords: []lanyard.PasswordSet{{User: "u",
			Digest: []byte{1, 2, 255}}}, Changes: []lanyard.Change{{ID: "c", After: lanyard.JSON(`{}`)}, {Before: raw}}},
		&lanyard.Event{},
		map[string]any{"nil": nil, "list": []int(nil), "map": map[string]int(nil), "float": 1e21, "small": 0.0000001,
			"bytes": []byte(nil), "big": int64(1) << 62},
		[]lanyard.Event(nil),
		"invalid \xff text",
	}
}

// What was stored by encoding/json is what is stored now, byte by byte, but for what it escapes for HTML; and it reads
// the same.
func TestAsTheStandardLibrary(t *testing.T) {
	for i, v := range everything() {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		want := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
		want = bytes.ReplaceAll(bytes.ReplaceAll(want, []byte(`\u2028`), []byte("\u2028")), []byte(`\ufffd`), []byte("\ufffd"))
		got, err := Marshal(v)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d: got  %s, %v\nwant %s", i, got, err, want)
			continue
		}
		ours, theirs := reflect.New(reflect.TypeOf(v)), reflect.New(reflect.TypeOf(v))
		if err := Unmarshal(want, ours.Interface()); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		if err := json.Unmarshal(want, theirs.Interface()); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(ours.Interface(), theirs.Interface()) {
			t.Errorf("%d: read as %+v, want %+v", i, ours.Elem(), theirs.Elem())
		}
	}
}

// What a caller once managed to send can be read.
func TestLax(t *testing.T) {
	var got struct{ Name string }
	if err := Unmarshal([]byte("{\"Name\":\"a\",\"name\":\"b\",\"Name\":\"c\xff\",\"Other\":[{}]}"), &got); err != nil || got.Name != "c\ufffd" {
		t.Errorf("%q, %v", got.Name, err)
	}
	if err := Unmarshal([]byte(`{"Name":"a"} {}`), &got); err == nil {
		t.Error("what follows the value is passed over")
	}
	var b bytes.Buffer
	if err := Write(&b, map[string]int{"b": 1, "a": 2}); err != nil || b.String() != "{\"a\":2,\"b\":1}\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
