package sqlstore

// A Dialect is what differs between databases. All fields but the flags are required.
type Dialect struct {
	Begin string // the statement that begins a transaction which will write
	// Shared tells that other processes may write to the same database. Nothing is cached then.
	Shared bool
	// Savepoints tells that a statement which fails takes its transaction with it, so that one
	// which may fail needs a savepoint before it.
	Savepoints bool
	// IsUnique tells whether a statement failed because a key is taken.
	IsUnique func(error) bool
	// IsUnavailable tells whether the database is out of reach: busy, full, gone.
	IsUnavailable func(error) bool
}
