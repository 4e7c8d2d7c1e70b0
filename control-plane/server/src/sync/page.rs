use tollgate_core::Timestamp;
use tollgate_store::{Revocation, Revoked, Store, StoreUnavailable, Tenant};
use tollgate_sync::message::{Denial, Kind, PAGE, Request, Response};

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
    let last = whole_up_to(&revocations, &tenants);
    let mut changes: Vec<(u64, Denial)> =
        revocations.into_iter().map(revoked).chain(tenants.into_iter().map(tenant)).collect();
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
            .map(|(_, denial)| denial)
            .filter(|denial| since != 0 || !denial.lifted)
            .collect(),
        ..Response::default()
    })
}

/// Up to where both lists are whole; none if they are to their end.
fn whole_up_to(revocations: &[Revocation], tenants: &[Tenant]) -> Option<u64> {
    let revocation = revocations.last().filter(|_| revocations.len() == PAGE);
    let tenant = tenants.last().filter(|_| tenants.len() == PAGE);
    let ends = [revocation.map(|last| last.sequence), tenant.map(|last| last.sequence)];
    ends.into_iter().flatten().min()
}

fn revoked(revocation: Revocation) -> (u64, Denial) {
    let Revocation { what, at, until, sequence } = revocation;
    let (kind, issuer, name) = match what {
        Revoked::Token { issuer, jti } => (Kind::Token, issuer, jti),
        Revoked::Subject { issuer, subject } => (Kind::Subject, issuer, subject),
        Revoked::ApiKey(id) => (Kind::ApiKey, String::new(), id),
        Revoked::Tenant(id) => (Kind::Tenant, String::new(), id),
    };
    let (at, until) = (at.as_seconds(), until.map(Timestamp::as_seconds));
    (sequence, Denial { kind: kind as i32, issuer, name, at, until, lifted: false })
}

/// A tenant that is gone is refused as one that is suspended: whoever was
/// suspended must not get in again by being deleted.
fn tenant(tenant: Tenant) -> (u64, Denial) {
    let Tenant { id: name, suspended, deleted_at, sequence, .. } = tenant;
    let lifted = !suspended && deleted_at.is_none();
    let kind = Kind::Suspended as i32;
    (sequence, Denial { kind, name, lifted, ..Denial::default() })
}
