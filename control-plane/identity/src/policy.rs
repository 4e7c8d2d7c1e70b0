use std::time::Duration;

use crate::introspection::{Terms, Told};

/// What a source's answers are believed for, and how long.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) ttl: Duration,
    pub(crate) negative_ttl: Duration,
    pub(crate) issuer: Option<String>,
    /// Invariant: empty if any audience will do.
    pub(crate) audiences: Vec<String>,
}

/// What an answer means here and now, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Finding {
    Active(Duration),
    Inactive(Duration),
}

// === impl Policy ===

impl Policy {
    /// Judges an answer that came in `since_1970`. `spread` differs from token
    /// to token, so that those learnt together are not all forgotten together.
    pub(crate) fn judge(&self, told: &Told, since_1970: Duration, spread: u8) -> Finding {
        let Told::Active(terms) = told else { return Finding::Inactive(self.negative_ttl) };
        let Terms { expires, begins, issuer, audiences } = terms;
        let begins_in = begins.unwrap_or_default().saturating_sub(since_1970);
        if !begins_in.is_zero() {
            return Finding::Inactive(self.negative_ttl.min(begins_in));
        }
        let left = expires.unwrap_or(Duration::MAX).saturating_sub(since_1970);
        if left.is_zero() || !self.is_for_us(issuer.as_deref(), audiences) {
            return Finding::Inactive(self.negative_ttl);
        }
        Finding::Active(left.min(self.spread_ttl(spread)))
    }

    fn is_for_us(&self, issuer: Option<&str>, audiences: &[String]) -> bool {
        let is_theirs = self.issuer.as_deref().is_none_or(|expected| issuer == Some(expected));
        let is_ours = self.audiences.is_empty()
            || audiences.iter().any(|audience| self.audiences.contains(audience));
        is_theirs && is_ours
    }

    /// The ttl, or up to a tenth less.
    fn spread_ttl(&self, spread: u8) -> Duration {
        let tenth = self.ttl.checked_div(10).unwrap_or_default();
        let less = tenth.saturating_mul(spread.into()).checked_div(255).unwrap_or_default();
        self.ttl.saturating_sub(less)
    }
}

#[cfg(test)]
mod tests {
    use Finding::{Active, Inactive};
    use proptest::prelude::*;

    use super::*;
    use crate::introspection::read;

    const NOW: Duration = Duration::from_secs(1_000);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn policy(issuer: Option<&str>, audiences: &[&str]) -> Policy {
        Policy {
            ttl: secs(30),
            negative_ttl: secs(10),
            issuer: issuer.map(str::to_owned),
            audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
        }
    }

    fn check(policy: &Policy, rows: &[(&str, Finding)]) {
        for (body, expected) in rows {
            let told = read(body.as_bytes()).unwrap();
            assert_eq!(policy.judge(&told, NOW, 0), *expected, "{body}");
        }
    }

    #[test]
    fn a_token_is_believed_between_nbf_and_exp_and_no_longer_than_the_ttl() {
        check(
            &policy(None, &[]),
            &[
                (r#"{"active":true}"#, Active(secs(30))),
                (r#"{"active":true,"exp":1031}"#, Active(secs(30))),
                (r#"{"active":true,"exp":1029}"#, Active(secs(29))),
                (r#"{"active":true,"exp":1000.5}"#, Active(Duration::from_millis(500))),
                (r#"{"active":true,"exp":1000}"#, Inactive(secs(10))),
                (r#"{"active":true,"exp":0}"#, Inactive(secs(10))),
                (r#"{"active":true,"exp":1e300}"#, Active(secs(30))),
                (r#"{"active":true,"nbf":1000}"#, Active(secs(30))),
                (r#"{"active":true,"nbf":1001}"#, Inactive(secs(1))),
                (r#"{"active":true,"nbf":1011}"#, Inactive(secs(10))),
                (r#"{"active":true,"nbf":1e300}"#, Inactive(secs(10))),
                (r#"{"active":false,"exp":2000}"#, Inactive(secs(10))),
            ],
        );
    }

    #[test]
    fn the_issuer_is_compared_when_one_is_configured() {
        check(
            &policy(Some("https://id"), &[]),
            &[
                (r#"{"active":true,"iss":"https://id"}"#, Active(secs(30))),
                (r#"{"active":true,"iss":"https://id/"}"#, Inactive(secs(10))),
                (r#"{"active":true}"#, Inactive(secs(10))),
                (r#"{"active":true,"iss":null}"#, Inactive(secs(10))),
            ],
        );
    }

    #[test]
    fn one_audience_must_be_ours_when_some_are_configured() {
        check(
            &policy(None, &["api", "web"]),
            &[
                (r#"{"active":true,"aud":"web"}"#, Active(secs(30))),
                (r#"{"active":true,"aud":["x","api"]}"#, Active(secs(30))),
                (r#"{"active":true,"aud":["x"]}"#, Inactive(secs(10))),
                (r#"{"active":true,"aud":[]}"#, Inactive(secs(10))),
                (r#"{"active":true}"#, Inactive(secs(10))),
            ],
        );
    }

    proptest! {
        #[test]
        fn never_longer_than_the_ttl_and_the_token(
            exp in 0u64..2_000, ttl in 0u64..100, spread: u8,
        ) {
            let policy = Policy { ttl: secs(ttl), ..policy(None, &[]) };
            let told = Told::Active(Terms { expires: Some(secs(exp)), ..Terms::default() });
            let most = secs(ttl).min(secs(exp).saturating_sub(NOW));
            match policy.judge(&told, NOW, spread) {
                Active(lifetime) => {
                    prop_assert!(lifetime <= most && most.mul_f64(0.9) <= lifetime);
                }
                Inactive(_) => prop_assert!(secs(exp) <= NOW),
            }
        }
    }
}
