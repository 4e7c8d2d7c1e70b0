//! Starts real Envoys, control planes and backends for tests, the demo and the benchmark.
