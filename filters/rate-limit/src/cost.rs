//! How many requests one request counts as.

use std::rc::Rc;

use tollgate_core::{Duplicate, Headers, Host, is_header_name, property};

use crate::spec::{CostOfSpec, CostSpec};

/// Where the cost of a request stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Cost {
    Fixed(u64),
    /// A header of the request. Invariant: in lower case.
    Header(Box<str>),
    /// What the expression is worth.
    Expression(Box<str>),
    /// Something that is known only later, and what is taken until then.
    Later(After, u64),
}

/// What says what a request has cost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum After {
    /// A header of the response. Invariant: in lower case.
    Header(Rc<str>),
    /// One for each so many bytes of the response.
    ResponseBytes(u64),
    /// One for each so many bytes of the request.
    RequestBytes(u64),
}

/// Nobody can say what a request costs. The text is for the caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unpriced<'a> {
    #[error("{0} stands there twice")]
    Twice(&'a str),
    #[error("{0} is not a whole number from 1 to {COST_MAX}")]
    NotACost(&'a str),
    #[error("its cost cannot be worked out, or is not from 0 to {COST_MAX}")]
    Undecided,
}

/// Why a cost was refused. The text goes on from its field.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidCost {
    #[error(": {cost} is not between 1 and what the limit holds ({capacity})")]
    Fixed { cost: u64, capacity: u64 },
    #[error(
        ": says not where it stands; write a number, or one of header, expression, \
         request_bytes, response_bytes and response_header"
    )]
    Nowhere,
    #[error(".{second}: {first} says what a request costs already; write one of them")]
    Several { first: &'static str, second: &'static str },
    #[error(".{field}: {name:?} is not the name of a header; write one such as x-cost")]
    HeaderName { field: &'static str, name: String },
    #[error(".{field}: {bytes} is not between 1 and {COST_MAX}")]
    Bytes { field: &'static str, bytes: u64 },
    #[error(".reserve: {reserve} is not between 1 and what the limit holds ({capacity})")]
    Reserve { reserve: u64, capacity: u64 },
    #[error(".reserve: nothing is told later; remove it, or let the response tell the cost")]
    NothingLater,
}

/// The largest cost of one request. Above it, somebody has made a mistake.
pub(crate) const COST_MAX: u64 = 1_000_000_000;

/// One way to write where the cost stands.
type Way = (&'static str, Result<Cost, InvalidCost>);

// === impl Cost ===

impl Cost {
    /// `capacity` is what the limit holds.
    pub(crate) fn compile(spec: Option<CostSpec>, capacity: u64) -> Result<Self, InvalidCost> {
        match spec {
            None => Ok(Self::Fixed(1)),
            Some(CostSpec::Fixed(cost)) if (1..=capacity).contains(&cost) => Ok(Self::Fixed(cost)),
            Some(CostSpec::Fixed(cost)) => Err(InvalidCost::Fixed { cost, capacity }),
            Some(CostSpec::Of(spec)) => Self::of(spec, capacity),
        }
    }

    fn of(spec: CostOfSpec, capacity: u64) -> Result<Self, InvalidCost> {
        let CostOfSpec {
            header,
            expression,
            request_bytes,
            response_bytes,
            response_header,
            reserve,
        } = spec;
        let taken = reserve.unwrap_or(1);
        let later = |after| Self::Later(after, taken);
        let ways: [Option<Way>; 5] = [
            header.map(|name| ("header", header_name("header", &name).map(Self::Header))),
            expression.map(|text| ("expression", Ok(Self::Expression(text.into())))),
            request_bytes.map(|bytes| {
                let bytes = units("request_bytes", bytes);
                ("request_bytes", bytes.map(After::RequestBytes).map(later))
            }),
            response_bytes.map(|bytes| {
                let bytes = units("response_bytes", bytes);
                ("response_bytes", bytes.map(After::ResponseBytes).map(later))
            }),
            response_header.map(|name| {
                let name = header_name("response_header", &name);
                ("response_header", name.map(|name| later(After::Header(name.into()))))
            }),
        ];
        let cost = only(ways)?;
        let is_told_later =
            matches!(cost, Self::Later(After::Header(_) | After::ResponseBytes(_), _));
        match reserve {
            Some(_) if !is_told_later => Err(InvalidCost::NothingLater),
            Some(reserve) if !(1..=capacity).contains(&reserve) => {
                Err(InvalidCost::Reserve { reserve, capacity })
            }
            _ => Ok(cost),
        }
    }

    pub(crate) fn expression(&self) -> Option<&str> {
        match self {
            Self::Expression(text) => Some(text),
            _ => None,
        }
    }

    /// What says later what a request has cost.
    pub(crate) fn after(&self) -> Option<&After> {
        match self {
            Self::Later(after, _) => Some(after),
            _ => None,
        }
    }

    /// Whether it counts bytes, one by one.
    pub(crate) fn is_in_bytes(&self) -> bool {
        matches!(self.after(), Some(After::ResponseBytes(1) | After::RequestBytes(1)))
    }

    /// What a request costs, as far as its head tells. `worth` is what the
    /// expression gives for it.
    pub(crate) fn of_request(
        &self,
        headers: &Headers,
        worth: impl FnOnce() -> Option<u64>,
    ) -> Result<u64, Unpriced<'_>> {
        match self {
            Self::Fixed(cost) => Ok(*cost),
            Self::Header(name) => match headers.only(name) {
                Err(Duplicate) => Err(Unpriced::Twice(name)),
                Ok(None) => Ok(1),
                Ok(Some(value)) => whole_number(value)
                    .filter(|cost| (1..=COST_MAX).contains(cost))
                    .ok_or(Unpriced::NotACost(name)),
            },
            Self::Expression(_) => {
                worth().filter(|cost| *cost <= COST_MAX).ok_or(Unpriced::Undecided)
            }
            Self::Later(After::RequestBytes(per), _) => {
                let bytes = headers.get("content-length").and_then(whole_number).unwrap_or(0);
                Ok(of_bytes(bytes, *per))
            }
            Self::Later(_, reserve) => Ok(*reserve),
        }
    }
}

impl After {
    /// What the head of the response says; nothing if it says nothing, or not
    /// what can be a cost.
    pub(crate) fn of_response(&self, headers: &Headers) -> Option<u64> {
        match self {
            Self::Header(name) => {
                let value = headers.only(name).ok().flatten()?;
                whole_number(value).map(|cost| cost.min(COST_MAX))
            }
            Self::ResponseBytes(_) | Self::RequestBytes(_) => None,
        }
    }

    /// What the exchange says once it is over.
    pub(crate) fn of_exchange(&self, host: &mut dyn Host) -> Option<u64> {
        match self {
            Self::Header(_) => None,
            Self::ResponseBytes(per) => {
                Some(of_bytes(number(host, property::RESPONSE_BYTES)?, *per))
            }
            Self::RequestBytes(per) => Some(of_bytes(number(host, property::REQUEST_BYTES)?, *per)),
        }
    }
}

fn only(ways: [Option<Way>; 5]) -> Result<Cost, InvalidCost> {
    let mut ways = ways.into_iter().flatten();
    match (ways.next(), ways.next()) {
        (None, _) => Err(InvalidCost::Nowhere),
        (Some((_, cost)), None) => cost,
        (Some((first, _)), Some((second, _))) => Err(InvalidCost::Several { first, second }),
    }
}

fn header_name(field: &'static str, written: &str) -> Result<Box<str>, InvalidCost> {
    let name = written.to_ascii_lowercase();
    if is_header_name(&name) {
        Ok(name.into())
    } else {
        Err(InvalidCost::HeaderName { field, name: written.to_owned() })
    }
}

fn units(field: &'static str, bytes: u64) -> Result<u64, InvalidCost> {
    if (1..=COST_MAX).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(InvalidCost::Bytes { field, bytes })
    }
}

/// Each unit that was begun, and at least one: a request is never free.
fn of_bytes(bytes: u64, per: u64) -> u64 {
    bytes.div_ceil(per.max(1)).clamp(1, COST_MAX)
}

fn number(host: &mut dyn Host, path: &[u8]) -> Option<u64> {
    let bytes = host.property(path)?;
    bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Digits and nothing else. More than fit are the largest number.
fn whole_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = str::from_utf8(text).ok()?;
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_number_is_digits() {
        for (text, expected) in [
            (&b"0"[..], Some(0)),
            (b"7", Some(7)),
            (b"0007", Some(7)),
            (b"99999999999999999999999", Some(u64::MAX)),
            (b"", None),
            (b"-1", None),
            (b"+1", None),
            (b"1.5", None),
            (b"1e9", None),
            (b" 1", None),
            (b"NaN", None),
            (b"0x10", None),
            (b"1, 2", None),
            (b"\xff", None),
        ] {
            assert_eq!(whole_number(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_unit_that_was_begun_is_counted_whole() {
        for (bytes, per, expected) in
            [(0, 1024, 1), (1, 1024, 1), (1024, 1024, 1), (1025, 1024, 2), (5, 1, 5), (5, 0, 5)]
        {
            assert_eq!(of_bytes(bytes, per), expected, "{bytes} by {per}");
        }
        assert_eq!(of_bytes(u64::MAX, 1), COST_MAX);
    }

    proptest! {
        /// Whatever a caller or a backend writes, a cost is from 1 to the largest.
        #[test]
        fn no_bytes_make_a_cost_that_is_none(value: Vec<u8>, digits in "[0-9]{0,40}") {
            for value in [value, digits.into_bytes()] {
                let headers: Headers = [("x-cost", value.as_slice())].into_iter().collect();
                let cost = Cost::Header("x-cost".into());
                if let Ok(cost) = cost.of_request(&headers, || None) {
                    prop_assert!((1..=COST_MAX).contains(&cost));
                }
                let told = After::Header("x-cost".into()).of_response(&headers);
                prop_assert!(told.is_none_or(|cost| cost <= COST_MAX));
            }
        }
    }
}
