//go:build !seeded

package access

// reaches tells whether s is of the revision or a later one. The tag seeded puts a fault here.
func (s *Snapshot) reaches(revision int64) bool { return s.revision >= revision }
