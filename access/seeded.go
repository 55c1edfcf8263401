//go:build seeded

package access

import "os"

// staleDecision is a fault that a test of linearizability must find. No program that anybody runs is
// built with this tag.
var staleDecision = os.Getenv("LANYARD_SEEDED") == "stale-decision"

// reaches takes any snapshot for new enough.
func (s *Snapshot) reaches(revision int64) bool { return staleDecision || s.revision >= revision }
