use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Groups, Host, Problem, Reply, Scopes, property};

/// Who is calling, once that is proved, or that nobody in particular is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Principal {
    /// How the caller proved it, as configuration names it: `jwt.acme`,
    /// `api_key`; [`Principal::ANONYMOUS`] if it did not have to.
    pub method: Rc<str>,

    /// Who in particular: the token's `sub`, or the id of the API key. Empty for
    /// nobody in particular.
    pub subject: Rc<str>,

    /// The customer that the caller belongs to.
    pub tenant: Option<Rc<str>>,

    /// The tier whose limits apply.
    pub tier: Option<Rc<str>>,

    /// What the caller was granted.
    pub scopes: Scopes,

    /// The groups that the caller is in.
    pub groups: Groups,

    /// The claims that were kept for authorisation: the text of a JSON object.
    pub claims: Option<Rc<str>>,
}

/// The bytes are not a principal as one filter leaves it for the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the principal left by an earlier filter is malformed")]
pub struct MalformedPrincipal;

const MALFORMED_PRINCIPAL: Problem = Problem {
    status: 500,
    name: "malformed-principal",
    title: "The gateway cannot tell who is calling",
};

/// A principal on its way from one module to the next.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    #[serde(borrow)]
    method: Text<'a>,
    #[serde(borrow)]
    subject: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tier: Option<Text<'a>>,
    #[serde(borrow)]
    scopes: Vec<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    claims: Option<&'a RawValue>,
}

type Text<'a> = std::borrow::Cow<'a, str>;

// === impl Principal ===

impl Principal {
    /// The method of a caller who did not have to prove who it is.
    pub const ANONYMOUS: &'static str = "anonymous";

    /// Nobody in particular, under the limits of a tier.
    pub fn anonymous(tier: Option<Rc<str>>) -> Self {
        Self { method: Self::ANONYMOUS.into(), tier, ..Self::default() }
    }

    /// Whether this is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        &*self.method == Self::ANONYMOUS
    }

    /// What one filter leaves for the next, when each is a module of its own.
    pub fn to_json(&self) -> Vec<u8> {
        let Self { method, subject, tenant, tier, scopes, groups, claims } = self;
        let fields = Fields {
            method: method.as_ref().into(),
            subject: subject.as_ref().into(),
            tenant: tenant.as_deref().map(Text::from),
            tier: tier.as_deref().map(Text::from),
            scopes: scopes.iter().map(Text::from).collect(),
            groups: groups.iter().collect(),
            claims: claims.as_deref().and_then(|claims| serde_json::from_str(claims).ok()),
        };
        // Strings and lists of strings always have a form in JSON.
        serde_json::to_vec(&fields).unwrap_or_default()
    }

    /// Reads what [`Principal::to_json`] wrote.
    pub fn from_json(bytes: &[u8]) -> Result<Self, MalformedPrincipal> {
        let Fields { method, subject, tenant, tier, scopes, groups, claims } =
            serde_json::from_slice(bytes).map_err(|_| MalformedPrincipal)?;
        Ok(Self {
            method: method.into(),
            subject: subject.into(),
            tenant: tenant.map(Rc::from),
            tier: tier.map(Rc::from),
            scopes: scopes.into_iter().collect(),
            groups: groups.into_iter().collect(),
            claims: claims.map(object).transpose()?,
        })
    }
}

fn object(json: &RawValue) -> Result<Rc<str>, MalformedPrincipal> {
    let text = json.get();
    if text.starts_with('{') { Ok(text.into()) } else { Err(MalformedPrincipal) }
}

impl Principal {
    /// Whom an earlier filter has recognised, when each is a module of its own.
    /// Malformed bytes refuse the request: a caller without a principal might
    /// be allowed more.
    pub fn of_stream(host: &mut dyn Host) -> Result<Option<Self>, Reply> {
        let json = host.property(property::PRINCIPAL);
        let principal = json.filter(|json| !json.is_empty()).map(|json| Self::from_json(&json));
        principal.transpose().map_err(|fault| Reply::new(MALFORMED_PRINCIPAL, fault.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::MemoryHost;

    #[test]
    fn whoever_an_earlier_filter_recognised_is_known() {
        let of = |json: &[u8]| {
            let mut host = MemoryHost::default().with_property(property::PRINCIPAL, json);
            Principal::of_stream(&mut host)
        };
        assert_eq!(Principal::of_stream(&mut MemoryHost::default()), Ok(None));
        assert_eq!(of(b""), Ok(None));
        assert_eq!(of(&caller().to_json()), Ok(Some(caller())));
        let refused = of(b"{").unwrap_err();
        assert_eq!(refused.details(), "tollgate.malformed-principal");
        assert_eq!(refused.detail, "the principal left by an earlier filter is malformed");
    }

    fn caller() -> Principal {
        Principal {
            method: "jwt.acme".into(),
            subject: "ann".into(),
            tenant: Some("acme".into()),
            scopes: ["a", "b"].into_iter().collect(),
            ..Principal::default()
        }
    }

    #[test]
    fn json_has_the_fields_by_name() {
        let json = caller().to_json();
        let expected =
            r#"{"method":"jwt.acme","subject":"ann","tenant":"acme","scopes":["a","b"]}"#;
        assert_eq!(String::from_utf8(json).unwrap(), expected);
        let member = Principal {
            groups: ["b", "a,c"].into_iter().collect(),
            claims: Some(r#"{"x":[1,{"y":"z"}]}"#.into()),
            ..caller()
        };
        let expected = concat!(
            r#"{"method":"jwt.acme","subject":"ann","tenant":"acme","scopes":["a","b"],"#,
            r#""groups":["a,c","b"],"claims":{"x":[1,{"y":"z"}]}}"#,
        );
        assert_eq!(String::from_utf8(member.to_json()).unwrap(), expected);
        assert_eq!(Principal::from_json(&member.to_json()), Ok(member));
    }

    #[test]
    fn scopes_are_sorted_again() {
        let json = br#"{"method":"m","subject":"s","scopes":["b","a","b"]}"#;
        assert_eq!(&**Principal::from_json(json).unwrap().scopes.text(), "a b");
    }

    #[test]
    fn nobody_in_particular_has_a_tier_at_most() {
        let nobody = Principal::anonymous(Some("free".into()));
        assert!(nobody.is_anonymous() && !caller().is_anonymous());
        let json = r#"{"method":"anonymous","subject":"","tier":"free","scopes":[]}"#;
        assert_eq!(String::from_utf8(nobody.to_json()).unwrap(), json);
    }

    #[test]
    fn what_is_no_principal_is_refused() {
        for json in [
            "",
            "null",
            "{}",
            r#"{"method":"m","subject":"s"}"#,
            r#"{"method":"m","subject":"s","scopes":[1]}"#,
            r#"{"method":"m","subject":"s","scopes":[],"admin":true}"#,
            r#"{"method":"m","subject":"s","subject":"t","scopes":[]}"#,
            r#"{"method":"m","subject":"s","scopes":[],"groups":"a"}"#,
            r#"{"method":"m","subject":"s","scopes":[],"claims":[]}"#,
            r#"{"method":"m","subject":"s","scopes":[],"claims":{]}"#,
        ] {
            assert_eq!(Principal::from_json(json.as_bytes()), Err(MalformedPrincipal), "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(
            method in ".*", subject in ".*", tenant in proptest::option::of(".*"),
            tier in proptest::option::of(".*"),
            scopes in proptest::collection::btree_set("[!-~]{1,9}", 0..5),
            groups in proptest::collection::btree_set(".*", 0..5),
        ) {
            let principal = Principal {
                method: method.into(),
                subject: subject.into(),
                tenant: tenant.map(Rc::from),
                tier: tier.map(Rc::from),
                scopes: scopes.into_iter().collect(),
                groups: groups.into_iter().collect(),
                claims: None,
            };
            prop_assert_eq!(Principal::from_json(&principal.to_json()), Ok(principal));
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            let _ = Principal::from_json(&bytes);
        }
    }
}
