//! `examples/mtls`, done as its README says.

use std::process::Command;

use tollgate_support::{Built, ControlPlane, Envoy, Example, Upstream, free_port};

#[tokio::test(flavor = "multi_thread")]
async fn callers_known_by_their_certificates() {
    let (built, folder) = (Built::find().unwrap(), tempfile::tempdir().unwrap());
    let certificates = folder.path().display().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/mtls/certificates.sh");
    assert!(Command::new("sh").args([script, &certificates]).status().unwrap().success());

    let (upstream, port) = (Upstream::start().await.unwrap(), free_port().unwrap());
    let example = Example::of("mtls")
        .port(8443, port)
        .port(9000, upstream.port())
        .variable("CERTIFICATES", &certificates);
    let config = example.file("tollgate.yaml").unwrap();
    let config = config.replace("certificates/", &format!("{certificates}/"));
    let control_plane = ControlPlane::start(&built, &config).await.unwrap();
    let mut envoy = Envoy::start(&built.envoy, control_plane.xds()).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(([127, 0, 0, 1], port).into()).await.unwrap();
    assert_eq!(example.follow(&built).await.unwrap(), 14);
}
