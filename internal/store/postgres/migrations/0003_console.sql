-- Passwords of users, as Argon2id hashes. They stand apart from the users, so that no event has them.
CREATE TABLE passwords (
    instance_id TEXT COLLATE "C" NOT NULL,
    user_id     TEXT COLLATE "C" NOT NULL,
    hash        TEXT COLLATE "C" NOT NULL, -- PHC string
    PRIMARY KEY (instance_id, user_id)
);

-- Sessions of the console, of the whole server. The id is the hash of what the browser has, never
-- that itself.
CREATE TABLE sessions (
    id      TEXT COLLATE "C" NOT NULL,
    owner   TEXT COLLATE "C" NOT NULL, -- whose all sessions can be ended at once
    created BIGINT           NOT NULL, -- milliseconds since 1970, as those below
    seen    BIGINT           NOT NULL,
    expires BIGINT           NOT NULL,
    doc     BYTEA            NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX sessions_owner ON sessions (owner, created);
CREATE INDEX sessions_expires ON sessions (expires);
