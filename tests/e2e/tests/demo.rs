//! What `make run` prints is what its reader gets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use tollgate_support::{Answer, Built, Call, Example, Process, eventually, free_port};

const PATIENCE: Duration = Duration::from_mins(2);

fn demo(ports: [u16; 4]) -> Process {
    let program = Built::find().unwrap().tollgate.with_file_name("demo");
    assert!(program.exists(), "run `cargo build -p tollgate-support --bins` first");
    let mut command = Command::new(program);
    let variables = ["PORT", "BACKEND_PORT", "ADMIN_PORT", "XDS_PORT"];
    command.envs(variables.into_iter().zip(ports.map(|port| port.to_string())));
    Process::start("the demo", command, tempfile::tempdir().unwrap()).unwrap()
}

async fn is_up(demo: &mut Process) {
    eventually("the demo is up", PATIENCE, async || {
        demo.still_running().unwrap();
        demo.stdout().contains("for i in").then_some(())
    })
    .await
    .unwrap();
}

fn free_ports() -> [u16; 4] {
    [(); 4].map(|()| free_port().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_lines_give_what_is_printed() {
    let ports = free_ports();
    let mut demo = demo(ports);
    is_up(&mut demo).await;
    let gateway = SocketAddr::from((Ipv4Addr::LOCALHOST, ports[0]));
    let text = demo.stdout();
    let token = text.lines().find_map(|line| line.strip_prefix("TOKEN=")).unwrap();
    let (mut expected, mut tried) = ("", Vec::new());
    for line in text.lines() {
        if let Some(remark) = line.strip_prefix("# ") {
            expected = remark.split(':').next().unwrap();
        } else if let Some((_, curl)) = line.split_once("curl -i ") {
            let answer = run(&curl.replace("$TOKEN", token), line, gateway).await;
            assert_eq!(answer.status.to_string(), expected, "{line}: {answer:?}");
            tried.push(expected);
        }
    }
    assert_eq!(tried, ["200", "401", "403", "200", "429"], "{text}");
    // Nothing of it outlives the test.
    drop(demo);
    for port in ports {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_of_the_manual_prints_what_it_says() {
    let ports = free_ports();
    let mut demo = demo(ports);
    is_up(&mut demo).await;
    let page = Example::at("docs").page("quickstart.md").port(8080, ports[0]);
    assert_eq!(page.follow(&Built::find().unwrap()).await.unwrap(), 5);
}

/// Does what `curl` would; a line with a loop is done four times.
async fn run(curl: &str, line: &str, gateway: SocketAddr) -> Answer {
    let words: Vec<&str> = curl.split(['\'', '"']).collect();
    let method = if curl.contains("-X POST") { "POST" } else { "GET" };
    let url = curl.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    assert_eq!(host, gateway.to_string(), "{line}");
    let mut call = Call::new(method, host, &format!("/{path}"));
    for header in words.iter().skip(1).step_by(2) {
        let (name, value) = header.split_once(": ").unwrap();
        call = call.header(name, value);
    }
    let mut answer = call.send(gateway).await.unwrap();
    for _ in 1..if line.starts_with("for i in 1 2 3 4;") { 4 } else { 1 } {
        assert_eq!(answer.status, 200, "{line}: {answer:?}");
        answer = call.send(gateway).await.unwrap();
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_everything() {
    let ports = free_ports();
    let mut demo = demo(ports);
    is_up(&mut demo).await;
    signal("INT", &[demo.id()]);
    let status = eventually("the demo ends", PATIENCE, async || demo.ended()).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", demo.stderr());
    for port in ports {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_ends_ends_the_rest_and_is_named() {
    let ports = free_ports();
    let mut demo = demo(ports);
    is_up(&mut demo).await;
    let children = children(demo.id());
    assert_eq!(children.len(), 2);
    signal("KILL", &children[..1]);
    let status = eventually("the demo ends", PATIENCE, async || demo.ended()).await.unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(demo.stderr().contains("the control plane ended (signal: 9"), "{}", demo.stderr());
    for port in ports {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}

fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    let done = Command::new("sh").arg("-c").arg(format!("kill -{name} {processes}")).status();
    assert!(done.unwrap().success());
}

/// In the order in which they were started.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut children: Vec<u32> = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| {
            let status = std::fs::read_to_string(format!("/proc/{process}/status"));
            status.unwrap_or_default().contains(&format!("\nPPid:\t{parent}\n"))
        })
        .collect();
    children.sort_unstable();
    children
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_with_the_remedy() {
    let ports = free_ports();
    let variables = ["PORT", "BACKEND_PORT", "ADMIN_PORT", "XDS_PORT"];
    for (port, variable) in ports.into_iter().zip(variables) {
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut demo = demo(ports);
        let status = eventually("the demo ends", PATIENCE, async || demo.ended()).await.unwrap();
        assert_eq!(status.code(), Some(1));
        let (error, remedy) = (demo.stderr(), format!("make run {variable}="));
        assert!(error.contains(&format!("port {port} is taken")), "{error}");
        assert!(error.contains(&remedy), "{error}");
    }
}
