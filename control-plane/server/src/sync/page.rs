use std::time::Duration;

use tollgate_core::Timestamp;
use tollgate_store::{Revocation, Revoked, SigningKeyRecord, Store, StoreUnavailable, Tenant};
use tollgate_sync::message::{Denial, Kind, PAGE, Request, Response};

/// A change of the store, by its number, and what it means for an Envoy.
type Change = (u64, Option<Denial>);

/// A gateway believes in a signing key for 30 s, by a clock that may be wrong.
const BELIEVED: Duration = Duration::from_hours(1);

/// The denials that an Envoy does not know of, the oldest first: as many as fit.
/// `sequence` is the last change of the store that is certainly visible.
///
/// An Envoy that knows of later changes than there are has known another store.
pub(crate) async fn denials(
    request: &Request,
    sequence: u64,
    store: &Store,
) -> Result<Response, StoreUnavailable> {
    let reset = sequence < request.sequence;
    let since = if reset { 0 } else { request.sequence };
    if since == sequence {
        return Ok(Response { sequence, reset, ..Response::default() });
    }
    let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
    let revocations = store.revocations_since(since, limit).await?;
    let tenants = store.tenants_since(since, limit).await?;
    let keys = store.signing_keys_since(since, limit).await?;
    let lists: [Vec<Change>; 3] = [
        revocations.into_iter().map(revoked).collect(),
        tenants.into_iter().map(tenant).collect(),
        keys.into_iter().map(signing_key).collect(),
    ];
    let last = whole_up_to(&lists);
    let mut changes: Vec<Change> = lists.into_iter().flatten().collect();
    changes.sort_unstable_by_key(|(number, _)| *number);
    changes.retain(|(number, _)| last.is_none_or(|last| *number <= last));
    let more = last.is_some() || PAGE < changes.len();
    changes.truncate(PAGE);
    let seen = changes.last().map_or(since, |(number, _)| *number);
    Ok(Response {
        sequence: if more { seen } else { seen.max(sequence) },
        reset,
        more,
        // Who has nothing yet need not be told what is not refused.
        denials: changes
            .into_iter()
            .filter_map(|(_, denial)| denial)
            .filter(|denial| since != 0 || !denial.lifted)
            .collect(),
        ..Response::default()
    })
}

/// Up to where all lists are whole; none if they are to their end.
fn whole_up_to(lists: &[Vec<Change>]) -> Option<u64> {
    let cut = lists.iter().filter(|list| list.len() == PAGE);
    cut.filter_map(|list| list.last()).map(|(number, _)| *number).min()
}

fn revoked(revocation: Revocation) -> Change {
    let Revocation { what, at, until, sequence } = revocation;
    let (kind, issuer, name) = match what {
        Revoked::Token { issuer, jti } => (Kind::Token, issuer, jti),
        Revoked::Subject { issuer, subject } => (Kind::Subject, issuer, subject),
        Revoked::ApiKey(id) => (Kind::ApiKey, String::new(), id),
        Revoked::Tenant(id) => (Kind::Tenant, String::new(), id),
    };
    let (at, until) = (at.as_seconds(), until.map(Timestamp::as_seconds));
    (sequence, Some(Denial { kind: kind as i32, issuer, name, at, until, lifted: false }))
}

/// A tenant that is gone is refused as one that is suspended: whoever was
/// suspended must not get in again by being deleted.
fn tenant(tenant: Tenant) -> Change {
    let Tenant { id: name, suspended, deleted_at, sequence, .. } = tenant;
    let lifted = !suspended && deleted_at.is_none();
    let kind = Kind::Suspended as i32;
    (sequence, Some(Denial { kind, name, lifted, ..Denial::default() }))
}

/// A key that works is no news, and one that was revoked is so only as long as
/// a gateway may believe in it.
fn signing_key(key: SigningKeyRecord) -> Change {
    let SigningKeyRecord { id: name, revoked_at, sequence, .. } = key;
    let denial = revoked_at.map(|at| Denial {
        kind: Kind::SigningKey as i32,
        name,
        at: at.as_seconds(),
        until: Some(at.plus(BELIEVED).as_seconds()),
        ..Denial::default()
    });
    (sequence, denial)
}
