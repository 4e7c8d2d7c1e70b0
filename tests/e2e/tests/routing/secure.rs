use std::fs;
use std::path::Path;

use tollgate_support::{Authority, Certificate, Upstream, Wanted};

use super::{get, start};

fn put(folder: &Path, name: &str, certificate: &Certificate) {
    fs::write(folder.join(format!("{name}.pem")), &certificate.pem).unwrap();
    fs::write(folder.join(format!("{name}.key")), &certificate.key_pem).unwrap();
}

/// One way to reach a backend: its name, where it is, its TLS, and what else.
type Way<'a> = (&'a str, &'a Upstream, &'a str, &'a str);

fn backends(ways: &[Way<'_>], folder: &Path) -> String {
    let one = |(name, upstream, tls, more): &Way<'_>| {
        let tls = tls.replace("$FOLDER", &folder.display().to_string());
        format!("  {name}: {{ endpoints: [\"{}\"], tls: {{ {tls} }}{more} }}\n", upstream.address())
    };
    ways.iter().map(one).collect()
}

fn routes(ways: &[Way<'_>]) -> String {
    let one = |(name, ..): &Way<'_>| {
        format!(
            "      {name}: {{ match: {{ path: /{name} }}, backend: {name}, auth: {{ any_of: [api_key] }} }}\n"
        )
    };
    ways.iter().map(one).collect()
}

/// Whoever cannot prove to be the backend gets nothing.
#[tokio::test(flavor = "multi_thread")]
async fn backends_are_verified_by_authority_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new("ours").unwrap(), Authority::new("theirs").unwrap());
    fs::write(folder.path().join("ours.pem"), ours.pem()).unwrap();
    fs::write(folder.path().join("theirs.pem"), theirs.pem()).unwrap();
    let clients = Authority::new("clients").unwrap();
    put(
        folder.path(),
        "gateway",
        &clients.sign(&Wanted::client("spiffe://a/gateway").unwrap()).unwrap(),
    );
    put(
        folder.path(),
        "stranger",
        &theirs.sign(&Wanted::client("spiffe://a/gateway").unwrap()).unwrap(),
    );
    let shown = ours.sign(&Wanted::server().unwrap()).unwrap();
    let open = Upstream::secure(&shown, None).await.unwrap();
    let mutual = Upstream::secure(&shown, Some(&clients)).await.unwrap();

    let good = "ca: $FOLDER/ours.pem, server_name: localhost";
    let gateway = format!("{good}, certificate: $FOLDER/gateway.pem, key: $FOLDER/gateway.key");
    let stranger = format!("{good}, certificate: $FOLDER/stranger.pem, key: $FOLDER/stranger.key");
    let other_name = "ca: $FOLDER/ours.pem, server_name: orders.internal";
    let other_authority = "ca: $FOLDER/theirs.pem, server_name: localhost";
    let ways: [Way<'_>; 9] = [
        ("http1", &open, good, ""),
        ("http2", &open, good, ", protocol: http2"),
        ("tls13", &open, &format!("{good}, min_version: \"1.3\""), ""),
        ("mutual", &mutual, &gateway, ""),
        ("other-name", &open, other_name, ""),
        ("other-authority", &open, other_authority, ""),
        ("machine", &open, "server_name: localhost", ""),
        ("nothing-shown", &mutual, good, ""),
        ("stranger", &mutual, &stranger, ""),
    ];
    let gateway = start(&backends(&ways, folder.path()), &routes(&ways)).await;
    for (name, upstream, ..) in &ways {
        let (before, path) = (upstream.count(), format!("/{name}"));
        let answer = gateway.send(&get(&path)).await.unwrap();
        let is_good = ["http1", "http2", "tls13", "mutual"].contains(name);
        assert_eq!(answer.status, if is_good { 200 } else { 503 }, "{name}: {answer:?}");
        assert_eq!(upstream.count() - before, usize::from(is_good), "{name}");
    }
    let over_http2: Vec<_> = open.seen().iter().map(|seen| seen.http2).collect();
    assert_eq!(over_http2, [false, true, false]);
    gateway.never_trapped().await.unwrap();
}
