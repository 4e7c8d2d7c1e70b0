//! What operators see: numbers for the busiest tenants, and one for all others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_core::Host;

/// What one worker, or all together, has under way.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Shown {
    /// By tenant.
    pub(crate) tenants: BTreeMap<String, u32>,
    /// Of tenants that have no number of their own.
    pub(crate) other: u32,
    /// Streams that stay open.
    pub(crate) streams: u32,
    /// Connections of tenants.
    pub(crate) connections: u32,
}

/// Envoy forgets no name, so there are so many tenants with numbers of their own,
/// the busiest ones of when there was still room.
const NAMES_MAX: usize = 32;

/// Longer names are cut.
const NAME_BYTES_MAX: usize = 64;

// === impl Shown ===

impl Shown {
    /// The names that have numbers, with those of the busiest tenants for which
    /// there is room.
    pub(crate) fn named(&self, mut names: Vec<String>) -> Vec<String> {
        let mut busiest: Vec<_> = self.tenants.iter().collect();
        busiest.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (tenant, _) in busiest {
            let name = name(tenant);
            if NAMES_MAX <= names.len() {
                break;
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The same, with all tenants together that have no name.
    pub(crate) fn only(&self, names: &[String]) -> Self {
        let Self { tenants, other, streams, connections } = self;
        let mut only =
            Self { other: *other, streams: *streams, connections: *connections, ..Self::default() };
        for (tenant, count) in tenants {
            let name = name(tenant);
            let place = if names.contains(&name) {
                only.tenants.entry(name).or_default()
            } else {
                &mut only.other
            };
            *place = place.saturating_add(*count);
        }
        only
    }

    pub(crate) fn add(&mut self, more: &Self) {
        for (tenant, count) in &more.tenants {
            let place = self.tenants.entry(tenant.clone()).or_default();
            *place = place.saturating_add(*count);
        }
        self.other = self.other.saturating_add(more.other);
        self.streams = self.streams.saturating_add(more.streams);
        self.connections = self.connections.saturating_add(more.connections);
    }

    /// Shows it: every name that ever had a number has one, be it zero.
    pub(crate) fn show(&self, names: &[String], host: &mut dyn Host) {
        let Self { tenants, other, streams, connections } = self;
        for name in names {
            let count = tenants.get(name).copied().unwrap_or_default();
            host.gauge(&format!("tollgate.tenant.{name}.in_flight"), count.into());
        }
        host.gauge("tollgate.budget.in_flight.other", u64::from(*other));
        host.gauge("tollgate.budget.streams", u64::from(*streams));
        host.gauge("tollgate.budget.connections", u64::from(*connections));
    }
}

/// A tenant as a part of a statistic's name, which dots end.
fn name(tenant: &str) -> String {
    let plain = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' => char::from(byte),
        _ => '_',
    };
    tenant.bytes().take(NAME_BYTES_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tenants: &[(&str, u32)]) -> Shown {
        let tenants = tenants.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Shown { tenants, ..Shown::default() }
    }

    #[test]
    fn the_busiest_have_numbers_of_their_own_and_keep_them() {
        let many: Vec<(String, u32)> = (0..40).map(|n| (format!("t{n:02}"), n)).collect();
        let many: Vec<(&str, u32)> = many.iter().map(|(name, n)| (&**name, *n)).collect();
        let names = shown(&many).named(vec!["first".to_owned()]);
        assert_eq!(names.len(), 32);
        assert_eq!(names.first().map(String::as_str), Some("first"));
        assert_eq!(names.last().map(String::as_str), Some("t09"));
        let only = shown(&many).only(&names);
        assert_eq!((only.tenants.len(), only.other), (31, (0..9).sum()));
    }

    #[test]
    fn names_are_parts_of_names() {
        assert_eq!(name("a.b c/ä"), "a_b_c___");
        assert_eq!(name(&"x".repeat(65)).len(), 64);
    }
}
