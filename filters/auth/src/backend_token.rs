//! Tokens by which backends are told who is calling.

use std::rc::Rc;

use tollgate_core::{Edit, Headers, Principal, is_spelling};

use crate::ask::{Endpoint, InvalidEndpoint};
use crate::{BackendTokenSpec, TokenHeaderSpec};

/// Who makes the tokens, and how they reach the backend.
pub(crate) struct BackendTokens {
    /// None: nobody, so callers who need one are refused.
    pub(crate) mint: Option<Endpoint>,
    header: Rc<str>,
    scheme: &'static str,
}

const OWN: &str = "x-tollgate-token";
const AUTHORIZATION: &str = "authorization";

// === impl BackendTokens ===

impl BackendTokens {
    pub(crate) fn compile(spec: BackendTokenSpec) -> Result<Self, InvalidEndpoint> {
        let BackendTokenSpec { mint, header } = spec;
        let (header, scheme) = match header {
            TokenHeaderSpec::XTollgateToken => (OWN, ""),
            TokenHeaderSpec::Authorization => (AUTHORIZATION, "Bearer "),
        };
        let mint = mint.map(Endpoint::compile).transpose()?;
        Ok(Self { mint, header: header.into(), scheme })
    }

    /// What the header says, made once for all requests.
    pub(crate) fn value(&self, token: &str) -> Rc<[u8]> {
        [self.scheme.as_bytes(), token.as_bytes()].concat().into()
    }

    /// The header with a value that [`Self::value`] made.
    pub(crate) fn edit(&self, value: Rc<[u8]>) -> Edit {
        let operation = tollgate_core::Operation::Set(value);
        Edit { name: Rc::clone(&self.header), operation }
    }

    /// Takes out what callers say in its place, in any spelling.
    pub(crate) fn strip(&self, headers: &Headers, edits: &mut Vec<Edit>) {
        let names = headers.iter().map(|(name, _)| name);
        let names = names.filter(|name| is_spelling(name, &self.header));
        edits.extend(names.filter_map(|name| str::from_utf8(name).ok()).map(Edit::remove));
    }
}

/// The question for a token (RFC 8693, section 2.1): for whom, about whom. What
/// else a caller's own token said is not passed on.
pub(crate) fn question(principal: &Principal, audience: &str) -> String {
    let subject = Principal { claims: None, ..principal.clone() }.to_json();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    form.append_pair("subject_token_type", "urn:tollgate:token-type:principal");
    form.append_pair("subject_token", &String::from_utf8_lossy(&subject));
    form.append_pair("audience", audience);
    form.finish()
}
