use std::num::NonZeroUsize;
use std::rc::Rc;

use lru::LruCache;
use tollgate_auth::Authenticator;
use tollgate_core::Host;

use crate::contract::{Contract, id_of};
use crate::spec::ContractSpec;

/// The contracts that a worker has met, compiled.
///
/// A contract is found by the hash of its bytes, so one that was compiled can
/// never become stale; those used least recently make room.
pub(crate) struct Contracts {
    compiled: LruCache<Id, Compiled>,
    /// Most requests are for the same API as the one before.
    last: Option<(Id, Rc<Contract>)>,
}

/// Digits of a hash.
type Id = [u8; 32];

/// Why a contract cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error("the route names no policy")]
    Unnamed,
    #[error("the policy that the route names is missing")]
    Missing,
    #[error("the policy is not the one that the route names")]
    OtherContent,
    #[error("the policy that the route names is malformed")]
    Malformed,
}

/// Remembered even when it failed: the same bytes would fail again.
type Compiled = Result<Rc<Contract>, Unavailable>;

/// Many more APIs than one worker serves at a time; about 10 MB for small ones.
const CONTRACTS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// The bodies stand once for each virtual host.
const BODIES: &[u8] = b"xds\0virtual_host_metadata\0filter_metadata\0tollgate\0contracts\0";

// === impl Contracts ===

impl Contracts {
    pub(crate) fn new() -> Self {
        Self { compiled: LruCache::new(CONTRACTS_MAX), last: None }
    }

    /// The contract that the route of this stream names.
    pub(crate) fn get(
        &mut self,
        id: &[u8],
        authenticator: &Authenticator,
        host: &mut dyn Host,
    ) -> Compiled {
        let id: Id = id.try_into().map_err(|_| Unavailable::Unnamed)?;
        match &self.last {
            Some((last, contract)) if *last == id => Ok(Rc::clone(contract)),
            _ => {
                let contract = self.find(id, authenticator, host)?;
                self.last = Some((id, Rc::clone(&contract)));
                Ok(contract)
            }
        }
    }

    fn find(&mut self, id: Id, authenticator: &Authenticator, host: &mut dyn Host) -> Compiled {
        if let Some(compiled) = self.compiled.get(&id) {
            return compiled.clone();
        }
        let body = host.property(&[BODIES, &id].concat()).ok_or(Unavailable::Missing)?;
        if id_of(&body).as_bytes() != id {
            return Err(Unavailable::OtherContent);
        }
        let compiled = compile(&body, authenticator);
        self.compiled.put(id, compiled.clone());
        compiled
    }
}

fn compile(body: &[u8], authenticator: &Authenticator) -> Compiled {
    let spec: ContractSpec = serde_json::from_slice(body).map_err(|_| Unavailable::Malformed)?;
    let contract = Contract::compile(spec, authenticator).map_err(|_| Unavailable::Malformed)?;
    Ok(Rc::new(contract))
}
