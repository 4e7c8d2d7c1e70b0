//! What a change of configuration changes for callers.

mod access;
mod budgets;
mod calls;
mod limits;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use tollgate_model::Gateway;

/// Everything that changes for callers.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Differences(pub Vec<Difference>);

/// One thing that changes for callers.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Difference {
    /// Of which hosts; empty if of all, or of none in particular.
    pub hosts: Vec<String>,
    /// What: `POST /orders now needs scope orders.write`.
    pub text: String,
}

/// Tells what callers of the new gateway find different from the old one.
pub fn diff(old: &Gateway, new: &Gateway) -> Differences {
    let whole = whole::diff(old, new).into_iter();
    let mut all: Vec<_> = whole.map(|text| Difference { hosts: Vec::new(), text }).collect();
    let hosts: BTreeSet<&String> = old.hosts.keys().chain(new.hosts.keys()).collect();
    // The same is told once, of all the hosts that it is true of.
    let mut order: Vec<String> = Vec::new();
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for host in hosts {
        for text in of_host(host, old, new) {
            let hosts = told.entry(text.clone()).or_insert_with(|| {
                order.push(text);
                Vec::new()
            });
            hosts.push(host.clone());
        }
    }
    all.extend(order.into_iter().map(|text| {
        let hosts = told.get(&text).cloned().unwrap_or_default();
        Difference { hosts, text }
    }));
    Differences(all)
}

fn of_host(host: &str, old: &Gateway, new: &Gateway) -> Vec<String> {
    match (old.hosts.get(host), new.hosts.get(host)) {
        (Some(_), None) => vec!["the host is gone, with all that it offered".to_owned()],
        (before, Some(after)) => {
            let before = before.map(Vec::as_slice).unwrap_or_default();
            let mut texts = calls::diff(&calls::calls(before, old), &calls::calls(after, new));
            texts.extend(limits::of_apis(before, after, old, new));
            texts
        }
        (None, None) => Vec::new(),
    }
}

// === impl Differences ===

/// What holds for all, then each set of hosts with what is different about it.
impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(all) = self;
        if all.is_empty() {
            return writeln!(f, "nothing changes for callers");
        }
        let mut groups: Vec<(&[String], Vec<&str>)> = Vec::new();
        for Difference { hosts, text } in all {
            match groups.iter_mut().find(|(known, _)| known == hosts) {
                Some((_, texts)) => texts.push(text),
                None => groups.push((hosts, vec![text])),
            }
        }
        for (hosts, texts) in groups {
            let indent = if hosts.is_empty() { "" } else { "  " };
            if !hosts.is_empty() {
                writeln!(f, "{}:", hosts.join(", "))?;
            }
            texts.iter().try_for_each(|text| writeln!(f, "{indent}{text}"))?;
        }
        Ok(())
    }
}
