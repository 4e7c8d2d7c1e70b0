//! Runs a filter inside Envoy.
