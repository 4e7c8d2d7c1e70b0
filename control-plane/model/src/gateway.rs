use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_auth::{IdentitySpec, Secret};
use tollgate_gateway::{ContractSpec, MatchSpec};
use tollgate_rate_limit::{TellingSpec, TiersSpec};
use tollgate_tenant_budget::BudgetsSpec;

use crate::piece::{Division, RoutePiece};
use crate::{Action, Backend, Envoys, Expiry, Fault, Place, PrivateKey, Tls};

/// A gateway whose every reference resolves and whose every policy compiles.
///
/// Only [`crate::Draft::compile`] makes one: holding it is the proof.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Gateway {
    /// Where Envoy listens, by name.
    pub listeners: BTreeMap<String, Listener>,

    /// Whom the gateway recognises, with the keys filled in. How it proves who it
    /// is to [`IDENTITY_CLUSTER`] is not: that is another one every time.
    pub identity: IdentitySpec,

    /// Who is asked by the control plane what opaque tokens say, by name.
    pub introspection: BTreeMap<String, Introspection>,

    /// The tokens that are made for backends.
    pub backend_token: Option<BackendToken>,

    /// What each tier gets.
    pub tiers: TiersSpec,

    /// What single tenants get, in place of what their tier does.
    pub tenant_limits: TiersSpec,

    /// What tenants may have under way at once.
    pub budgets: BudgetsSpec,

    /// What callers are told about their limits.
    pub telling: TellingSpec,

    /// Where callers ask how their limits stand; nowhere without.
    pub limits_path: Option<String>,

    /// How many Envoys share the limits.
    pub envoys: u32,

    /// Where requests go, by name.
    pub backends: BTreeMap<String, Backend>,

    /// The routes of every host pattern (`orders.example.com`,
    /// `*.example.com`, `*`), all APIs together.
    ///
    /// Invariant: in order of precedence, the order of the contracts too.
    pub hosts: BTreeMap<String, Vec<HostRoute>>,

    /// What each API asks, by its name.
    pub contracts: BTreeMap<String, ContractSpec>,

    /// Whether Envoy is told its routes in pieces.
    pub shards: Shards,

    /// The APIs whose routes an Envoy may ask for when the first request comes.
    pub on_demand: BTreeSet<String>,

    /// The APIs that are not for all Envoys, and for which.
    ///
    /// Invariant: those that share a host are for the same.
    pub api_envoys: BTreeMap<String, Envoys>,

    /// How many of a hundred routes one change of files may take away.
    pub drop_max_percent: u8,

    /// Where things were written, by path: `backends.orders`, `apis.orders`,
    /// `apis.orders.routes.get-order`, `listeners.public`.
    pub places: BTreeMap<String, Place>,

    /// What holds only until a moment: certificates, lists of revoked ones.
    pub expiries: Vec<Expiry>,

    /// What is good, and is not to be forgotten: rules that refuse nobody.
    pub notices: Vec<Fault>,

    /// What is no fault of what was written, and yet not as it should be: keys
    /// that were fetched and are none.
    pub warnings: Vec<Fault>,
}

impl Gateway {
    /// Whether Envoy is told its routes in pieces.
    pub fn is_divided(&self) -> bool {
        !self.api_envoys.is_empty() || self.shards.divides(self.hosts.values().map(Vec::len).sum())
    }

    /// Which Envoys an API is for.
    pub fn envoys_of(&self, api: &str) -> Envoys {
        self.api_envoys.get(api).cloned().unwrap_or_default()
    }

    /// The pieces of all hosts.
    pub fn pieces(&self) -> Vec<RoutePiece> {
        let path = self.limits_path.as_deref();
        let hosts = self.hosts.iter();
        hosts.flat_map(|(host, routes)| Division::of(routes).pieces(host, path)).collect()
    }

    /// By what an API tells callers how their limits stand; nothing where nobody is
    /// recognised.
    pub fn asked_of(&self, api: &str) -> Option<ContractSpec> {
        self.contracts.get(api)?.asked()
    }

    /// The id of that.
    pub fn asked_id(&self, api: &str) -> Option<String> {
        Some(self.asked_of(api)?.id())
    }

    /// The APIs whose limits are asked for in a piece.
    pub fn asked_in(&self, piece: &RoutePiece) -> BTreeSet<&str> {
        let has_path = self.limits_path.as_deref().is_some_and(|path| piece.has_path(path));
        let routes = self.hosts.get(&piece.host).filter(|_| has_path);
        let apis: BTreeSet<_> =
            routes.into_iter().flatten().map(|route| route.api.as_str()).collect();
        let count = if piece.is_whole { usize::MAX } else { ASKED_MAX };
        apis.into_iter().take(count).collect()
    }
}

/// Of a divided host, the limits of so many APIs are told to those who ask: the
/// filter tells few limits at once.
pub(crate) const ASKED_MAX: usize = 16;

/// From so many routes on they come in pieces where nothing else is said: Envoy
/// searches a list from its beginning, and the thousandth route is found in a tenth
/// of a millisecond.
const ROUTES_MIN: usize = 1000;

impl Shards {
    /// Whether so many routes come in pieces.
    pub(crate) const fn divides(self, routes: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => ROUTES_MIN <= routes,
        }
    }
}

/// Whether Envoy is told its routes in pieces.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Shards {
    /// From 1,000 routes on. With the thousandth, listeners are replaced: new
    /// connections go to the new ones, and old connections end with their requests.
    #[default]
    Auto,
    /// However few there are.
    Always,
    /// However many there are.
    Never,
}

/// What the cluster is called that leads to the control plane's identity front.
pub const IDENTITY_CLUSTER: &str = "tollgate-identity";

/// The cluster by which Envoys learn who has been revoked.
pub const SYNC_CLUSTER: &str = "tollgate-sync";

/// Tokens by which backends are told who is calling.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BackendToken {
    /// Who says so.
    pub issuer: String,
    /// How long one holds, in whole seconds.
    pub ttl: Duration,
    /// For whom they may be.
    pub audiences: BTreeSet<String>,
    /// What signs them is the first; those of the others are verified too. None of
    /// those in variables that were not looked at.
    pub keys: Vec<PrivateKey>,
}

/// A provider that is asked what its opaque tokens say.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Introspection {
    /// Its endpoint.
    pub url: String,
    /// As whom we ask.
    pub client_id: String,
    /// What proves that. None if it is in a variable that was not looked at.
    pub client_secret: Option<Secret>,
    /// How long an active token is believed without asking again.
    pub ttl: Duration,
    /// How long any other is refused without asking again.
    pub negative_ttl: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The exact value of `iss`, if any.
    pub issuer: Option<String>,
    /// Values of `aud`, one of which must be there, if any.
    pub audiences: Vec<String>,
    /// Certificates in PEM that are trusted instead of the public ones.
    pub ca: Option<Vec<u8>>,
}

/// Where Envoy listens.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Listener {
    /// The address it binds.
    pub address: SocketAddr,
    /// How many right-most hops of `X-Forwarded-For` are ours.
    pub trusted_hops: u32,
    /// How it speaks TLS; plain HTTP without.
    pub tls: Option<Tls>,
    /// Which Envoys open it.
    pub envoys: Envoys,
}

/// One route of a host: which requests it serves and where they go.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct HostRoute {
    /// The API that it belongs to.
    pub api: String,
    /// Its name in the API.
    pub route: String,
    /// The `group` of its operation in the API's contract. Routes of an API with
    /// one group have one action.
    pub group: String,
    /// What becomes of them.
    pub action: Action,
    /// Which requests it serves.
    pub matcher: MatchSpec,
}
