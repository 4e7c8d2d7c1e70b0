-- What is no longer accepted although it looks good. `issuer` is empty for keys and tenants.
CREATE TABLE revocations (
  kind TEXT NOT NULL CHECK (kind IN ('token', 'subject', 'api_key', 'tenant')),
  issuer TEXT NOT NULL,
  name TEXT NOT NULL,
  at BIGINT NOT NULL,
  until BIGINT,
  seq BIGINT NOT NULL UNIQUE,
  PRIMARY KEY (kind, issuer, name)
);
CREATE INDEX revocations_until ON revocations (until);
