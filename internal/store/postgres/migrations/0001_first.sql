-- Everything that belongs to an instance begins with its id, so that the tables can be distributed
-- by it. Text is compared byte by byte, as everywhere in lanyard, whatever the database's locale.

CREATE TABLE resources (
    instance_id TEXT COLLATE "C" NOT NULL,
    type        TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    seq         BIGINT           NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,
    name        TEXT             NOT NULL,
    doc         BYTEA            NOT NULL, -- the whole resource as JSON
    PRIMARY KEY (instance_id, type, id)
) WITH (fillfactor = 70); -- room for a new version of a row beside the old, which spares the indexes
CREATE UNIQUE INDEX resources_seq ON resources (instance_id, type, seq);
CREATE UNIQUE INDEX resources_key ON resources (instance_id, type, key) WHERE key <> '';

CREATE TABLE refs (
    instance_id TEXT COLLATE "C" NOT NULL,
    to_type     TEXT COLLATE "C" NOT NULL,
    to_id       TEXT COLLATE "C" NOT NULL,
    from_type   TEXT COLLATE "C" NOT NULL,
    from_id     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id, to_type, to_id, from_type, from_id)
);

CREATE TABLE counts (
    instance_id TEXT COLLATE "C" NOT NULL,
    type        TEXT COLLATE "C" NOT NULL,
    n           BIGINT           NOT NULL,
    PRIMARY KEY (instance_id, type)
) WITH (fillfactor = 50);

CREATE TABLE tombstones (
    instance_id TEXT COLLATE "C" NOT NULL,
    type        TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    tags        BYTEA            NOT NULL, -- JSON
    PRIMARY KEY (instance_id, type, id)
);

CREATE TABLE events (
    instance_id TEXT COLLATE "C" NOT NULL,
    revision    BIGINT           NOT NULL,
    time        BIGINT           NOT NULL, -- milliseconds since 1970
    seq         BIGINT           NOT NULL, -- the last one given to a resource so far
    body        BYTEA            NOT NULL, -- JSON, packed with S2
    hash        BYTEA            NOT NULL, -- SHA-256 of the hash before (at first 32 zeros) and the JSON
    PRIMARY KEY (instance_id, revision)
);
ALTER TABLE events ALTER COLUMN body SET STORAGE EXTERNAL; -- it is packed already

-- One row for each instance that was ever written to. Who changes an instance locks its row first.
CREATE TABLE instance_locks (
    instance_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id)
);

-- What follows is of the whole server, small, and seldom written: reference tables, where tables are
-- distributed.

CREATE TABLE known_instances (
    instance_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id)
);

CREATE TABLE directory (
    position    BIGINT GENERATED ALWAYS AS IDENTITY,
    instance_id TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    alias       TEXT COLLATE "C" NOT NULL,
    token       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (instance_id)
);
CREATE UNIQUE INDEX directory_account ON directory (account, position);
CREATE UNIQUE INDEX directory_alias ON directory (alias) WHERE alias <> '';
CREATE UNIQUE INDEX directory_token ON directory (account, token) WHERE token <> '';

CREATE TABLE access_keys (
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    id       TEXT COLLATE "C" NOT NULL,
    doc      BYTEA            NOT NULL,
    PRIMARY KEY (id)
);

-- Bearer tokens of the decision API. The document holds the token's hash, never the token.
CREATE TABLE tokens (
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    id       TEXT COLLATE "C" NOT NULL,
    doc      BYTEA            NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE secrets (
    name  TEXT COLLATE "C" NOT NULL,
    value BYTEA            NOT NULL,
    PRIMARY KEY (name)
);

-- How often something was changed that every server holds in memory.
CREATE TABLE versions (
    name TEXT COLLATE "C" NOT NULL,
    n    BIGINT           NOT NULL,
    PRIMARY KEY (name)
);
