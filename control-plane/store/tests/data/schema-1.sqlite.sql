-- What the first schema left in a file.
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'tenants and keys','2026-11-24 18:59:22',1,X'4FF2543B0C264A8CD841CC6EF55727E7138E95A5222AED8A3EEE696475718B46FFECCB3E34EC7D801B26A1EFAE0AF606',542012);
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
INSERT INTO "api_keys" VALUES('ci','acme','21WvI9DzxC1OA_Wq1niJwJyktGdA6RMM06TfGSB6O8c',8982879015335359917,'tg_0El6','orders.read orders.write',NULL,1800000000,NULL,NULL,NULL,NULL,2);
CREATE TABLE store (
  one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
  seq BIGINT NOT NULL,
  secret_check TEXT
);
INSERT INTO "store" VALUES(1,3,'Gc-jPcq4iOTDVy1eNDe0YoQmhQp9k3xHcjN3G8PPJx4');
CREATE TABLE tenants (
  id TEXT PRIMARY KEY NOT NULL,
  tier TEXT,
  suspended BIGINT NOT NULL CHECK (suspended IN (0, 1)),
  created_at BIGINT NOT NULL,
  deleted_at BIGINT,
  seq BIGINT NOT NULL UNIQUE
);
INSERT INTO "tenants" VALUES('acme','pro',0,1800000000,NULL,3);
CREATE INDEX api_keys_of_tenant ON api_keys (tenant);
COMMIT;
