//! Promises made to users, kept against a real Envoy.
