//! What becomes of the packets between two containers. Each pair has a network
//! of its own, so it is done to one end's interface in that network.

use std::process::Command;

use crate::stack::{Stack, run};

/// What a network does to packets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// None arrives, and nobody is told.
    Cut,
    /// They arrive 200 ms later.
    Delay,
    /// One in twenty is lost.
    Loss,
}

/// One end of a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) service: &'static str,
    pub(crate) network: &'static str,
}

// === impl End ===

impl End {
    /// Begins, and tells by what means.
    pub(crate) fn begin(self, stack: &Stack, trouble: Trouble) -> &'static str {
        let (process, device) = self.place(stack);
        let netem = |what: &[&str]| has_netem(&process, &device, what);
        match trouble {
            Trouble::Cut => {
                drop_packets(&process, &device, &[]);
                "iptables"
            }
            Trouble::Delay if netem(&["delay", "200ms"]) => "tc netem, 200 ms",
            // Without netem in the kernel: a line on which packets wait for each other.
            Trouble::Delay => {
                let line = ["rate", "64kbit", "burst", "1600", "latency", "2s"];
                inside(&process, &[&queue(&device)[..], &["tbf"], &line].concat());
                "tc tbf, 64 kbit/s"
            }
            Trouble::Loss if netem(&["loss", "5%"]) => "tc netem, 5 %",
            Trouble::Loss => {
                let which = ["-m", "statistic", "--mode", "random", "--probability", "0.05"];
                drop_packets(&process, &device, &which);
                "iptables, 5 %"
            }
        }
    }

    pub(crate) fn end(self, stack: &Stack) {
        let (process, device) = self.place(stack);
        inside(&process, &["iptables", "--flush", "INPUT"]);
        inside(&process, &["iptables", "--flush", "OUTPUT"]);
        // There is none unless it was slow.
        tries(&process, &["tc", "qdisc", "del", "dev", &device, "root"]);
    }

    /// The process whose network it is, and the interface.
    fn place(self, stack: &Stack) -> (String, String) {
        let container = stack.inspect(self.service);
        let process = container.pointer("/State/Pid").unwrap().to_string();
        let networks = container.pointer("/NetworkSettings/Networks").unwrap().as_object().unwrap();
        let ours = networks.iter().find(|(name, _)| name.ends_with(&format!("_{}", self.network)));
        let address = ours.unwrap().1.pointer("/IPAddress").unwrap().as_str().unwrap().to_owned();
        let listed = inside(&process, &["ip", "-oneline", "-family", "inet", "address"]);
        let line = listed.lines().find(|line| line.contains(&format!(" {address}/"))).unwrap();
        (process, line.split_whitespace().nth(1).unwrap().to_owned())
    }
}

fn drop_packets(process: &str, device: &str, which: &[&str]) {
    for (chain, option) in [("INPUT", "-i"), ("OUTPUT", "-o")] {
        let rule = ["iptables", "--append", chain, option, device];
        inside(process, &[&rule[..], which, &["--jump", "DROP"]].concat());
    }
}

/// Whether the kernel knows it; then it is done.
fn has_netem(process: &str, device: &str, what: &[&str]) -> bool {
    tries(process, &[&queue(device)[..], &["netem"], what].concat())
}

fn queue(device: &str) -> [&str; 6] {
    ["tc", "qdisc", "add", "dev", device, "root"]
}

fn inside(process: &str, command: &[&str]) -> String {
    run("nsenter", &[&["--target", process, "--net"], command].concat())
}

fn tries(process: &str, command: &[&str]) -> bool {
    let mut nsenter = Command::new("nsenter");
    let done = nsenter.args(["--target", process, "--net"]).args(command).output();
    done.unwrap().status.success()
}
