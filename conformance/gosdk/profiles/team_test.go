package profiles

import (
	"testing"

	"github.com/lanyard/lanyard/lanyardtest"
)

func TestClaireManagesTheFrench(t *testing.T) {
	srv := lanyardtest.New(t, lanyardtest.WithTemplates("team.yaml"))
	srv.AssertAllowed("claire", "Users.Edit", "User/claire")
	srv.AssertDenied("claire", "Users.Edit", "User/jonas")
}
