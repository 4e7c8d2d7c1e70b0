use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http::Uri;

use crate::connector::{Connector, connector};
use crate::counts::Counters;
use crate::endpoint::{InvalidEndpoint, endpoint};
use crate::flights::Flights;
use crate::gate::Gate;
use crate::permit::SharedGate;
use crate::policy::Policy;
use crate::provider::Provider;
use crate::source::{Memory, Source};
use crate::{Name, SourceSpec};

/// Why a source was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidSource {
    #[error("{source_name}: a name is 1 to 64 letters, digits, `-` and `_`")]
    Name { source_name: String },
    #[error("{source_name}.url: {url:?} is not an address; write https://, a host and a path")]
    Url { source_name: String, url: String },
    #[error(
        "{source_name}.url: {url:?} would send tokens without encryption; write https://, or a \
         loopback address"
    )]
    Plain { source_name: String, url: String },
    #[error("{source_name}.client_id: is empty; write the one the provider has given you")]
    ClientId { source_name: String },
    #[error("{source_name}.client_secret: is empty; write the one the provider has given you")]
    ClientSecret { source_name: String },
    #[error("{source_name}.{field}: {is:?} is not between {least:?} and {most:?}")]
    Time { source_name: String, field: &'static str, is: Duration, least: Duration, most: Duration },
    #[error("{source_name}.{field}: {is} is not between 1 and {most}")]
    Number { source_name: String, field: &'static str, is: u32, most: u32 },
    #[error("{source_name}.ca: holds no certificate, or a broken one; write PEM")]
    Ca { source_name: String },
}

const TTL_MAX: Duration = Duration::from_hours(1);
const NEGATIVE_TTL_MAX: Duration = Duration::from_mins(5);
const TIMEOUT_MIN: Duration = Duration::from_millis(10);
const TIMEOUT_MAX: Duration = Duration::from_secs(30);
const CALLS_PER_SECOND_MAX: u32 = 100_000;
const CALLS_IN_FLIGHT_MAX: u32 = 1_024;
const NAME_BYTES_MAX: usize = 64;

/// Checks a source, and reports every fault in it.
pub(crate) fn compile(
    name: &str,
    spec: SourceSpec,
    memory: Memory,
) -> Result<Source, Vec<InvalidSource>> {
    let mut faults = numbers(name, &spec);
    faults.extend(texts(name, &spec));
    let url = url(name, &spec.url).map_err(|fault| faults.push(fault)).ok();
    let connector = connector(spec.ca.as_deref(), spec.timeout);
    if connector.is_none() {
        faults.push(InvalidSource::Ca { source_name: name.to_owned() });
    }
    match (url, connector) {
        (Some(url), Some(connector)) if faults.is_empty() => {
            Ok(build(name, spec, url, connector, memory))
        }
        _ => Err(faults),
    }
}

fn build(
    name: &str,
    spec: SourceSpec,
    address: Uri,
    connector: Connector,
    memory: Memory,
) -> Source {
    let SourceSpec {
        url,
        client_id,
        client_secret,
        ttl,
        negative_ttl,
        timeout,
        issuer,
        audiences,
        ca: _,
        calls_per_second,
        calls_in_flight,
    } = spec;
    let gate = Gate::new(calls_per_second, calls_in_flight);
    Source {
        name: name.to_owned(),
        identity: identity(name, &url, &client_id, issuer.as_deref(), &audiences),
        policy: Policy { ttl, negative_ttl, issuer, audiences },
        timeout,
        provider: Provider::new(connector, address, &client_id, &client_secret),
        gate: SharedGate::new(gate, Arc::clone(&memory.clock)),
        flights: Arc::new(Flights::default()),
        memory,
        counters: Counters::default(),
        is_failing: AtomicBool::new(false),
    }
}

fn url(name: &str, url: &str) -> Result<Uri, InvalidSource> {
    let (source_name, written) = (name.to_owned(), url.to_owned());
    endpoint(url).map_err(|why| match why {
        InvalidEndpoint::Address => InvalidSource::Url { source_name, url: written },
        InvalidEndpoint::Plain => InvalidSource::Plain { source_name, url: written },
    })
}

fn texts(name: &str, spec: &SourceSpec) -> Vec<InvalidSource> {
    let source_name = || name.to_owned();
    let mut faults = Vec::new();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || NAME_BYTES_MAX < name.len() || !name.bytes().all(is_plain) {
        faults.push(InvalidSource::Name { source_name: source_name() });
    }
    if spec.client_id.is_empty() {
        faults.push(InvalidSource::ClientId { source_name: source_name() });
    }
    if spec.client_secret.expose().is_empty() {
        faults.push(InvalidSource::ClientSecret { source_name: source_name() });
    }
    faults
}

fn numbers(name: &str, spec: &SourceSpec) -> Vec<InvalidSource> {
    let times = [
        ("ttl", spec.ttl, Duration::ZERO, TTL_MAX),
        ("negative_ttl", spec.negative_ttl, Duration::ZERO, NEGATIVE_TTL_MAX),
        ("timeout", spec.timeout, TIMEOUT_MIN, TIMEOUT_MAX),
    ];
    let times = times.into_iter().filter(|(_, is, least, most)| is < least || most < is);
    let times = times.map(|(field, is, least, most)| {
        let source_name = name.to_owned();
        InvalidSource::Time { source_name, field, is, least, most }
    });
    let numbers = [
        ("calls_per_second", spec.calls_per_second, CALLS_PER_SECOND_MAX),
        ("calls_in_flight", spec.calls_in_flight, CALLS_IN_FLIGHT_MAX),
    ];
    let numbers = numbers.into_iter().filter(|(_, is, most)| *is < 1 || most < is);
    let numbers = numbers.map(|(field, is, most)| InvalidSource::Number {
        source_name: name.to_owned(),
        field,
        is,
        most,
    });
    times.chain(numbers).collect()
}

/// What an answer depends on besides the token. A replica that asks elsewhere,
/// or believes for other reasons, must not find these answers for its own.
fn identity(
    name: &str,
    url: &str,
    client_id: &str,
    issuer: Option<&str>,
    audiences: &[String],
) -> Vec<u8> {
    let fixed = [name, url, client_id, if issuer.is_some() { "1" } else { "0" }];
    let rest = issuer.into_iter().chain(audiences.iter().map(String::as_str));
    let parts = fixed.into_iter().chain(rest).map(str::as_bytes);
    Name::of(parts).as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_as_whom_and_what_for_is_part_of_what_is_known() {
        let audiences = |list: &[&str]| list.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
        let all = [
            identity("a", "u", "c", None, &[]),
            identity("b", "u", "c", None, &[]),
            identity("a", "v", "c", None, &[]),
            identity("a", "u", "d", None, &[]),
            identity("a", "u", "c", Some("x"), &[]),
            identity("a", "u", "c", Some("y"), &[]),
            identity("a", "u", "c", None, &audiences(&["x"])),
            identity("a", "u", "c", None, &audiences(&["x", "y"])),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(at));
        }
    }
}
