-- What is spent of counted windows. `key` is a hash, in hexadecimal digits; a window that never
-- ends does so in the year 2262.
CREATE TABLE balances (
  key TEXT NOT NULL,
  begins BIGINT NOT NULL,
  ends BIGINT NOT NULL,
  settled BIGINT NOT NULL,
  PRIMARY KEY (key, begins)
);
CREATE INDEX balances_ends ON balances (ends);

-- What gateways may spend of them: up to `cap`, of which `spent` are. `number` is the exchange that
-- said so.
CREATE TABLE leases (
  key TEXT NOT NULL,
  begins BIGINT NOT NULL,
  instance TEXT NOT NULL,
  cap BIGINT NOT NULL,
  spent BIGINT NOT NULL,
  number BIGINT NOT NULL,
  heard_at BIGINT NOT NULL,
  PRIMARY KEY (key, begins, instance)
);

-- What tenants get instead of what is configured: factors are in millionths of it.
CREATE TABLE overrides (
  tenant TEXT PRIMARY KEY NOT NULL,
  tier TEXT,
  factor BIGINT,
  uplift BIGINT,
  uplift_until BIGINT
);
