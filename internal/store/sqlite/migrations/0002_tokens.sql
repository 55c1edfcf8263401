-- Bearer tokens of the decision API. The document holds the token's hash, never the token.
CREATE TABLE tokens (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    doc      BLOB NOT NULL
);
