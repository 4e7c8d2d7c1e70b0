//! Workers of one Envoy, and a control plane that says what a test says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot be set up has failed"
)]

use std::time::Duration;

use proptest::prelude::*;
use prost::Message as _;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{GrpcCallId, GrpcFailed, Seed, Timestamp};
use tollgate_sync::message::{Chunk, Denial, Kind, NewerKeys, Request, Response};
use tollgate_sync::{DENIALS_MAX, Member, Name, SyncSpec, WhenStale};

const SEED: Seed = Seed([7; 16]);
const START: u64 = 1_000_000;

struct Envoy {
    host: MemoryHost,
    workers: Vec<Member>,
    now: Timestamp,
    /// Calls that were answered.
    answered: usize,
}

fn member(when_stale: WhenStale) -> Member {
    let cluster = "tollgate-sync".to_owned();
    Member::new(SyncSpec { cluster, stale_after_seconds: 60, when_stale }, SEED)
}

impl Envoy {
    fn new(workers: usize) -> Self {
        let mut host = MemoryHost::default();
        let workers = (0..workers).map(|_| joined(&mut host)).collect();
        Self { host, workers, now: Timestamp::from_seconds(START), answered: 0 }
    }

    /// A quarter of a second passes.
    fn tick(&mut self) {
        self.now = self.now.plus(Duration::from_millis(250));
        for worker in &mut self.workers {
            worker.on_tick(&mut self.host.at(self.now));
        }
    }

    /// What has been asked and not answered.
    fn asked(&self) -> Vec<Request> {
        let open = self.host.called_grpc.iter().skip(self.answered);
        open.map(|(path, message)| {
            assert_eq!(path, "tollgate.sync.v1.Sync/Exchange");
            Request::decode(&**message).unwrap()
        })
        .collect()
    }

    /// Answers the oldest open question, and has everybody look.
    fn answer(&mut self, response: &Response) {
        self.answer_bytes(&Ok(response.encode_to_vec()));
        self.tick();
    }

    fn answer_bytes(&mut self, answer: &tollgate_core::GrpcAnswer) {
        let id = GrpcCallId(u32::try_from(self.answered).unwrap());
        self.answered += 1;
        for worker in &mut self.workers {
            worker.on_answer(id, answer, &mut self.host.at(self.now));
        }
    }

    /// Which of the workers refuse that.
    fn refuse(&self, name: Name<'_>, issued_at: u32) -> Vec<bool> {
        let now = self.now.as_seconds();
        let list = |worker: &Member| worker.denylist().denies(name.mark(SEED), issued_at, now);
        self.workers.iter().map(list).collect()
    }
}

fn joined(host: &mut MemoryHost) -> Member {
    let mut worker = member(WhenStale::Serve);
    worker.join(host);
    worker
}

fn token(jti: &str) -> Denial {
    let (issuer, name) = ("https://id.example".to_owned(), jti.to_owned());
    Denial { kind: Kind::Token as i32, issuer, name, at: START, ..Denial::default() }
}

fn named(jti: &str) -> Name<'_> {
    Name::Token { issuer: "https://id.example", jti }
}

fn told(sequence: u64, denials: Vec<Denial>) -> Response {
    Response { sequence, denials, ..Response::default() }
}

#[test]
fn one_worker_asks_and_all_of_them_know() {
    let mut envoy = Envoy::new(3);
    envoy.tick();
    let asked = envoy.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0].sequence, asked[0].filter, asked[0].number), (0, 0, 1));
    assert_eq!(asked[0].instance.len(), 16);
    envoy.answer(&told(5, vec![token("a"), token("b")]));
    for jti in ["a", "b"] {
        assert_eq!(envoy.refuse(named(jti), 0), [true; 3], "{jti}");
    }
    assert_eq!(envoy.refuse(named("c"), 0), [false; 3]);
    assert_eq!(envoy.asked().len(), 1, "the next question is on its way");
    assert_eq!(envoy.asked()[0].sequence, 5);
    envoy.answer(&told(6, vec![token("c")]));
    assert_eq!(envoy.refuse(named("c"), 0), [true; 3]);
    // One that starts now knows it before it has a request.
    let late = joined(&mut envoy.host);
    envoy.workers.push(late);
    assert_eq!(envoy.refuse(named("a"), 0), [true; 4]);
    assert_eq!(envoy.host.gauges["tollgate.sync.seconds_since_exchange"], 0);
    assert_eq!(envoy.host.gauges["tollgate.sync.last_denial_seconds"], 0);
}

#[test]
fn each_kind_refuses_what_it_names() {
    let mut envoy = Envoy::new(1);
    envoy.tick();
    let of =
        |kind: Kind, name: &str| Denial { kind: kind as i32, name: name.to_owned(), ..token("") };
    let key = Denial { until: Some(START + 100), ..of(Kind::ApiKey, "key_1") };
    let denials = vec![
        of(Kind::Subject, "ann"),
        of(Kind::Tenant, "acme"),
        of(Kind::Suspended, "globex"),
        key,
        of(Kind::SigningKey, "AKID"),
        of(Kind::Unknown, "whatever"),
    ];
    envoy.answer(&told(5, denials));
    let now = u32::try_from(START).unwrap();
    let ann = Name::Subject { issuer: "https://id.example", subject: "ann" };
    let elsewhere = Name::Subject { issuer: "https://other.example", subject: "ann" };
    for (name, issued_at, expected) in [
        (ann, now, true),
        (ann, now + 1, false),
        (elsewhere, now, false),
        (Name::Tenant("acme"), now, true),
        (Name::Tenant("acme"), now + 1, false),
        (Name::Suspended("acme"), 0, false),
        (Name::Suspended("globex"), u32::MAX, true),
        (Name::ApiKey("key_1"), 0, true),
        (Name::ApiKey("whatever"), 0, false),
        (Name::SigningKey("AKID"), 0, true),
        (Name::SigningKey("key_1"), 0, false),
        (Name::ApiKey("AKID"), 0, false),
    ] {
        assert_eq!(envoy.refuse(name, issued_at), [expected], "{name:?} {issued_at}");
    }
    let lifted = Denial { lifted: true, ..of(Kind::Suspended, "globex") };
    envoy.answer(&told(6, vec![lifted]));
    assert_eq!(envoy.refuse(Name::Suspended("globex"), 0), [false]);
    envoy.now = Timestamp::from_seconds(START + 100);
    assert_eq!(envoy.refuse(Name::ApiKey("key_1"), 0), [false], "it has ended");
}

#[test]
fn another_worker_takes_over_within_two_seconds() {
    let mut envoy = Envoy::new(3);
    envoy.tick();
    envoy.answer(&told(5, vec![token("a")]));
    let was = envoy.asked()[0].instance.clone();
    // Its virtual machine is gone, and with it the answer.
    envoy.workers.remove(0);
    let died = envoy.now;
    while envoy.asked().len() == 1 {
        envoy.tick();
        assert!(envoy.now.since(died) <= Duration::from_secs(2));
    }
    envoy.answered += 1;
    assert_ne!(envoy.asked()[0].instance, was);
    assert_eq!(envoy.asked()[0].sequence, 5, "it goes on where the other one was");
    envoy.answer(&told(6, vec![token("b")]));
    assert_eq!(envoy.refuse(named("b"), 0), [true; 2]);
}

#[test]
fn answers_that_fail_change_nothing_and_are_asked_for_again() {
    let mut envoy = Envoy::new(2);
    envoy.tick();
    envoy.answer(&told(5, vec![token("a")]));
    for answer in [Err(GrpcFailed(14)), Ok(b"\xff\xff".to_vec())] {
        envoy.answer_bytes(&answer);
        let failed = envoy.now;
        while envoy.asked().is_empty() {
            envoy.tick();
            assert!(envoy.now.since(failed) <= Duration::from_secs(2), "{answer:?}");
        }
        assert_eq!(envoy.asked()[0].sequence, 5, "{answer:?}");
        assert_eq!(envoy.refuse(named("a"), 0), [true; 2]);
    }
    // Nothing comes at all.
    let silent = envoy.now;
    while envoy.asked().len() == 1 {
        envoy.tick();
        assert!(envoy.now.since(silent) <= Duration::from_secs(4));
    }
    // The one that was given up comes after all.
    envoy.answer(&told(9, vec![token("late")]));
    assert_eq!(envoy.refuse(named("late"), 0), [false; 2]);
}

#[test]
fn a_list_that_is_told_anew_counts_when_it_is_whole() {
    let mut envoy = Envoy::new(2);
    envoy.tick();
    envoy.answer(&told(5, vec![token("old")]));
    let page = |more, sequence, jti| Response { more, ..told(sequence, vec![token(jti)]) };
    envoy.answer(&Response { reset: true, ..page(true, 1, "a") });
    assert_eq!(envoy.refuse(named("old"), 0), [true; 2]);
    assert_eq!(envoy.asked()[0].sequence, 1);
    envoy.answer(&page(true, 2, "b"));
    assert_eq!(envoy.refuse(named("old"), 0), [true; 2]);
    envoy.answer(&page(false, 3, "c"));
    assert_eq!(envoy.refuse(named("old"), 0), [false; 2]);
    for jti in ["a", "b", "c"] {
        assert_eq!(envoy.refuse(named(jti), 0), [true; 2], "{jti}");
    }
}

#[test]
fn what_is_known_grows_old() {
    let mut host = MemoryHost::default();
    let mut worker = member(WhenStale::Closed);
    worker.join(&mut host);
    let start = Timestamp::from_seconds(START);
    assert!(worker.is_closed(None, start), "nobody has said anything yet");
    worker.on_tick(&mut host.at(start));
    worker.on_answer(GrpcCallId(0), &Ok(told(0, vec![]).encode_to_vec()), &mut host.at(start));
    let later = |seconds| start.plus(Duration::from_secs(seconds));
    assert!(!worker.is_closed(None, later(60)) && worker.is_closed(None, later(61)));
    assert!(!member(WhenStale::Serve).is_closed(None, later(61)));
}

#[test]
fn a_log_is_written_anew_when_it_is_full_and_nothing_is_lost() {
    let mut envoy = Envoy::new(2);
    envoy.tick();
    envoy.answer(&told(1, vec![token("first")]));
    // Refused and let in again, more often than there is room for records.
    for sequence in 2..600_u64 {
        let denials = (0..512).map(|number| {
            let lifted = number % 2 == 1;
            Denial { kind: Kind::Suspended as i32, lifted, ..token(&format!("{}", number / 2)) }
        });
        envoy.answer(&told(sequence, denials.collect()));
    }
    envoy.answer(&told(600, vec![token("last")]));
    for jti in ["first", "last"] {
        assert_eq!(envoy.refuse(named(jti), 0), [true; 2], "{jti}");
    }
    assert_eq!(envoy.workers[1].denylist().len(), 2);
    let chunks = envoy.host.shared.keys().filter(|key| key.starts_with(b"tollgate.sync.denials"));
    assert_eq!(chunks.count(), 64);
}

#[test]
fn more_denials_than_there_is_room_for_refuse_what_was_issued_before() {
    let mut envoy = Envoy::new(2);
    envoy.tick();
    envoy.answer(&told(1, vec![]));
    let until = Some(START + 10_000);
    for page in 0..=u64::try_from(DENIALS_MAX / 500).unwrap() {
        let of = |number| Denial { until, ..token(&format!("{page}-{number}")) };
        envoy.answer(&told(page + 2, (0..500).map(of).collect()));
    }
    let full = u32::try_from(envoy.now.as_seconds()).unwrap();
    for worker in &envoy.workers {
        assert_eq!(worker.denylist().len(), DENIALS_MAX);
        assert!(
            worker.denylist().is_in_doubt(full - 1) && !worker.denylist().is_in_doubt(full + 1)
        );
    }
    // They end, and the list is asked for from the beginning.
    envoy.answered = envoy.host.called_grpc.len();
    envoy.now = Timestamp::from_seconds(START + 10_001);
    envoy.tick();
    assert_eq!(envoy.asked()[0].sequence, 0);
    envoy.answer(&told(900, vec![token("a")]));
    for worker in &envoy.workers {
        assert!(!worker.denylist().is_in_doubt(0) && worker.denylist().len() == 1);
    }
}

#[test]
fn a_filter_of_api_keys_comes_in_parts_and_arrives_whole() {
    let mut envoy = Envoy::new(2);
    envoy.tick();
    envoy.answer(&told(1, vec![]));
    let filter: Vec<u8> =
        (0..600_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let part = |offset: usize| Chunk {
        version: 7,
        total: 600_000,
        offset: u32::try_from(offset).unwrap(),
        bytes: filter.iter().skip(offset).take(256 * 1024).copied().collect(),
    };
    let newer = |fingerprints: Vec<u64>, too_many| NewerKeys { filter: 7, fingerprints, too_many };
    for offset in [0, 262_144, 524_288] {
        assert!(envoy.workers[1].take_filter().is_none());
        let newer = (offset == 524_288).then(|| newer(vec![9, 3], false));
        envoy.answer(&Response { chunk: Some(part(offset)), newer, ..told(1, vec![]) });
    }
    assert_eq!(envoy.asked()[0].filter, 7);
    for worker in &mut envoy.workers {
        assert_eq!(worker.take_filter(), Some((7, filter.clone())));
        assert!(worker.take_filter().is_none() && worker.filter() == 7);
        assert!(worker.may_be_newer(7, 3) && worker.may_be_newer(7, 9));
        assert!(!worker.may_be_newer(7, 4) && worker.may_be_newer(6, 4));
    }
    envoy.answer(&Response { newer: Some(newer(vec![], true)), ..told(2, vec![]) });
    assert!(envoy.workers[1].may_be_newer(7, 4));
    // Parts that do not fit are no filter.
    for wrong in [262_144, 524_288] {
        envoy.answer(&Response { chunk: Some(part(wrong)), ..told(2, vec![]) });
        assert_eq!(envoy.asked()[0].filling, None);
    }
    // Another store has other keys.
    envoy.answer(&Response { reset: true, ..told(1, vec![]) });
    assert!(envoy.workers.iter().all(|worker| worker.filter() == 0));
}

proptest! {
    #[test]
    fn no_answer_and_no_shared_data_cause_a_panic(
        answer in proptest::collection::vec(any::<u8>(), 0..200),
        shared in proptest::collection::vec(any::<u8>(), 0..200),
        key in prop_oneof![
            Just("tollgate.sync.head"), Just("tollgate.sync.newer"), Just("tollgate.sync.lease"),
            Just("tollgate.sync.members"), Just("tollgate.sync.denials.0"),
            Just("tollgate.sync.filter.0.0"),
        ],
    ) {
        let mut host = MemoryHost::default();
        host.shared.insert(key.as_bytes().to_vec(), (shared, 1));
        let mut envoy = Envoy { workers: vec![joined(&mut host)], ..Envoy::new(0) };
        envoy.host = host;
        envoy.tick();
        envoy.answer_bytes(&Ok(answer));
        envoy.tick();
    }
}
