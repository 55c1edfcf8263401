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
	// Positioned comes before VALUES where a row has a position of its own, which the database else
	// gives. Filled are statements to run after such rows.
	Positioned string
	Filled     []string
	// Derived are tables that Enter fills.
	Derived []string
	// IsUnique tells whether a statement failed because a key is taken.
	IsUnique func(error) bool
	// IsUnavailable tells whether the database is out of reach: busy, full, gone.
	IsUnavailable func(error) bool
	// IsUncertain, unless nil, tells of an error of a commit that it may have happened all the same.
	IsUncertain func(error) bool
	// IsDamaged, unless nil, tells that the database does not hold what was written to it. From then on
	// no change is taken.
	IsDamaged func(error) bool

	// Shared tells that other processes may write to the same database, over connections that are
	// Pipelines. Nothing is cached then, and a statement that fails takes its transaction with it,
	// so that one which may find a key taken needs a savepoint before it.
	Shared bool
	// Lock answers a row when it has kept all other writers off the instance $1 until the end of the
	// transaction. When it answers none the instance has never been written to, and the statements
	// of Enter, which get the same argument, make it lockable.
	Lock  string
	Enter []string
	// IsConflict tells whether a transaction lost against another and may be tried again.
	IsConflict func(error) bool
	// IsGuardViolated tells whether a statement failed because a key is taken, or there is none.
	IsGuardViolated func(error) bool
	// IsUnsupported tells whether the database does not know how to do what a statement says.
	IsUnsupported func(error) bool
	// IsInvalid tells whether an argument is one that the database cannot hold.
	IsInvalid func(error) bool
}
