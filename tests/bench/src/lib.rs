//! The gateway beside Envoy's own filters, in one run.
