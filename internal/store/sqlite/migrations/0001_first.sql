-- Everything that belongs to an instance begins with its id.

-- With a rowid: a document of 2 KB fits into a page of the table but not into one of an index.
CREATE TABLE resources (
    instance_id TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    key         TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    doc         BLOB   NOT NULL, -- the whole resource as JSON
    PRIMARY KEY (instance_id, type, id)
);
CREATE UNIQUE INDEX resources_seq ON resources (instance_id, type, seq);
CREATE UNIQUE INDEX resources_key ON resources (instance_id, type, key) WHERE key <> '';

CREATE TABLE refs (
    instance_id TEXT NOT NULL,
    to_type     TEXT NOT NULL,
    to_id       TEXT NOT NULL,
    from_type   TEXT NOT NULL,
    from_id     TEXT NOT NULL,
    PRIMARY KEY (instance_id, to_type, to_id, from_type, from_id)
) WITHOUT ROWID;

CREATE TABLE counts (
    instance_id TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    n           BIGINT NOT NULL,
    PRIMARY KEY (instance_id, type)
) WITHOUT ROWID;

CREATE TABLE tombstones (
    instance_id TEXT NOT NULL,
    type        TEXT NOT NULL,
    id          TEXT NOT NULL,
    tags        BLOB NOT NULL, -- JSON
    PRIMARY KEY (instance_id, type, id)
) WITHOUT ROWID;

-- With a rowid: events are appended to the last page, two or three to a page.
CREATE TABLE events (
    instance_id TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    time        BIGINT NOT NULL, -- milliseconds since 1970
    seq         BIGINT NOT NULL, -- the last one given to a resource so far
    body        BLOB   NOT NULL, -- JSON, packed with S2
    hash        BLOB   NOT NULL, -- SHA-256 of the hash before (at first 32 zeros) and the JSON
    PRIMARY KEY (instance_id, revision)
);

CREATE TABLE directory (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id TEXT NOT NULL UNIQUE,
    account     TEXT NOT NULL,
    alias       TEXT NOT NULL,
    token       TEXT NOT NULL
);
CREATE INDEX directory_account ON directory (account, position);
CREATE UNIQUE INDEX directory_alias ON directory (alias) WHERE alias <> '';
CREATE UNIQUE INDEX directory_token ON directory (account, token) WHERE token <> '';

CREATE TABLE access_keys (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    doc      BLOB NOT NULL
);

CREATE TABLE secrets (
    name  TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (name)
) WITHOUT ROWID;
