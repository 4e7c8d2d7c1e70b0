//! Envoy, as far as a delta stream can tell.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use envoy_types::pb::google::rpc::Status;
use tollgate_xds::delta::{Event, Response, Stream};
use tollgate_xds::{Kind, Snapshot};

/// Versions that begin with a 4 are refused, wherever they are.
pub(crate) fn is_bad(version: &str) -> bool {
    version.starts_with('4')
}

/// A version is a number and then the clusters that the resource needs.
pub(crate) fn needs_of(version: &str) -> Vec<String> {
    version.split(' ').skip(1).map(str::to_owned).collect()
}

pub(crate) struct Envoy {
    stream: Stream,
    now: Duration,
    requests: VecDeque<DeltaDiscoveryRequest>,
    responses: VecDeque<Response>,
    /// Whether it takes what is good of a response with something bad in it.
    applies_partly: bool,
    pub(crate) has: BTreeMap<Kind, BTreeMap<String, String>>,
    /// What it asked for by name on this stream.
    asked: BTreeMap<Kind, BTreeSet<String>>,
    /// Clusters without endpoints since they were sent last.
    warming: BTreeSet<String>,
    /// Responses with clusters, whose ACK waits for these to be warm.
    unacked: Vec<(String, Vec<String>)>,
    /// The version of each resource that was refused by itself.
    refused: BTreeMap<(Kind, String), String>,
    /// How many responses had gone out when the server read that a name is asked for.
    questions: BTreeMap<(String, String), u64>,
    sent: u64,
}

impl Envoy {
    pub(crate) fn new(applies_partly: bool) -> Self {
        let mut envoy = Self {
            stream: Stream::new(Arc::default()),
            now: Duration::ZERO,
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            applies_partly,
            has: Kind::ALL.map(|kind| (kind, BTreeMap::new())).into(),
            asked: BTreeMap::new(),
            warming: BTreeSet::new(),
            unacked: Vec::new(),
            refused: BTreeMap::new(),
            questions: BTreeMap::new(),
            sent: 0,
        };
        envoy.reconnect(&Snapshot::default());
        envoy
    }

    pub(crate) fn commit(&mut self, snapshot: &Snapshot) {
        self.stream.on_snapshot(Arc::new(snapshot.clone()));
    }

    /// Asks for all that it wants, and says what it has.
    pub(crate) fn reconnect(&mut self, snapshot: &Snapshot) {
        self.stream = Stream::new(Arc::new(snapshot.clone()));
        self.requests.clear();
        self.responses.clear();
        self.unacked.clear();
        self.refused.clear();
        self.questions.clear();
        self.sent = 0;
        self.now = Duration::ZERO;
        for kind in Kind::ALL {
            let is_by_name = !matches!(kind, Kind::Cluster | Kind::Listener | Kind::Scopes);
            let names = if is_by_name { self.wanted(kind) } else { BTreeSet::new() };
            self.asked.insert(kind, names.clone());
            if !is_by_name || !names.is_empty() {
                self.requests.push_back(DeltaDiscoveryRequest {
                    resource_names_subscribe: names.into_iter().collect(),
                    initial_resource_versions: self.has[&kind].clone().into_iter().collect(),
                    ..request(kind)
                });
            }
        }
    }

    fn wanted(&self, kind: Kind) -> BTreeSet<String> {
        let owners: &[Kind] = match kind {
            Kind::Endpoints => &[Kind::Cluster],
            Kind::Routes => &[Kind::Listener, Kind::Scopes],
            _ => &[Kind::Listener],
        };
        owners.iter().flat_map(|owner| self.has[owner].keys().cloned()).collect()
    }

    pub(crate) fn wants(&self, kind: Kind, name: &str) -> bool {
        matches!(kind, Kind::Cluster | Kind::Listener | Kind::Scopes)
            || self.wanted(kind).contains(name)
    }

    pub(crate) fn server_sends(&mut self) -> bool {
        let response = self.stream.next(self.now);
        let is_sent = response.is_some();
        self.sent += u64::from(is_sent);
        self.responses.extend(response);
        is_sent
    }

    pub(crate) fn server_reads(&mut self) -> bool {
        let Some(request) = self.requests.pop_front() else { return false };
        for name in &request.resource_names_subscribe {
            self.questions.insert((request.type_url.clone(), name.clone()), self.sent);
        }
        let event = self.stream.on_request(request, self.now);
        if let Some(Event::Refused { resource: Some(resource), .. }) = event {
            assert!(is_bad(&resource.version), "{resource:?} is blamed for another");
        }
        true
    }

    pub(crate) fn reads(&mut self) -> bool {
        let Some(mut response) = self.responses.pop_front() else { return false };
        let kind = Kind::from_type_url(&response.type_url).unwrap();
        let is_lone = response.resources.len() == 1;
        // What it stopped asking for in the meantime it passes over.
        response.resources.retain(|entry| self.wants(kind, &entry.name));
        self.assert_new(kind, &response);
        let bad = response.resources.iter().any(|entry| is_bad(&entry.version));
        if kind == Kind::Endpoints || !bad {
            self.apply(kind, &response, |_| true);
            self.accept(kind, response);
        } else {
            if self.applies_partly {
                self.apply(kind, &response, |version| !is_bad(version));
            }
            self.refuse(kind, response, is_lone);
        }
        self.ack_warm_clusters();
        true
    }

    fn assert_new(&mut self, kind: Kind, response: &Response) {
        let names: BTreeSet<_> = response.resources.iter().map(|entry| &entry.name).collect();
        assert_eq!(names.len(), response.resources.len(), "a name twice in {response:?}");
        for entry in &response.resources {
            let refused = self.refused.remove(&(kind, entry.name.clone()));
            assert_ne!(
                refused.as_ref(),
                Some(&entry.version),
                "{kind:?} {} is offered again",
                entry.name
            );
        }
    }

    fn apply(&mut self, kind: Kind, response: &Response, is_good: impl Fn(&str) -> bool) {
        for entry in response.resources.iter().filter(|entry| is_good(&entry.version)) {
            self.has.get_mut(&kind).unwrap().insert(entry.name.clone(), entry.version.clone());
            match kind {
                Kind::Cluster => {
                    self.warming.insert(entry.name.clone());
                    self.subscribe(&[Kind::Endpoints], &entry.name);
                }
                Kind::Listener => {
                    self.subscribe(&[Kind::Secret, Kind::Extension, Kind::Routes], &entry.name);
                }
                Kind::Scopes => self.subscribe(&[Kind::Routes], &entry.name),
                Kind::Endpoints => _ = self.warming.remove(&entry.name),
                _ => {}
            }
        }
        for name in &response.removed_resources {
            let is_answer =
                self.questions.contains_key(&(kind.type_url().to_owned(), name.clone()));
            let is_kept = matches!(kind, Kind::Endpoints | Kind::Secret | Kind::Extension);
            let takes_away = is_kept && !is_answer && self.has[&kind].contains_key(name);
            assert!(!takes_away, "{kind:?} {name} is taken away");
            self.remove(kind, name);
        }
        self.close_questions(response);
    }

    fn close_questions(&mut self, response: &Response) {
        let nonce = response.nonce.parse::<u64>().unwrap();
        let sent = response.resources.iter().map(|entry| &entry.name);
        for name in sent.chain(&response.removed_resources) {
            let question = (response.type_url.clone(), name.clone());
            if self.questions.get(&question).is_some_and(|sent| *sent < nonce) {
                self.questions.remove(&question);
            }
        }
    }

    fn remove(&mut self, kind: Kind, name: &str) {
        self.refused.remove(&(kind, name.to_owned()));
        if self.has.get_mut(&kind).unwrap().remove(name).is_none() {
            return;
        }
        match kind {
            Kind::Cluster => {
                self.warming.remove(name);
                self.unsubscribe(&[Kind::Endpoints], name);
            }
            Kind::Listener => {
                self.unsubscribe(&[Kind::Secret, Kind::Extension, Kind::Routes], name);
            }
            Kind::Scopes => self.unsubscribe(&[Kind::Routes], name),
            _ => {}
        }
    }

    /// It asks for a name when it is new to it, not when what names it changes.
    fn subscribe(&mut self, kinds: &[Kind], name: &str) {
        for kind in kinds {
            let asked = self.asked.entry(*kind).or_default();
            if asked.insert(name.to_owned()) {
                let resource_names_subscribe = vec![name.to_owned()];
                self.requests.push_back(DeltaDiscoveryRequest {
                    resource_names_subscribe,
                    ..request(*kind)
                });
            }
        }
    }

    fn unsubscribe(&mut self, kinds: &[Kind], name: &str) {
        for kind in kinds {
            self.asked.entry(*kind).or_default().remove(name);
            self.has.get_mut(kind).unwrap().remove(name);
            self.refused.remove(&(*kind, name.to_owned()));
            let resource_names_unsubscribe = vec![name.to_owned()];
            self.requests
                .push_back(DeltaDiscoveryRequest { resource_names_unsubscribe, ..request(*kind) });
        }
    }

    fn accept(&mut self, kind: Kind, response: Response) {
        if kind == Kind::Cluster {
            let names = response.resources.into_iter().map(|entry| entry.name).collect();
            self.unacked.push((response.nonce, names));
        } else {
            self.verdict(kind, response.nonce, None);
        }
    }

    fn refuse(&mut self, kind: Kind, response: Response, is_lone: bool) {
        if let [entry] = &*response.resources
            && is_lone
            && !self.awaits_answer(kind, &entry.name, &response.nonce)
        {
            self.refused.insert((kind, entry.name.clone()), entry.version.clone());
        }
        let error = Status { message: "bad".to_owned(), ..Status::default() };
        self.verdict(kind, response.nonce, Some(error));
    }

    /// Whether it asked for a name since the server sent this response.
    fn awaits_answer(&self, kind: Kind, name: &str, nonce: &str) -> bool {
        let question = (kind.type_url().to_owned(), name.to_owned());
        let crossed = self
            .questions
            .get(&question)
            .is_some_and(|sent| nonce.parse::<u64>().unwrap() <= *sent);
        crossed
            || self.requests.iter().any(|request| {
                request.type_url == question.0
                    && request.resource_names_subscribe.contains(&question.1)
            })
    }

    fn verdict(&mut self, kind: Kind, response_nonce: String, error_detail: Option<Status>) {
        self.requests.push_back(DeltaDiscoveryRequest {
            response_nonce,
            error_detail,
            ..request(kind)
        });
    }

    fn ack_warm_clusters(&mut self) {
        let is_warm = |(_, names): &mut (String, Vec<String>)| {
            !names.iter().any(|name| self.warming.contains(name))
        };
        let warm: Vec<_> = self.unacked.extract_if(.., is_warm).collect();
        for (nonce, _) in warm {
            self.verdict(Kind::Cluster, nonce, None);
        }
    }

    pub(crate) fn run_until_quiet(&mut self) {
        for _ in 0..10_000 {
            if !(self.server_reads() | self.server_sends() | self.reads()) {
                return;
            }
        }
        panic!("it never gets quiet");
    }

    /// Lets the time pass for which anything waits.
    pub(crate) fn pass_waiting(&mut self) {
        for _ in 0..100 {
            let Some(deadline) = self.stream.deadline() else { return };
            assert!(self.now < deadline, "a deadline in the past");
            self.now = deadline;
            self.run_until_quiet();
        }
        panic!("it waits for ever");
    }

    /// Everything that is served has its cluster.
    pub(crate) fn assert_no_gap(&self) {
        for (name, version) in &self.has[&Kind::Routes] {
            for need in needs_of(version) {
                let has = self.has[&Kind::Cluster].contains_key(&need);
                assert!(has, "routes {name}={version} name cluster {need}, which is not there");
            }
        }
    }

    pub(crate) fn runs_old_routes(&self, snapshot: &Snapshot) -> bool {
        [Kind::Listener, Kind::Routes].into_iter().any(|kind| {
            self.has[&kind].iter().any(|(name, version)| {
                snapshot.get(kind, name).is_none_or(|resource| resource.version != *version)
            })
        })
    }
}

fn request(kind: Kind) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: kind.type_url().to_owned(),
        ..DeltaDiscoveryRequest::default()
    }
}
