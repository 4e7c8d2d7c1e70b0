use std::borrow::Cow;

use tollgate_auth::{Access, Authenticator, InvalidAccess};
use tollgate_core::{Edit, Headers, RequestHead};
use tollgate_rate_limit::{InvalidLimits, Limits};
use tollgate_transform::{InvalidTransform, MessageSpec, Transform};

use crate::matcher::{InvalidMatch, Matcher, Request};
use crate::pricing::{InvalidPricing, Pricing};
use crate::shadow::{InvalidShadow, Shadow};
use crate::spec::{OperationSpec, UseSpec};

/// One operation of an API, ready to be enforced.
pub struct Operation {
    name: Box<str>,
    group: Box<str>,
    pub(crate) matcher: Matcher,
    pub(crate) access: Access,
    pub(crate) shadow: Shadow,
    pub(crate) limits: Limits,
    pub(crate) pricing: Pricing,
    pub(crate) uses: UseSpec,
    pub(crate) transform: Transform,
    /// The request headers that the transformation writes, in lower case.
    pub(crate) written: Vec<String>,
}

/// Why an operation was refused. The texts begin with the field's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOperation {
    /// Which requests it serves.
    #[error(transparent)]
    Match(#[from] InvalidMatch),

    /// Credentials are taken out of every request, and then Envoy would choose
    /// the route anew.
    #[error(
        "match.{kind}.{name}: {name:?} carries credentials, which are taken out before the \
         backend is chosen; use another one"
    )]
    Credential {
        /// `headers` or `query`.
        kind: &'static str,
        /// Which of them.
        name: String,
    },

    /// Who may call it.
    #[error(transparent)]
    Access(#[from] InvalidAccess),

    /// What refuses nobody.
    #[error(transparent)]
    Shadow(#[from] InvalidShadow),

    /// How often.
    #[error("limits{0}")]
    Limits(InvalidLimits),

    /// What they count.
    #[error("limits{0}")]
    Pricing(InvalidPricing),

    /// What is changed.
    #[error(transparent)]
    Transform(#[from] InvalidTransform),
}

// === impl Operation ===

impl Operation {
    /// Checks an operation against those who can be recognised.
    pub fn compile(
        spec: OperationSpec,
        authenticator: &Authenticator,
    ) -> Result<Self, InvalidOperation> {
        let OperationSpec { name, group, r#match, access, shadow, limits, uses, .. } = spec;
        let OperationSpec { request, response, .. } = spec;
        let matcher = Matcher::compile(r#match)?;
        let parameters: Vec<&str> = matcher.pattern.parameter_names().collect();
        let access = Access::compile(access, &parameters, authenticator)?;
        no_credential_decides(&matcher, &access, authenticator)?;
        let limits = Limits::compile(limits).map_err(InvalidOperation::Limits)?;
        let pricing = Pricing::compile(&limits, &parameters, &access);
        Ok(Self {
            name: name.into(),
            group: group.into(),
            shadow: Shadow::compile(&shadow, &access)?,
            access,
            limits,
            pricing: pricing.map_err(InvalidOperation::Pricing)?,
            uses,
            written: written(&request),
            transform: Transform::compile(request, response, &parameters)?,
            matcher,
        })
    }

    /// The route's name in the API.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Envoy route that serves it.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The parameters of the path of a request that it serves, decoded.
    pub fn path_parameters<'a>(&'a self, request: &Request<'a>) -> Vec<(&'a str, Cow<'a, [u8]>)> {
        self.matcher.pattern.parameters(&request.path)
    }
}

fn no_credential_decides(
    matcher: &Matcher,
    access: &Access,
    authenticator: &Authenticator,
) -> Result<(), InvalidOperation> {
    let is_taken_out = |name: &str, value: &str| {
        let headers: Headers = [(name, value)].into_iter().collect();
        let mut taken_out: Vec<Edit> = Vec::new();
        authenticator.strip(access, &RequestHead { headers: &headers }, &mut taken_out);
        !taken_out.is_empty()
    };
    // The scheme matters for `authorization`, and for no other header.
    let header = matcher.header_names().find(|name| is_taken_out(name, "Bearer x"));
    let query = matcher.query_names().find(|name| access.is_key_parameter(name));
    match header.map(|name| ("headers", name)).or(query.map(|name| ("query", name))) {
        Some((kind, name)) => Err(InvalidOperation::Credential { kind, name: name.to_owned() }),
        None => Ok(()),
    }
}

fn written(request: &MessageSpec) -> Vec<String> {
    let MessageSpec { headers } = request;
    let names = headers.set.keys().chain(headers.add.keys()).chain(&headers.remove);
    names.map(|name| name.to_ascii_lowercase()).collect()
}
