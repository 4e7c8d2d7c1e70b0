//! Files that are no configuration.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tollgate_e2e::{Gateway, HOST, fill_in, revision};
use tollgate_support::{Built, Call, ControlPlane, Envoy, Upstream, eventually, free_port};

use super::{PATIENCE, free_address, is_served, is_served_soon};

/// What is written, and what is said of it.
fn garbage() -> Vec<(Vec<u8>, &'static str)> {
    let unended = revision("unended");
    let (half, _) = unended.split_at(unended.find("apis:").unwrap());
    // Of each it is said, also where the same was said of the one before it.
    vec![
        ((0..=255).cycle().take(100_000).collect(), "is not UTF-8"),
        (vec![0; 100_000], "not YAML: found unprintable character"),
        (vec![b'['; 1_000_000], "not YAML: recursion limit exceeded"),
        (b"- ".repeat(200_000), "values nest more than"),
        (b"{a: ".repeat(200_000), "not YAML: recursion limit exceeded"),
        (doubled(60).into_bytes(), "values, aliases included"),
        (b"a: &a { b: *a }".to_vec(), "the alias refers to a value that it is part of"),
        (Vec::new(), "the file is empty"),
        (b"# nothing\n".to_vec(), "the file is empty"),
        (format!("{half}apis: {{}}\n").into_bytes(), "there is none; write one with a host"),
        (b"# much\n".repeat(8_000_000), "bytes are more than"),
        (half.as_bytes().to_vec(), "there is none; write one with a host"),
    ]
}

/// A few lines that come to more values than there is memory for.
fn doubled(times: usize) -> String {
    let mut text = "a0: &a0 [x, x]\n".to_owned();
    for (before, number) in (0..times).zip(1..times) {
        writeln!(text, "a{number}: &a{number} [*a{before}, *a{before}]").unwrap();
    }
    text
}

/// Whole, as an editor would.
fn write(path: &Path, bytes: &[u8]) {
    let draft = path.with_file_name(".draft");
    fs::write(&draft, bytes).unwrap();
    fs::rename(draft, path).unwrap();
}

/// Each is told of, and neither what is served nor the process has changed.
async fn changes_nothing(gateway: &mut Gateway, file: &Path, garbage: Vec<(Vec<u8>, &str)>) {
    let before = gateway.control_plane.process().unwrap().usage().unwrap().resident_bytes;
    for (bytes, words) in garbage {
        let told = |log: &str| log.lines().filter(|line| line.contains(words)).count();
        let already = told(&gateway.control_plane.log());
        write(file, &bytes);
        eventually(&format!("{words:?} is told"), PATIENCE, async || {
            (already < told(&gateway.control_plane.log())).then_some(())
        })
        .await
        .unwrap();
        is_served(gateway, "first").await;
    }
    let process = gateway.control_plane.process().unwrap();
    process.still_running().unwrap();
    let after = process.usage().unwrap().resident_bytes;
    println!("resident: {before} bytes before, {after} after");
    assert!(after.saturating_sub(before) < RESIDENT_MORE_MAX, "{before} {after}");
}

/// What is kept of the largest file, several times over.
const RESIDENT_MORE_MAX: u64 = 200 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_garbage_changes_nothing() {
    let mut gateway = Gateway::start(&revision("first")).await.unwrap();
    let file = gateway.control_plane.config_path().to_owned();
    changes_nothing(&mut gateway, &file, garbage()).await;
    // Neither does one that is gone.
    fs::remove_file(&file).unwrap();
    is_served(&gateway, "first").await;
    gateway.write(&revision("second")).unwrap();
    is_served_soon(&gateway, "second").await;
    gateway.never_trapped().await.unwrap();
}

/// So many that files are followed one by one.
fn many_routes() -> String {
    let mut text = format!("apis:\n  many:\n    hosts: [{HOST}]\n    routes:\n");
    for number in 0..1000 {
        let route = format!("match: {{ path: /many/{number} }}, backend: echo, auth: none");
        writeln!(text, "      r{number}: {{ {route} }}").unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_garbage_among_others_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (upstream, address) = (Upstream::start().await.unwrap(), free_address());
    let [general, many] = ["general.yaml", "many.yaml"].map(|name| folder.path().join(name));
    let first = fill_in(&revision("first"), address, &upstream);
    write(&general, first.as_bytes());
    write(&many, many_routes().as_bytes());
    let built = Built::find().unwrap();
    let control_plane =
        ControlPlane::of_file(free_port().unwrap(), &built, folder.path()).await.unwrap();
    let mut envoy = Envoy::start(&built.envoy, control_plane.xds()).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    let mut gateway = Gateway { upstream, control_plane, envoy, address };
    is_served(&gateway, "first").await;

    let unfit = garbage().into_iter().filter(|(_, words)| !words.contains("there is none"));
    let gone = (b"apis: {}\n".to_vec(), "1000 of 1001 routes would be gone");
    changes_nothing(&mut gateway, &many, unfit.chain([gone]).collect()).await;
    let one = Call::get(HOST, "/many/999");
    assert_eq!(gateway.send(&one).await.unwrap().status, 200);

    // What is good again is followed again.
    write(&many, many_routes().as_bytes());
    let second = fill_in(&revision("second"), address, &gateway.upstream);
    write(&general, second.as_bytes());
    is_served_soon(&gateway, "second").await;
    assert_eq!(gateway.send(&one).await.unwrap().status, 200);
    gateway.never_trapped().await.unwrap();
}
