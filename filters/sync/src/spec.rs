use serde::{Deserialize, Serialize};

/// How the workers keep up with the control plane.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SyncSpec {
    /// The cluster of the control plane, by its name in Envoy's configuration.
    pub cluster: String,

    /// How long after the last good exchange what is known counts as old.
    pub stale_after_seconds: u32,

    /// What becomes of callers then, and before the first exchange, where a route
    /// does not say otherwise.
    #[serde(default)]
    pub when_stale: WhenStale,
}

/// What becomes of callers while it cannot be told who has been revoked.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenStale {
    /// They are served by what was known last.
    #[default]
    Serve,
    /// They are answered 503.
    Closed,
}

/// How limits are shared with the other Envoys of a fleet.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FleetSpec {
    /// The cluster of the control plane, by its name in Envoy's configuration.
    pub cluster: String,

    /// What this Envoy enforces of limits that nothing else was granted of, in
    /// millionths.
    pub share: u32,
}
