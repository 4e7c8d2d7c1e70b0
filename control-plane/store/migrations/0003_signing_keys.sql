-- What requests are signed with. `material` is a public key in PEM, or a secret that is sealed
-- under the store's own; the id is sealed with it.
CREATE TABLE signing_keys (
  id TEXT PRIMARY KEY NOT NULL,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  kind TEXT NOT NULL CHECK (kind IN ('hmac', 'sigv4', 'http-signature')),
  algorithm TEXT NOT NULL,
  sealed BIGINT NOT NULL CHECK (sealed IN (0, 1)),
  material TEXT NOT NULL,
  scopes TEXT NOT NULL,
  tier TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  seq BIGINT NOT NULL UNIQUE
);
CREATE INDEX signing_keys_of_tenant ON signing_keys (tenant);
