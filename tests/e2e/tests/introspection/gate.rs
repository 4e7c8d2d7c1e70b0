//! The drop-in gateway that asks a provider, before a backend.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tollgate_e2e::address_of;
use tollgate_support::{Answer, Built, Call, Envoy, Upstream, free_port};

pub(crate) const WORKERS: u32 = 2;

/// `envoy/drop-in/introspection.yaml` as it runs.
pub(crate) struct Gate {
    pub(crate) envoy: Envoy,
    pub(crate) upstream: Upstream,
    pub(crate) address: SocketAddr,
}

impl Gate {
    pub(crate) async fn start(provider: SocketAddr, ttl_seconds: u32) -> Self {
        let upstream = Upstream::start().await.unwrap();
        let (port, admin) = (free_port().unwrap(), free_port().unwrap());
        let config = config(provider, port, upstream.port(), ttl_seconds);
        let config = format!(
            "{config}\nadmin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: \
             {admin} }} }} }}\n"
        );
        let envoy = Built::envoy().unwrap();
        let mut envoy = Envoy::with_bootstrap(&envoy, &config, admin, WORKERS).unwrap();
        envoy.ready().await.unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        envoy.listening(address).await.unwrap();
        Self { envoy, upstream, address }
    }

    pub(crate) async fn get(&self, token: &str) -> Answer {
        order(token).send(self.address).await.unwrap()
    }

    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.get(token).await.status
    }

    pub(crate) async fn never_trapped(&self) {
        let reloads = self.envoy.stats("vm_reload").await.unwrap();
        assert!(reloads.values().all(|count| *count == 0), "a filter trapped: {reloads:?}");
        let waiting = self.envoy.stats("downstream_rq_active").await.unwrap();
        let public: Vec<_> = waiting.iter().filter(|(name, _)| name.contains("public")).collect();
        assert!(public.iter().all(|(_, count)| **count == 0), "requests are left: {public:?}");
    }
}

/// The file as it stands, but for its ports, its backend and how long answers are believed.
fn config(provider: SocketAddr, port: u16, backend: u16, ttl_seconds: u32) -> String {
    let config = fs::read_to_string(root().join("envoy/drop-in/introspection.yaml")).unwrap();
    let cluster = format!(
        "  clusters:\n  - name: backend\n    load_assignment:\n      cluster_name: backend\n      \
         endpoints:\n      - lb_endpoints:\n        - endpoint: {{ address: {{ socket_address: {{ \
         address: 127.0.0.1, port_value: {backend} }} }} }}\n"
    );
    let changes = [
        ("target/filters/", format!("{}/", root().join("target/filters").display())),
        ("port_value: 10000", format!("port_value: {port}")),
        ("port_value: 9000", format!("port_value: {}", provider.port())),
        ("\"127.0.0.1:9000\"", format!("\"{provider}\"")),
        ("\"ttl_seconds\": 30", format!("\"ttl_seconds\": {ttl_seconds}")),
        (
            r#"direct_response: { status: 200, body: { inline_string: "admitted\n" } }"#,
            "route: { cluster: backend, timeout: 15s }".to_owned(),
        ),
        // So that callers may be at any address.
        (
            "use_remote_address: true\n",
            "use_remote_address: true\n          xff_num_trusted_hops: 1\n".to_owned(),
        ),
        ("  clusters:\n", cluster),
    ];
    changed(config, &changes)
}

/// Each of these texts by the other; all of them must be there.
pub(crate) fn changed(config: String, changes: &[(&str, String)]) -> String {
    changes.iter().fold(config, |config, (from, to)| {
        assert!(config.contains(from), "{from}");
        config.replace(from, to)
    })
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

pub(crate) fn order(token: &str) -> Call {
    Call::get("localhost", "/orders/7").bearer(token).header("x-forwarded-for", address_of(token))
}
