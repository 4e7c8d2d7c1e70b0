use tollgate_core::Headers;

use crate::abi;
use crate::failure::Failure;

/// The body of a request, which Envoy holds while the request is held.
#[derive(Default)]
pub(crate) struct Body {
    /// How many bytes are held.
    bytes: usize,
    has_ended: bool,
    /// How many bytes it may have; none as long as the filter does not want it.
    bytes_max: Option<usize>,
}

// === impl Body ===

impl Body {
    /// Envoy says how much it holds, all pieces together.
    pub(crate) fn note(&mut self, bytes: usize, end: bool) {
        self.bytes = self.bytes.max(bytes);
        self.has_ended |= end;
    }

    /// Trailers follow the body, so it has ended.
    pub(crate) fn note_end(&mut self) {
        self.has_ended = true;
    }

    /// The filter wants it. One that says itself that it is too long is not
    /// waited for, and what it says otherwise is not believed.
    pub(crate) fn want(&mut self, bytes_max: usize, headers: &Headers) -> Result<(), Failure> {
        // It has been given already, or would have been.
        if self.bytes_max.is_some() && self.has_ended {
            return Err(Failure::Body);
        }
        self.bytes_max = Some(bytes_max);
        match stated_bytes(headers) {
            Some(stated) if u64::try_from(bytes_max).is_ok_and(|max| max < stated) => {
                Err(Failure::BodyTooLong { bytes_max })
            }
            _ => Ok(()),
        }
    }

    /// Whether it is known what becomes of a request that waits for it.
    pub(crate) fn is_decided(&self) -> bool {
        self.has_ended || self.is_too_long().is_some()
    }

    /// The whole body, if it has ended, and the filter wants it or there is none.
    pub(crate) fn whole(&self) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(bytes_max) = self.is_too_long() {
            return Err(Failure::BodyTooLong { bytes_max });
        }
        match (self.has_ended, self.bytes, self.bytes_max) {
            (true, 0, _) => Ok(Some(Vec::new())),
            (true, bytes, Some(_)) => read(bytes).map(Some),
            _ => Ok(None),
        }
    }

    fn is_too_long(&self) -> Option<usize> {
        self.bytes_max.filter(|bytes_max| *bytes_max < self.bytes)
    }
}

/// Exactly as many bytes as came: what is judged is what goes on.
fn read(bytes: usize) -> Result<Vec<u8>, Failure> {
    let body = abi::request_body(bytes.saturating_add(1)).map_err(|_| Failure::Body)?;
    if body.len() == bytes { Ok(body) } else { Err(Failure::Body) }
}

fn stated_bytes(headers: &Headers) -> Option<u64> {
    str::from_utf8(headers.get("content-length")?).ok()?.parse().ok()
}
