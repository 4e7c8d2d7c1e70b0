use std::time::Duration;

use serde::{Deserialize, Serialize};
use tollgate_core::{
    Answer, CallId, Cx, Edit, Edits, Filter, GrpcAnswer, GrpcCallId, Headers, Host, RequestHead,
    Seed, Verdict,
};

use crate::{
    Access, AccessSpec, Authenticator, Facts, IdentitySpec, InvalidAccess, InvalidIdentity, Stop,
};

/// Authentication and authorisation as a filter of its own.
///
/// It leaves the caller for later filters in the property
/// [`PRINCIPAL`], as [`tollgate_core::Principal::to_json`] writes it.
pub struct AuthFilter {
    authenticator: Authenticator,
    access: Access,
}

/// What the filter is configured with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuthFilterSpec {
    /// Whom it can recognise.
    pub identity: IdentitySpec,

    /// Who of them may call.
    pub access: AccessSpec,
}

/// Why the filter's configuration was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuthFilter {
    /// Whom it can recognise.
    #[error("identity.{0}")]
    Identity(#[from] InvalidIdentity),

    /// Who may call.
    #[error("access.{0}")]
    Access(#[from] InvalidAccess),
}

/// The property with the caller, between modules of one filter chain.
pub const PRINCIPAL: &[u8] = b"tollgate.principal";

// === impl AuthFilter ===

impl Filter for AuthFilter {
    const NAME: &'static str = "auth";
    type Spec = AuthFilterSpec;
    type Error = InvalidAuthFilter;

    fn compile(spec: AuthFilterSpec, seed: Seed) -> Result<Self, InvalidAuthFilter> {
        let AuthFilterSpec { identity, access } = spec;
        let authenticator = Authenticator::compile(identity, seed)?;
        let access = Access::compile(access, &[], &authenticator)?;
        Ok(Self { authenticator, access })
    }

    fn prepare(&mut self, host: &mut dyn Host) {
        self.authenticator.prepare(host);
    }

    fn tick_period(&self) -> Option<Duration> {
        self.authenticator.tick_period()
    }

    fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.authenticator.on_tick(cx);
    }

    fn on_grpc_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        self.authenticator.on_grpc_answer(id, answer, cx);
    }

    fn on_request(&mut self, head: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        self.judge(*head, None, cx).map_or_else(Verdict::from, Verdict::Continue)
    }

    fn on_whole_request(
        &mut self,
        head: &RequestHead<'_>,
        body: &[u8],
        cx: &mut Cx<'_>,
    ) -> Verdict {
        self.judge(*head, Some(body), cx).map_or_else(Verdict::from, Verdict::Continue)
    }

    fn on_answer(&mut self, id: CallId, answer: &Answer, cx: &mut Cx<'_>) {
        self.authenticator.on_answer(id, answer, cx);
    }

    fn on_request_trailers(&self, trailers: &Headers) -> Vec<Edit> {
        let mut edits = Vec::new();
        self.authenticator.strip_trailers(trailers, &mut edits);
        edits
    }
}

impl AuthFilter {
    fn judge(
        &mut self,
        head: RequestHead<'_>,
        body: Option<&[u8]>,
        cx: &mut Cx<'_>,
    ) -> Result<Edits, Stop> {
        let caller = self.authenticator.recognise(&self.access, &head, body, cx)?;
        let principal = caller.as_ref().map(|caller| &*caller.principal);
        let path = head.path().ok();
        let (method, headers) = (head.method(), head.headers);
        let facts = Facts { method, path, headers, path_parameters: &[] };
        self.access.authorise(principal, &facts)?;
        let token = match &caller {
            Some(caller) => self.authenticator.admit(&self.access, caller, cx)?,
            None => None,
        };
        if let Some(principal) = principal {
            cx.host.set_property(PRINCIPAL, &principal.to_json());
        }
        let mut edits = Edits::default();
        self.authenticator.strip(&self.access, &head, &mut edits.request);
        edits.request.extend(token);
        Ok(edits)
    }
}
