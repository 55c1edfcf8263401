package sqlstore

// A Dialect is what differs between databases. Begin, Known, Snapshot, Clear, IsUnique and
// IsUnavailable are required, and with Shared the rest.
type Dialect struct {
	Begin string // the statement that begins a transaction which will write
	// Known is the table with the ids of all instances that ever had an event.
	Known string
	// Snapshot are the statements that begin a transaction which only reads, and sees one state until
	// its end, however late that is.
	Snapshot []string
	// Clear is what comes before a table's name to remove all of its rows.
	Clear string
	// Positioned comes before VALUES in an insert of a row with a given position, which the database otherwise
	// generates. AfterImport are statements to run after such rows.
	Positioned  string
	AfterImport []string
	// Derived are tables that Enter fills.
	Derived []string
	// IsUnique reports whether a statement failed because a key is taken.
	IsUnique func(error) bool
	// IsUnavailable reports whether the database is out of reach: busy, full, gone.
	IsUnavailable func(error) bool
	// Full says, unless it is "", why a change cannot be stored when the database is not Shared and IsUnavailable; by
	// default that the disk is full or cannot be written.
	Full string
	// IsUncertain, unless nil, reports whether a commit that failed may have happened all the same.
	IsUncertain func(error) bool
	// IsDamaged, unless nil, reports whether the database does not contain what was written to it. From then on
	// all changes are refused.
	IsDamaged func(error) bool

	// Shared is set when other processes may write to the same database. Then nothing is cached, and connections
	// are Pipelines.
	Shared bool
	// Lock returns a row after it has locked the instance $1 against all other writers until the end of the
	// transaction. When it returns none, the instance has never been written to, and the statements of Enter, which
	// get the same argument, make it lockable.
	Lock  string
	Enter []string
	// IsConflict reports whether a transaction lost against another and may be tried again.
	IsConflict func(error) bool
	// IsGuardViolated reports whether a guarded insert failed: its key is taken, or it got none.
	IsGuardViolated func(error) bool
	// IsUnsupported reports whether the database does not support a statement.
	IsUnsupported func(error) bool
	// IsInvalid reports whether an argument is one that the database cannot store.
	IsInvalid func(error) bool
}
