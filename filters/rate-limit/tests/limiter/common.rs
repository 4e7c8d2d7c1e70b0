//! Asks a limiter about requests that are written as lines of text.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test writes is well formed")]

use std::rc::Rc;
use std::time::Duration;

use tollgate_core::testing::{Calls, MemoryHost};
use tollgate_core::{
    Cx, Edit, Headers, Operation, Principal, Reply, Seed, Ticket, Timestamp, property,
};
use tollgate_rate_limit::{
    Admitted, AllowancesSpec, Applied, Caller, Limits, RateLimitFilterSpec, RateLimiter, Standing,
};

pub(crate) const SEED: Seed = Seed([7; 16]);

/// The moment that tests begin at.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// One Envoy with the limits of one route.
pub(crate) struct World {
    pub(crate) host: MemoryHost,
    pub(crate) limiter: RateLimiter,
    pub(crate) limits: Limits,
}

impl World {
    pub(crate) fn new(spec: &str) -> Self {
        let mut world = Self::unprepared(spec);
        world.limiter.prepare(&mut world.host);
        world.host.calls = Calls::default();
        world
    }

    /// As it is before the first filter was configured.
    pub(crate) fn unprepared(spec: &str) -> Self {
        let RateLimitFilterSpec { limits, tiers, tenants, telling } =
            serde_json::from_str(spec).unwrap();
        let allowances = AllowancesSpec { tiers, tenants };
        let limiter = RateLimiter::compile(allowances, &telling, SEED).unwrap();
        Self { host: MemoryHost::default(), limiter, limits: Limits::compile(limits).unwrap() }
    }

    /// Asks about a request such as `1500ms tenant=acme ip=192.0.2.1:50000`.
    pub(crate) fn ask(&mut self, request: &str) -> Result<Vec<Edit>, Reply> {
        self.admit(request).map(|admitted| admitted.response)
    }

    pub(crate) fn admit(&mut self, request: &str) -> Result<Admitted, Reply> {
        let (now, who) = self.enter(request);
        let Self { host, limiter, limits } = self;
        limiter.check(&[applied(limits)], &who.caller(), &mut Cx { now, host })
    }

    /// How the counts stand of whoever would send a request.
    pub(crate) fn standing(&mut self, request: &str) -> Vec<Standing> {
        let (now, who) = self.enter(request);
        let Self { host, limiter, limits } = self;
        let (caller, mut cx) = (who.caller(), Cx { now, host });
        let mut standing = limiter.standing(None, &caller, &mut cx);
        standing.extend(limiter.standing(Some(limits), &caller, &mut cx));
        standing
    }

    /// Tells that a response has come, with a header or none.
    pub(crate) fn answer(&mut self, millis: u64, ticket: Ticket, header: Option<(&str, &str)>) {
        let headers: Headers = header.into_iter().collect();
        self.limiter.on_response(ticket, &headers, &mut self.host.at(at(millis)));
    }

    /// Tells that an exchange is over, in which so many bytes went each way.
    pub(crate) fn end(&mut self, millis: u64, ticket: Ticket, request: u64, response: u64) {
        let bytes = [(property::REQUEST_BYTES, request), (property::RESPONSE_BYTES, response)];
        for (path, bytes) in bytes {
            self.host.properties.insert(path.to_vec(), bytes.to_le_bytes().to_vec());
        }
        self.limiter.on_end(ticket, &mut self.host.at(at(millis)));
    }

    /// What a worker does by itself.
    pub(crate) fn tick(&mut self, millis: u64) {
        self.limiter.on_tick(&mut self.host.at(at(millis)));
    }

    fn enter<'a>(&mut self, request: &'a str) -> (Timestamp, Who<'a>) {
        let (time, who) = request.split_once(' ').unwrap_or((request, ""));
        let who = Who::parse(who);
        self.host.properties.clear();
        if let Some(ip) = who.ip {
            self.host.properties.insert(property::CALLER_ADDRESS.to_vec(), ip.into());
        }
        (at(time.strip_suffix("ms").unwrap().parse().unwrap()), who)
    }

    /// Compares each request with its answer: `REQUEST -> ANSWER`.
    pub(crate) fn check(&mut self, lines: &[&str]) {
        for (number, line) in lines.iter().enumerate() {
            let (request, expected) = line.split_once("->").unwrap();
            let answer = shown(&self.ask(request.trim()));
            assert_eq!(answer, expected.trim(), "line {number}: {line}");
        }
    }
}

/// So many milliseconds after the beginning.
pub(crate) fn at(millis: u64) -> Timestamp {
    START.plus(Duration::from_millis(millis))
}

/// Limits without expressions.
pub(crate) fn applied(limits: &Limits) -> Applied<'_> {
    Applied { limits, worth: &|_| None }
}

/// Who calls what.
struct Who<'a> {
    api: &'a str,
    route: &'a str,
    ip: Option<&'a str>,
    principal: Option<Principal>,
    headers: Headers,
}

impl<'a> Who<'a> {
    fn caller(&'a self) -> Caller<'a> {
        let Self { api, route, principal, headers, ip: _ } = self;
        Caller { api, route, principal: principal.as_ref(), headers }
    }

    fn parse(words: &'a str) -> Self {
        let headers = words.split_whitespace().filter_map(|word| word.split_once('='));
        let headers = headers.filter(|(name, _)| name.contains('-')).collect();
        let mut who = Self { api: "orders", route: "get", ip: None, principal: None, headers };
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap();
            match key {
                "api" => who.api = value,
                "route" => who.route = value,
                "ip" => who.ip = Some(value),
                key if key.contains('-') => {}
                _ => set(who.principal.get_or_insert_with(somebody), key, value),
            }
        }
        who
    }
}

fn set(principal: &mut Principal, key: &str, value: &str) {
    let value: Rc<str> = value.into();
    match key {
        "tenant" => principal.tenant = Some(value),
        "tier" => principal.tier = Some(value),
        "by" => principal.method = value,
        "sub" => principal.subject = value,
        "claims" => principal.claims = Some(value),
        _ => panic!("{key} is nothing that a request has"),
    }
}

fn somebody() -> Principal {
    let (method, subject) = ("api_key".into(), "key-1".into());
    Principal { method, subject, ..Principal::default() }
}

/// `200 "tenant-minute";r=9;t=6` or `429 retry-after=6 "tenant-minute";r=0;t=6`.
pub(crate) fn shown(answer: &Result<Vec<Edit>, Reply>) -> String {
    let words = match answer {
        Ok(edits) => vec!["200".to_owned(), field(edits, "ratelimit")],
        Err(reply) => {
            let header = |name| reply.headers.iter().find(|(known, _)| *known == name);
            vec![
                reply.problem.status.to_string(),
                header("retry-after").map_or(String::new(), |(_, v)| format!("retry-after={v}")),
                header("ratelimit").map_or(String::new(), |(_, value)| value.clone()),
            ]
        }
    };
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What is added to a field, line by line.
pub(crate) fn field(edits: &[Edit], name: &str) -> String {
    let lines = edits.iter().filter(|edit| &*edit.name == name).map(|edit| {
        let Operation::Add(value) = &edit.operation else { panic!("{edit:?} is not added") };
        String::from_utf8(value.to_vec()).unwrap()
    });
    lines.collect::<Vec<_>>().join(", ")
}
