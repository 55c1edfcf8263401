-- What stands in for the events of an instance that were cut off: where the chain goes on from.
CREATE TABLE checkpoints (
    instance_id TEXT COLLATE "C" NOT NULL,
    revision    BIGINT NOT NULL, -- the last that was cut off
    seq         BIGINT NOT NULL, -- of that event
    hash        BYTEA NOT NULL, -- of that event
    time        BIGINT NOT NULL, -- milliseconds since 1970
    who         TEXT NOT NULL,
    mac         BYTEA NOT NULL, -- by a secret of the server, over all of the above
    PRIMARY KEY (instance_id)
);

-- Has a row while the database is being filled from a backup or another store, and is not to be used.
CREATE TABLE filling (
    since BIGINT NOT NULL, -- milliseconds since 1970
    PRIMARY KEY (since)
);
