-- Text and 64-bit integers only, so that SQLite and PostgreSQL read the same file.
-- Times are seconds since the Unix epoch.

-- One row: what there is one of. `seq` is the number of the last change.
CREATE TABLE store (
  one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
  seq BIGINT NOT NULL,
  secret_check TEXT
);
INSERT INTO store (one, seq) VALUES (1, 0);

-- A deleted tenant stays as a trace, so that whoever follows the changes learns of it.
CREATE TABLE tenants (
  id TEXT PRIMARY KEY NOT NULL,
  tier TEXT,
  suspended BIGINT NOT NULL CHECK (suspended IN (0, 1)),
  created_at BIGINT NOT NULL,
  deleted_at BIGINT,
  seq BIGINT NOT NULL UNIQUE
);

-- Scopes have no blanks and are divided by blanks.
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY NOT NULL,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  hash TEXT NOT NULL UNIQUE,
  fingerprint BIGINT NOT NULL,
  hint TEXT NOT NULL,
  scopes TEXT NOT NULL,
  tier TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  replaced_by TEXT,
  overlap_until BIGINT,
  seq BIGINT NOT NULL UNIQUE
);
CREATE INDEX api_keys_of_tenant ON api_keys (tenant);
