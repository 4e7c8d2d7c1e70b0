-- What the admin API wrote: each one object of the configuration, in JSON. One that was deleted has
-- no body, and stays so that nobody takes its number for that of a later one.
CREATE TABLE objects (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT,
  author TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  seq BIGINT NOT NULL UNIQUE,
  PRIMARY KEY (kind, name)
);

-- What was published. `files` is the hash of the files that lay there, `content` that of everything that
-- was published; `sources` are the files that were published and `objects` what the admin API had written,
-- both as JSON.
CREATE TABLE revisions (
  number BIGINT PRIMARY KEY NOT NULL,
  author TEXT NOT NULL,
  at BIGINT NOT NULL,
  difference TEXT NOT NULL,
  files TEXT NOT NULL,
  content TEXT NOT NULL,
  sources TEXT NOT NULL,
  objects TEXT NOT NULL
);

-- One row, or none: as long as the files have this hash, those of the revision are published instead.
CREATE TABLE pin (
  one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
  files TEXT NOT NULL,
  revision BIGINT NOT NULL
);

-- Who may use the admin API. Of a token only the hash is kept.
CREATE TABLE operators (
  id TEXT PRIMARY KEY NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
  hash TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT
);

-- What was done by the admin API, by whom.
CREATE TABLE audit (
  number BIGINT PRIMARY KEY NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  status BIGINT NOT NULL
);
