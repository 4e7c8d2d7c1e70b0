use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use tollgate_auth::{Access, AccessSpec, AuthSpec, Authenticator};
use tollgate_rate_limit::{InvalidLimits, LimitSpec, Limits};
use tollgate_tenant_budget::BackendCapSpec;

use crate::budget::Caps;
use crate::matcher::{Decision, Request};
use crate::operation::{InvalidOperation, Operation};
use crate::pattern::Pattern;
use crate::pricing::{InvalidPricing, Pricing};
use crate::spec::ContractSpec;
use crate::tree::Tree;

/// What one API asks of its callers, ready to be enforced.
pub struct Contract {
    api: Box<str>,
    pub(crate) limits: Limits,
    pub(crate) pricing: Pricing,
    backends: Caps,
    operations: Box<[Operation]>,
    tree: Tree,
    /// Places of the operations with a regular expression, ascending.
    regexes: Box<[usize]>,
}

/// What a contract says about a request.
#[derive(Clone, Copy)]
pub enum Found<'c> {
    /// This operation serves it.
    Operation(&'c Operation),
    /// No operation does, but one would if the letters of the path were
    /// capital or small as in the contract.
    OtherCase,
    /// A header or query parameter on which it depends stands there twice.
    Unclear,
    /// No operation does.
    Nothing,
}

/// Why a contract was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidContract {
    /// One operation makes no sense.
    #[error("operations[{index}].{fault}")]
    Operation {
        /// Its place in the list.
        index: usize,
        /// What is wrong.
        fault: InvalidOperation,
    },

    /// How often its callers may call.
    #[error("limits{0}")]
    Limits(InvalidLimits),

    /// What that counts.
    #[error("limits{0}")]
    Pricing(InvalidPricing),

    /// Two operations would be counted and reported as one.
    #[error("operations[{index}].name: {name:?} stands there already; rename one")]
    DuplicateName {
        /// The place of the second one.
        index: usize,
        /// The name.
        name: String,
    },

    /// Envoy chooses the route anew after a header was written.
    #[error(
        "operations[{index}].request.headers: {header:?} decides which route is taken, so it \
         cannot be changed; match another header"
    )]
    WritesDecidingHeader {
        /// The place of the operation that writes it.
        index: usize,
        /// The header.
        header: String,
    },
}

// === impl ContractSpec ===

impl ContractSpec {
    /// The contract as it travels to Envoy: JSON, always the same for the same
    /// contract.
    pub fn canonical(&self) -> String {
        // Structs and sorted maps with string keys: nothing in them can fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What routes call it: the first half of the SHA-256 of
    /// [`ContractSpec::canonical`], in 32 hexadecimal digits.
    pub fn id(&self) -> String {
        id_of(self.canonical().as_bytes())
    }
}

/// The id of the contract whose canonical form this is.
pub(crate) fn id_of(canonical: &[u8]) -> String {
    let digest = Sha256::digest(canonical);
    let half = digest.iter().take(16);
    half.flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|d| char::from_digit(d.into(), 16))
        .collect()
}

// === impl Contract ===

impl Contract {
    /// Checks a contract against those who can be recognised.
    pub fn compile(
        spec: ContractSpec,
        authenticator: &Authenticator,
    ) -> Result<Self, InvalidContract> {
        let ContractSpec { api, limits, backends, operations } = spec;
        let (limits, pricing) = api_limits(&api, limits, authenticator)?;
        let compile = |(index, spec)| {
            Operation::compile(spec, authenticator)
                .map_err(|fault| InvalidContract::Operation { index, fault })
        };
        let operations =
            operations.into_iter().enumerate().map(compile).collect::<Result<Box<[_]>, _>>()?;
        no_name_twice(&operations)?;
        no_decider_is_written(&operations)?;
        let patterns = || operations.iter().map(|one| &one.matcher.pattern).enumerate();
        let regexes = patterns().filter(|(_, pattern)| matches!(pattern, Pattern::Regex(_)));
        Ok(Self {
            api: api.into(),
            limits,
            pricing,
            backends,
            tree: patterns().collect(),
            regexes: regexes.map(|(index, _)| index).collect(),
            operations,
        })
    }

    /// The API's name.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// What a backend takes; nothing is known of those that no operation uses.
    pub(crate) fn backend(&self, name: &str) -> Option<BackendCapSpec> {
        self.backends.get(name).copied()
    }

    /// The operations, in the order in which they are tried.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Finds the operation that serves a request: the first in the list that
    /// fits it.
    pub fn find(&self, request: &Request<'_>) -> Found<'_> {
        let mut first: Option<(&Operation, usize, Decision)> = None;
        self.visit(request, &mut |index, operation| {
            if first.is_none_or(|(_, before, _)| index < before)
                && let Some(decision) = operation.matcher.decide(request)
            {
                first = Some((operation, index, decision));
            }
        });
        match first {
            Some((operation, _, Decision::Serve)) => Found::Operation(operation),
            Some((_, _, Decision::OtherCase)) => Found::OtherCase,
            Some((_, _, Decision::Unclear)) => Found::Unclear,
            None => Found::Nothing,
        }
    }

    /// The methods by which the path of a request could be called that no
    /// operation serves; none if there is nothing at the path.
    pub fn methods_instead(&self, request: &Request<'_>) -> BTreeSet<&str> {
        let mut methods = BTreeSet::new();
        self.visit(request, &mut |_, operation| {
            let instead = operation.matcher.methods_instead(request);
            methods.extend(instead.iter().map(AsRef::as_ref));
        });
        methods
    }

    /// Calls `visit` with every operation that may fit: those that the tree
    /// finds, and last, in the order of the list, those it does not hold.
    fn visit<'c>(&'c self, request: &Request<'_>, visit: &mut dyn FnMut(usize, &'c Operation)) {
        let mut visit = |index| {
            if let Some(operation) = self.operations.get(index) {
                visit(index, operation);
            }
        };
        self.tree.visit(&request.path, &mut visit);
        self.regexes.iter().copied().for_each(visit);
    }
}

/// Of limits that hold for whichever operation, so nothing is asked about the
/// path; and of callers, what they have on that operation.
fn api_limits(
    api: &str,
    specs: Vec<LimitSpec>,
    authenticator: &Authenticator,
) -> Result<(Limits, Pricing), InvalidContract> {
    let limits = Limits::of_api(api, specs).map_err(InvalidContract::Limits)?;
    let (allow, api_key, when_stale, token_audience) = <_>::default();
    let whoever = AccessSpec { auth: AuthSpec::None, allow, api_key, when_stale, token_audience };
    // Whoever may call: nothing of it can be refused.
    let Ok(whoever) = Access::compile(whoever, &[], authenticator) else {
        return Ok((limits, Pricing::default()));
    };
    let pricing = Pricing::of_requests(&limits, (&whoever, authenticator));
    let pricing = pricing.map_err(InvalidContract::Pricing)?;
    Ok((limits, pricing))
}

fn no_name_twice(operations: &[Operation]) -> Result<(), InvalidContract> {
    let mut seen = BTreeSet::new();
    match operations.iter().position(|one| !seen.insert(one.name())) {
        None => Ok(()),
        Some(index) => {
            let name = operations.get(index).map(Operation::name).unwrap_or_default().to_owned();
            Err(InvalidContract::DuplicateName { index, name })
        }
    }
}

fn no_decider_is_written(operations: &[Operation]) -> Result<(), InvalidContract> {
    let deciders: BTreeSet<&str> =
        operations.iter().flat_map(|one| one.matcher.header_names()).collect();
    for (index, operation) in operations.iter().enumerate() {
        if let Some(header) = operation.written.iter().find(|name| deciders.contains(name.as_str()))
        {
            return Err(InvalidContract::WritesDecidingHeader { index, header: header.clone() });
        }
    }
    Ok(())
}
