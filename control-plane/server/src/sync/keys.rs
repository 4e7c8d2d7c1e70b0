use tollgate_sync::message::{CHUNK_BYTES_MAX, Chunk, NewerKeys, Request, Response};

use crate::sync::follow::{Filter, Followed};

/// Adds what an Envoy does not know of API keys.
pub(crate) fn add(response: &mut Response, request: &Request, followed: &Followed) {
    let Followed { sequence, filter, newer } = followed;
    let version = filter.sequence.saturating_add(1);
    // A replica that is behind must not take a newer filter away.
    let wants = request.filter < version || response.reset;
    response.chunk = chunk(request, filter).filter(|_| wants);
    let is_whole = response.chunk.as_ref().is_some_and(is_last);
    response.more |= response.chunk.is_some() && !is_whole;
    let has_changed = request.filter == version && request.sequence != *sequence;
    if is_whole || has_changed {
        response.newer = Some(NewerKeys {
            filter: version,
            fingerprints: newer.clone().unwrap_or_default(),
            too_many: newer.is_none(),
        });
    }
}

/// The part of a filter that comes next; none of one that is empty.
fn chunk(request: &Request, filter: &Filter) -> Option<Chunk> {
    let version = filter.sequence.saturating_add(1);
    let filling = request.filling.filter(|filling| filling.version == version);
    let offset = filling.map_or(0, |filling| filling.bytes);
    let rest = filter.bytes.get(usize::try_from(offset).ok()?..)?;
    let bytes = rest.get(..rest.len().min(CHUNK_BYTES_MAX))?.to_vec();
    let total = u32::try_from(filter.bytes.len()).ok()?;
    (!bytes.is_empty()).then_some(Chunk { version, total, offset, bytes })
}

fn is_last(chunk: &Chunk) -> bool {
    let length = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
    chunk.offset.saturating_add(length) == chunk.total
}
