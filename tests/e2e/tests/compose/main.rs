//! The stack of `envoy/docker-compose.yaml`, which `scripts/compose.py test` has
//! started: what its quick start promises, what its containers may do, and what
//! callers see while parts of it fail.
//!
//! Tests run one after another, since they share the stack.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod callers;
mod faults;
mod network;
mod report;
mod stack;

use std::process::Command;

use serde_json::json;

use crate::stack::Stack;

const QUICK_START: &str = include_str!("../../../../examples/quickstart/README.md");

#[test]
#[ignore = "needs the stack: make test-compose"]
fn the_quick_start_works_as_written() {
    let stack = Stack::find();
    let commands = commands(QUICK_START);
    assert_eq!(commands.len(), 7, "{commands:?}");
    for (expected, command) in commands {
        let at_stack = command
            .replace("127.0.0.1:8080", &stack.gateway().to_string())
            .replace("curl -i", "curl -si");
        let done = Command::new("sh").args(["-c", &at_stack]).current_dir(stack::root()).output();
        let printed = String::from_utf8(done.unwrap().stdout).unwrap();
        let is_status = |line: &&str| line.starts_with("HTTP/1.1 ");
        let last = printed.lines().rfind(is_status).unwrap_or_default();
        assert!(last.starts_with(&format!("HTTP/1.1 {expected}")), "{command}\n{printed}");
    }
}

/// What a reader is told to type, each with the status that the remark above it names.
fn commands(readme: &str) -> Vec<(String, String)> {
    let (_, block) = readme.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let steps = block.split("\n\n").filter(|step| step.starts_with("# "));
    let read = |step: &str| {
        let (remark, command) = step.split_once('\n').unwrap();
        let mut words = remark.split(|c: char| !c.is_ascii_digit());
        let status = words.rfind(|word| word.len() == 3).unwrap_or("200");
        (status.to_owned(), command.to_owned())
    };
    steps.map(read).collect()
}

#[test]
#[ignore = "needs the stack: make test-compose"]
fn containers_may_do_little_and_are_reached_nowhere_else() {
    let stack = Stack::find();
    let mut published = Vec::new();
    for service in stack.services() {
        let container = stack.inspect(&service);
        let at = |path: &str| container.pointer(path).cloned().unwrap_or_default();
        assert_eq!(at("/HostConfig/ReadonlyRootfs"), true, "{service}");
        assert_eq!(at("/HostConfig/CapDrop"), json!(["ALL"]), "{service}");
        assert_eq!(at("/HostConfig/SecurityOpt"), json!(["no-new-privileges:true"]), "{service}");
        assert_eq!(at("/HostConfig/Privileged"), false, "{service}");
        assert_eq!(at("/Config/User"), "65532:65532", "{service}");
        let ports = at("/NetworkSettings/Ports");
        let open = ports.as_object().into_iter().flatten().filter(|(_, hosts)| !hosts.is_null());
        for (port, hosts) in open {
            let hosts: Vec<_> =
                hosts.as_array().unwrap().iter().map(|host| &host["HostIp"]).collect();
            assert_eq!(hosts, ["127.0.0.1"], "{service} {port}");
            published.push(format!("{service} {port}"));
        }
        let networks = at("/NetworkSettings/Networks");
        for (network, _) in networks.as_object().into_iter().flatten() {
            let is_edge = network.ends_with("_edge");
            assert!(service == "envoy" || !is_edge, "{service} is in {network}");
        }
    }
    published.sort();
    assert_eq!(published, ["envoy 8080/tcp", "envoy 8080/udp", "envoy 9901/tcp"]);
}

/// Everything else is gone with its container, and no file of this machine can be written.
#[test]
#[ignore = "needs the stack: make test-compose"]
fn what_is_kept_is_in_volumes() {
    let stack = Stack::find();
    let mut kept = Vec::new();
    for service in stack.services() {
        let container = stack.inspect(&service);
        for mount in container["Mounts"].as_array().unwrap() {
            match mount["Type"].as_str() {
                Some("volume") => {
                    let name = mount["Name"].as_str().unwrap().rsplit('_').next().unwrap();
                    kept.push(format!(
                        "{service} {name} {}",
                        mount["Destination"].as_str().unwrap()
                    ));
                }
                _ => assert_eq!(mount["RW"], false, "{service}: {mount}"),
            }
        }
    }
    kept.sort();
    let expected = [
        "postgres database /var/lib/postgresql/data",
        "prometheus metrics /prometheus",
        "relay relay /var/lib/tollgate",
    ];
    assert_eq!(kept, expected);
}

#[test]
#[ignore = "needs the stack: make test-compose"]
fn nobody_but_envoy_reaches_or_is_reached_from_outside() {
    let stack = Stack::find();
    for name in ["relay", "control", "backends", "database", "cache", "identity", "metrics"] {
        assert_eq!(stack.network(name)["Internal"], true, "{name}");
    }
    assert_eq!(stack.network("edge")["Internal"], false);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stack: make test-compose"]
async fn what_only_reads_of_the_admin_interface_is_reached() {
    let stack = Stack::find();
    for (method, path, expected) in [
        ("GET", "/ready", 200),
        ("GET", "/stats?filter=wasm", 200),
        ("GET", "/stats/prometheus", 200),
        ("GET", "/config_dump", 404),
        ("POST", "/quitquitquit", 404),
        ("POST", "/stats", 404),
    ] {
        let call = tollgate_support::Call::new(method, "localhost", path);
        let answer = call.send(stack.admin()).await.unwrap();
        assert_eq!(answer.status, expected, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stack: make test-compose"]
async fn prometheus_has_what_the_filters_count() {
    let stack = Stack::find();
    let query = "exec 3<>/dev/tcp/127.0.0.1/9090; printf 'GET /api/v1/query?query=envoy_server_live \
                 HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n' >&3; \
                 read -r -d '' answer <&3; echo \"$answer\"";
    // It asks every few seconds.
    tollgate_support::eventually(
        "Prometheus knows that Envoy lives",
        stack::PATIENCE,
        async || {
            let answer = stack.exec("prometheus", &["bash", "-c", query]);
            answer.contains(r#""value":["#).then_some(())
        },
    )
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stack: make test-compose"]
async fn what_callers_see_when_parts_fail() {
    let stack = Stack::find();
    let mut report = report::Report::default();
    for fault in faults::all() {
        fault.run(&stack, &mut report).await.unwrap();
    }
    faults::everybody_is_served(&stack, "the last").await.unwrap();
    report.write(&stack::root().join("target/compose/report.md")).unwrap();
    assert_eq!(report.surprises(), Vec::<String>::new());
}
