//! Runs a conversation that is written down.
//!
//! ```text
//! = clusters a=1 b=1*700000 | routes l=1(a b)    the snapshot, as a whole
//! > clusters +a -b has c=1                       a request
//! > clusters ack 1                               a verdict on response 1
//! > clusters nack 1 no such thing
//! @ 5000                                         milliseconds have passed
//! < 1 clusters a=1 b=1 -c                        a response
//! ! acked clusters a=1 -c                        an event
//! ! refused clusters a=1: no such thing
//! ```
//!
//! `a=1*700000` is a resource with a body of 700,000 bytes, `l=1(a b)` one that
//! needs two clusters.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use envoy_types::pb::google::rpc::Status;
use tollgate_xds::delta::{Event, Named, Response, Stream};
use tollgate_xds::{Kind, Resource, Snapshot};

/// Says every line that is not an answer, and compares the whole conversation.
#[track_caller]
pub(crate) fn check(script: &str) {
    let lines = || script.lines().map(str::trim).filter(|line| !line.is_empty());
    let said = lines().filter(|line| !line.starts_with(['<', '!']));
    let (mut session, mut heard) = (Session::default(), String::new());
    for line in said {
        writeln!(heard, "{line}").unwrap();
        session.say(line, &mut heard);
    }
    let expected: String = lines().flat_map(|line| [line, "\n"]).collect();
    assert!(heard == expected, "expected:\n{expected}\nheard:\n{heard}");
}

struct Session {
    stream: Stream,
    now: Duration,
}

impl Default for Session {
    fn default() -> Self {
        Self { stream: Stream::new(Arc::default()), now: Duration::ZERO }
    }
}

impl Session {
    fn say(&mut self, line: &str, heard: &mut String) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "=" => self.stream.on_snapshot(Arc::new(snapshot(rest))),
            "@" => self.now = Duration::from_millis(rest.parse().unwrap()),
            ">" => {
                if let Some(event) = self.stream.on_request(request(rest), self.now) {
                    writeln!(heard, "! {}", event_line(event)).unwrap();
                }
            }
            _ => panic!("{line:?} is not a line of a conversation"),
        }
        while let Some(response) = self.stream.next(self.now) {
            writeln!(heard, "< {}", response_line(&response)).unwrap();
        }
        let deadline = self.stream.deadline();
        assert!(deadline.is_none_or(|deadline| self.now < deadline), "a deadline in the past");
    }
}

pub(crate) fn snapshot(text: &str) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for part in text.split('|').map(str::trim).filter(|part| !part.is_empty()) {
        let (kind, resources) = part.split_once(' ').unwrap_or((part, ""));
        let entries = split(resources).into_iter().map(|entry| resource(&entry));
        let kind = from_name(kind);
        snapshot.extend(entries.map(|(name, resource)| (kind, name, resource)));
    }
    snapshot
}

/// Words, of which those in parentheses belong to the one before.
fn split(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if last.contains('(') && !last.ends_with(')') => {
                write!(last, " {word}").unwrap();
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn resource(text: &str) -> (String, Resource) {
    let (name, rest) = text.split_once('=').unwrap();
    let (rest, needs) = rest.trim_end_matches(')').split_once('(').unwrap_or((rest, ""));
    let (version, size) = rest.split_once('*').unwrap_or((rest, "1"));
    let body = Bytes::from(vec![0; size.parse().unwrap()]);
    let needs = needs.split_whitespace().map(str::to_owned).collect();
    let version = version.to_owned();
    (name.to_owned(), Resource { version, body, needs, ..Resource::default() })
}

pub(crate) fn request(text: &str) -> DeltaDiscoveryRequest {
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap();
    let url = if kind.contains('/') { kind } else { from_name(kind).type_url() };
    let mut request =
        DeltaDiscoveryRequest { type_url: url.to_owned(), ..DeltaDiscoveryRequest::default() };
    while let Some(word) = words.next() {
        match word {
            "ack" => request.response_nonce = words.next().unwrap().to_owned(),
            "nack" => {
                request.response_nonce = words.next().unwrap().to_owned();
                let message = words.by_ref().collect::<Vec<_>>().join(" ");
                request.error_detail = Some(Status { message, ..Status::default() });
            }
            "has" => {
                let pairs = words.by_ref().filter_map(|word| word.split_once('='));
                request.initial_resource_versions =
                    pairs.map(|(name, version)| (name.to_owned(), version.to_owned())).collect();
            }
            _ => match word.split_at(1) {
                ("+", name) => request.resource_names_subscribe.push(name.to_owned()),
                ("-", name) => request.resource_names_unsubscribe.push(name.to_owned()),
                _ => panic!("{word:?} is not a part of a request"),
            },
        }
    }
    request
}

fn response_line(response: &Response) -> String {
    let Response { nonce, type_url, resources, removed_resources } = response;
    let mut line = format!("{nonce} {}", name_of(Kind::from_type_url(type_url).unwrap()));
    for entry in resources {
        write!(line, " {}={}", entry.name, entry.version).unwrap();
    }
    line + &minus(removed_resources)
}

fn event_line(event: Event) -> String {
    match event {
        Event::Acked { kind, resources, removed } => {
            let resources: String = resources.iter().map(plus).collect();
            format!("acked {}{resources}{}", name_of(kind), minus(&removed))
        }
        Event::Refused { kind, message, resource } => {
            let resource = resource.as_ref().map(plus).unwrap_or_default();
            format!("refused {}{resource}: {message}", name_of(kind))
        }
        _ => panic!("a new kind of event"),
    }
}

fn plus(named: &Named) -> String {
    format!(" {}={}", named.name, named.version)
}

fn minus(names: &[String]) -> String {
    names.iter().map(|name| format!(" -{name}")).collect()
}

const NAMES: [(&str, Kind); 7] = [
    ("clusters", Kind::Cluster),
    ("endpoints", Kind::Endpoints),
    ("secrets", Kind::Secret),
    ("extensions", Kind::Extension),
    ("listeners", Kind::Listener),
    ("scopes", Kind::Scopes),
    ("routes", Kind::Routes),
];

fn from_name(name: &str) -> Kind {
    NAMES.into_iter().find(|(known, _)| *known == name).unwrap().1
}

pub(crate) fn name_of(kind: Kind) -> &'static str {
    NAMES.into_iter().find(|(_, known)| *known == kind).unwrap().0
}
