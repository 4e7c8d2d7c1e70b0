//! What Envoy is told of TLS, and when it is told again.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::common_tls_context::ValidationContextType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::downstream_tls_context::SessionTicketKeysType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::secret::Type;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    DownstreamTlsContext, Secret,
};
use prost::Message as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tollgate_model::{Loaded, Reference, Source};
use tollgate_xds::{Deployment, Kind, Snapshot, translate};

/// The files that a listener names: certificate, key and authority.
#[derive(Clone)]
struct Files([String; 3]);

fn files() -> Files {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&KeyPair::generate().unwrap()).unwrap();
    Files([leaf.pem(), key.serialize_pem(), authority.pem()])
}

fn snapshot(tls: &str, files: &Files) -> Snapshot {
    let file = format!(
        "
listeners:
  plain: {{ address: 127.0.0.1:8080 }}
  public: {{ address: 127.0.0.1:8443, tls: {{ certificate: a.pem, key: a.key, {tls} }} }}
backends: {{ orders: {{ endpoints: [127.0.0.1:9000] }} }}
apis: {{ orders: {{ hosts: ['*'], routes: {{
  all: {{ match: {{ prefix: / }}, backend: orders, auth: none }} }} }} }}
"
    );
    let named = ["a.pem", "a.key", "ca.pem"].map(|name| Reference::File(name.to_owned()));
    let bytes = files.0.clone().map(|pem| Ok(pem.into_bytes()));
    let loaded = Loaded(named.into_iter().zip(bytes).collect());
    let source = Source { name: "t.yaml".to_owned(), bytes: file.into_bytes() };
    let gateway = tollgate_model::read(&[source]).unwrap().compile(&loaded).unwrap();
    translate(
        &gateway,
        &Deployment { module: "gateway.wasm".to_owned(), identity: None, sync: None, limits: None },
    )
}

fn context(snapshot: &Snapshot) -> DownstreamTlsContext {
    let body = &snapshot.get(Kind::Listener, "public").unwrap().body;
    let listener = Listener::decode(body.clone()).unwrap();
    let chain = &listener.filter_chains[0];
    assert_eq!(chain.transport_socket_connect_timeout.unwrap().seconds, 10);
    let socket = chain.transport_socket.clone().unwrap();
    let Some(ConfigType::TypedConfig(any)) = socket.config_type else { panic!("no context") };
    DownstreamTlsContext::decode(&*any.value).unwrap()
}

fn secret(snapshot: &Snapshot, name: &str) -> Type {
    let body = &snapshot.get(Kind::Secret, name).unwrap().body;
    Secret::decode(body.clone()).unwrap().r#type.unwrap()
}

const CLIENTS: &str = "client_ca: ca.pem, client_certificates: required";

#[test]
fn a_listener_names_its_secrets_and_holds_none() {
    let files = files();
    let snapshot = snapshot(CLIENTS, &files);
    let context = context(&snapshot);
    let common = context.common_tls_context.unwrap();
    assert_eq!(common.alpn_protocols, ["h2", "http/1.1"]);
    let parameters = common.tls_params.unwrap();
    assert_eq!(parameters.tls_minimum_protocol_version().as_str_name(), "TLSv1_2");
    assert_eq!(parameters.tls_maximum_protocol_version().as_str_name(), "TLSv1_3");
    assert!(common.tls_certificates.is_empty());
    assert_eq!(common.tls_certificate_sds_secret_configs[0].name, "certificate.public");
    let Some(ValidationContextType::ValidationContextSdsSecretConfig(authorities)) =
        common.validation_context_type
    else {
        panic!("nobody is verified");
    };
    assert_eq!(authorities.name, "authorities.public");
    assert!(context.require_client_certificate.unwrap().value);
    assert!(context.disable_stateful_session_resumption);
    assert_eq!(
        context.session_ticket_keys_type,
        Some(SessionTicketKeysType::DisableStatelessSessionResumption(true))
    );
    for (kind, name) in [(Kind::Listener, "public"), (Kind::Extension, "tollgate.public")] {
        let body = &snapshot.get(kind, name).unwrap().body;
        assert!(!body.windows(11).any(|bytes| bytes == b"PRIVATE KEY"), "{kind:?}");
    }
}

#[test]
fn secrets_hold_what_the_files_hold() {
    let files = files();
    let snapshot = snapshot(CLIENTS, &files);
    let Type::TlsCertificate(certificate) = secret(&snapshot, "certificate.public") else {
        panic!("no certificate");
    };
    let inline = |source: Option<_>| {
        let source: envoy_types::pb::envoy::config::core::v3::DataSource = source.unwrap();
        format!("{:?}", source.specifier.unwrap())
    };
    let is = |pem: &str| format!("InlineString({pem:?})");
    assert_eq!(inline(certificate.certificate_chain), is(&files.0[0]));
    assert_eq!(inline(certificate.private_key), is(&files.0[1]));
    let Type::ValidationContext(context) = secret(&snapshot, "authorities.public") else {
        panic!("no authorities");
    };
    assert_eq!(context.trust_chain_verification().as_str_name(), "VERIFY_TRUST_CHAIN");
    assert!(!context.allow_expired_certificate);
    assert_eq!(inline(context.trusted_ca), is(&files.0[2]));
}

#[test]
fn callers_are_asked_only_where_that_is_written() {
    let files = files();
    let asks = context(&snapshot("client_ca: ca.pem", &files));
    assert!(!asks.require_client_certificate.unwrap().value);
    assert!(asks.disable_stateful_session_resumption);
    let server_only = snapshot("min_version: \"1.3\"", &files);
    let context = context(&server_only);
    assert_eq!(context.require_client_certificate, None);
    assert!(context.common_tls_context.unwrap().validation_context_type.is_none());
    assert_eq!(
        server_only.of(Kind::Secret).map(|(name, _)| name).collect::<Vec<_>>(),
        ["certificate.public"]
    );
    let plain = server_only.get(Kind::Listener, "plain").unwrap();
    let plain = Listener::decode(plain.body.clone()).unwrap();
    assert_eq!(plain.filter_chains[0].transport_socket, None);
}

#[test]
fn http3_is_a_listener_of_its_own_of_which_the_other_tells() {
    let files = files();
    let snapshot = snapshot("http3: { port: 443 }", &files);
    let names: Vec<_> = snapshot.of(Kind::Listener).map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["plain", "public", "public.http3"]);
    let shown = |name: &str| {
        let body = &snapshot.get(Kind::Listener, name).unwrap().body;
        let listener = Listener::decode(body.clone()).unwrap();
        assert_eq!(listener.udp_listener_config.is_some(), name == "public.http3");
        String::from_utf8_lossy(body).into_owned()
    };
    let told = "h3=\":443\"; ma=86400";
    assert!(shown("public").contains(told));
    for name in ["plain", "public.http3"] {
        assert!(!shown(name).contains("alt-svc"), "{name}");
    }
    let version = |name: &str| snapshot.get(Kind::Listener, name).unwrap().version.clone();
    assert_ne!(version("public"), version("public.http3"));
}

/// Which resources have another version once one file is another.
fn changed(index: usize) -> BTreeSet<String> {
    let before = files();
    let mut after = before.clone();
    let other = files();
    after.0[index].clone_from(&other.0[index]);
    if index < 2 {
        // A certificate and its key belong together.
        after = Files([other.0[0].clone(), other.0[1].clone(), before.0[2].clone()]);
    }
    let (before, after) = (snapshot(CLIENTS, &before), snapshot(CLIENTS, &after));
    let all = Kind::ALL.into_iter().flat_map(|kind| after.of(kind).map(move |one| (kind, one)));
    let differs = all.filter(|(kind, (name, resource))| {
        before.get(*kind, name).is_none_or(|before| before.version != resource.version)
    });
    differs.map(|(kind, (name, _))| format!("{kind:?} {name}")).collect()
}

#[test]
fn a_new_file_is_sent_without_its_listener() {
    assert_eq!(changed(0), ["Secret certificate.public".to_owned()].into());
    assert_eq!(changed(2), ["Secret authorities.public".to_owned()].into());
}
