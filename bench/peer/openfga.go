package peer

import (
	"context"
	"encoding/json"
	"fmt"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"
	"github.com/openfga/openfga/pkg/server"
	"github.com/openfga/openfga/pkg/storage/memory"
)

// FGAModel says that a user can what the profiles that it holds grant. Tags and hierarchy are left
// out.
const FGAModel = `model
  schema 1.1
type permission
type profile
  relations
    define grants: [permission]
type user
  relations
    define holds: [profile]
    define can: grants from holds
`

// FGAModelJSON is the model as the API takes it.
func FGAModelJSON() (json.RawMessage, error) {
	s, err := transformer.TransformDSLToJSON(FGAModel)
	return json.RawMessage(s), err
}

// FGATuple is a relationship.
type FGATuple struct {
	User     string `json:"user"`
	Relation string `json:"relation"`
	Object   string `json:"object"`
}

// FGATuples are what profiles grant, and who holds which.
func FGATuples(w *World) []FGATuple {
	var all []FGATuple
	for _, p := range w.Profiles {
		for _, name := range p.Permissions {
			all = append(all, FGATuple{"permission:" + name, "grants", "profile:" + p.ID})
		}
	}
	for i := range w.Users {
		u := w.User(i)
		for _, p := range u.Profiles {
			all = append(all, FGATuple{"profile:" + p, "holds", "user:" + u.ID})
		}
	}
	return all
}

// FGATuple is what must follow from the others for the answer to be yes.
func (q *Question) FGATuple() FGATuple {
	return FGATuple{"permission:" + q.Action, "can", "user:" + q.User}
}

// OpenFGA is its server without the network, keeping relationships in memory. It is asked what is
// about no resource.
type OpenFGA struct {
	server *server.Server
	checks []*openfgav1.CheckRequest
}

// NewOpenFGA models a world's permissions.
func NewOpenFGA(w *World) (_ *OpenFGA, err error) {
	o := &OpenFGA{}
	if o.server, err = server.NewServerWithOpts(server.WithDatastore(memory.New())); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	ctx := context.Background()
	store, err := o.server.CreateStore(ctx, &openfgav1.CreateStoreRequest{Name: "world"})
	if err != nil {
		return nil, err
	}
	model, err := transformer.TransformDSLToProto(FGAModel)
	if err != nil {
		return nil, err
	}
	written, err := o.server.WriteAuthorizationModel(ctx,
		&openfgav1.WriteAuthorizationModelRequest{StoreId: store.Id, SchemaVersion: model.SchemaVersion,
			TypeDefinitions: model.TypeDefinitions})
	if err != nil {
		return nil, err
	}
	var keys []*openfgav1.TupleKey
	for _, t := range FGATuples(w) {
		keys = append(keys, &openfgav1.TupleKey{User: t.User, Relation: t.Relation, Object: t.Object})
	}
	const most = 100 // tuples of a write
	for from := 0; from < len(keys); from += most {
		_, err := o.server.Write(ctx,
			&openfgav1.WriteRequest{StoreId: store.Id, AuthorizationModelId: written.AuthorizationModelId,
				Writes: &openfgav1.WriteRequestWrites{TupleKeys: keys[from:min(from+most, len(keys))]}})
		if err != nil {
			return nil, fmt.Errorf("write relationships: %w", err)
		}
	}
	for i := range w.Plain {
		t := w.Plain[i].FGATuple()
		o.checks = append(o.checks,
			&openfgav1.CheckRequest{StoreId: store.Id, AuthorizationModelId: written.AuthorizationModelId,
				TupleKey: &openfgav1.CheckRequestTupleKey{User: t.User, Relation: t.Relation, Object: t.Object}})
	}
	return o, nil
}

// Allowed checks one question.
func (o *OpenFGA) Allowed(i int) (bool, error) {
	answer, err := o.server.Check(context.Background(), o.checks[i])
	return answer.GetAllowed(), err
}

// Close ends the server.
func (o *OpenFGA) Close() error {
	o.server.Close()
	return nil
}
