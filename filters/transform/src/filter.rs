use serde::{Deserialize, Serialize};
use tollgate_core::{Cx, Edits, Filter, Principal, RequestHead, Seed, Verdict};

use crate::spec::MessageSpec;
use crate::transform::{Facts, InvalidTransform, Transform};

/// The transformation as a module of its own. It reads who is calling from what
/// the auth module left, and knows no parameters of the path.
#[derive(Clone, Debug)]
pub struct TransformFilter {
    transform: Transform,
}

/// The configuration of the module.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TransformFilterSpec {
    /// What is changed about every request.
    #[serde(default)]
    pub request: MessageSpec,

    /// What is changed about every response.
    #[serde(default)]
    pub response: MessageSpec,
}

// === impl TransformFilter ===

impl Filter for TransformFilter {
    const NAME: &'static str = "transform";
    type Spec = TransformFilterSpec;
    type Error = InvalidTransform;

    fn compile(spec: Self::Spec, _: Seed) -> Result<Self, Self::Error> {
        let TransformFilterSpec { request, response } = spec;
        Ok(Self { transform: Transform::compile(request, response, &[])? })
    }

    fn on_request(&mut self, _: &RequestHead<'_>, cx: &mut Cx<'_>) -> Verdict {
        let principal = match Principal::of_stream(cx.host) {
            Ok(principal) => principal,
            Err(reply) => return Verdict::Reply(reply),
        };
        let facts = Facts { principal: principal.as_ref(), path_parameters: &[] };
        let mut edits = Edits::default();
        self.transform.apply(&facts, &mut edits);
        Verdict::Continue(edits)
    }
}
