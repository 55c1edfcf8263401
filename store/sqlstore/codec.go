package sqlstore

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/lanyard/lanyard"
)

// What is stored is JSON as encoding/json would write and read it, but faster: a nil slice stays
// nil, an empty one empty, and map keys are sorted, so that equal resources are equal bytes. What a
// caller managed to send is taken: a store is not the place to be strict.
var codec = json.JoinOptions(
	json.Deterministic(true),
	json.FormatNilSliceAsNull(true),
	json.FormatNilMapAsNull(true),
	jsonv1.OmitEmptyWithLegacySemantics(true),
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
)

func encode(v any) ([]byte, error) { return json.Marshal(v, codec) }

func decode(t lanyard.Type, doc []byte) (lanyard.Resource, error) {
	r := lanyard.New(t)
	if r == nil {
		return nil, fmt.Errorf("%q is not a type of resource", t)
	}
	if err := json.Unmarshal(doc, r, codec); err != nil {
		return nil, fmt.Errorf("stored %s: %w", t, err)
	}
	return r, nil
}

// weight is about what a decoded resource takes in memory.
func weight(doc []byte) int64 { return 2*int64(len(doc)) + 512 }
