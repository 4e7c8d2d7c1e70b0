use schemars::JsonSchema;
use serde::Deserialize;

use super::DURATION;

/// What is kept from a backend most of whose answers are errors: by chance, the more
/// of its requests the fewer of them succeed, so that it can recover (Envoy's
/// `admission_control`). Of whose requests, chance decides too; what budgets and
/// shares say comes before it. Such a request is answered 503.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "AdmissionControl")]
pub(crate) struct AdmissionControlSpec {
    /// How many in a hundred requests have to succeed, or nothing is kept from it: a
    /// status below 500, or what is no error of the server in gRPC.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) success_percent: u32,

    /// The time that is looked back: from 1s to 1h.
    #[schemars(regex(pattern = DURATION), example = &"30s")]
    pub(crate) window: String,

    /// How many requests a second there have to be.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) rate_min: u32,

    /// How many in a hundred requests are kept from it at most.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) max_rejection_percent: u32,
}

impl Default for AdmissionControlSpec {
    fn default() -> Self {
        let window = "30s".to_owned();
        Self { success_percent: 95, window, rate_min: 5, max_rejection_percent: 80 }
    }
}

/// How many requests a backend bears, found out by how long it takes to answer them
/// (Envoy's `adaptive_concurrency`): fewer than `in_flight` when it gets slower. What
/// is too much is answered 503, and the shares of tenants are of what it bears, once
/// it has refused something for that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "AdaptiveConcurrency")]
pub(crate) struct AdaptiveConcurrencySpec {
    /// Of the times that its answers take, the one that so many in a hundred are below
    /// is looked at.
    #[schemars(range(min = 1, max = 99))]
    pub(crate) percentile: u32,

    /// How often it is found out how long it takes when it has little to do: from 1s to
    /// 1h. Meanwhile it gets no more than `in_flight_min` requests at a time.
    #[schemars(regex(pattern = DURATION), example = &"60s")]
    pub(crate) interval: String,

    /// How many requests it always gets at a time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) in_flight_min: u32,
}

impl Default for AdaptiveConcurrencySpec {
    fn default() -> Self {
        Self { percentile: 90, interval: "60s".to_owned(), in_flight_min: 3 }
    }
}
