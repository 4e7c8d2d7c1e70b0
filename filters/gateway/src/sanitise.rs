use std::rc::Rc;

use tollgate_core::{Edit, Headers, Operation, Reply, is_envoys_own, is_of_shards, is_reserved};

use crate::problem;

/// Takes out what callers say about themselves and only proxies may say.
pub(crate) struct Sanitiser {
    /// How many right-most entries of `X-Forwarded-For` were written by
    /// proxies of ours, Envoy included.
    own_hops: usize,
    forwarded_for: Rc<str>,
    /// Whether Envoy finds routes by headers that it writes, and routes take out.
    has_shards: bool,
}

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Envoy adds it to nearly every request.
const CALLER: &[u8] = b"x-envoy-external-address";

// === impl Sanitiser ===

impl Sanitiser {
    pub(crate) fn new(trusted_hops: u32) -> Self {
        Self {
            own_hops: usize::try_from(trusted_hops).unwrap_or(usize::MAX).saturating_add(1),
            forwarded_for: FORWARDED_FOR.into(),
            has_shards: false,
        }
    }

    /// Where Envoy finds routes by headers of shards.
    pub(crate) fn with_shards(self) -> Self {
        Self { has_shards: true, ..self }
    }

    /// Appends what is done to the headers of a request.
    pub(crate) fn apply(&self, headers: &Headers, edits: &mut Vec<Edit>) -> Result<(), Reply> {
        self.remove_reserved(headers, edits)?;
        if let Some(value) = self.own_entries(headers) {
            let name = Rc::clone(&self.forwarded_for);
            edits.push(Edit { name, operation: Operation::Set(value.into()) });
        }
        Ok(())
    }

    /// Removes reserved headers: all that trailers need.
    pub(crate) fn remove_reserved(
        &self,
        headers: &Headers,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Reply> {
        for (name, value) in headers.iter() {
            if is_reserved(name) && !self.is_envoys_own(name, value, headers) {
                let name = std::str::from_utf8(name).map_err(|_| problem::header_name())?;
                edits.push(Edit::remove(name));
            }
        }
        Ok(())
    }

    fn is_envoys_own(&self, name: &[u8], value: &[u8], headers: &Headers) -> bool {
        is_envoys_own(name)
            || self.has_shards && is_of_shards(name)
            || self.is_caller(name, value, headers)
    }

    /// Whether a line says no more of the caller's address than the entry of
    /// `X-Forwarded-For` that the outermost proxy of ours wrote. It may stay:
    /// the first change of a header costs as much as three others.
    fn is_caller(&self, name: &[u8], value: &[u8], headers: &Headers) -> bool {
        name == CALLER && self.caller(headers) == Some(value)
    }

    /// The entry of our outermost proxy, where they all stand in one line.
    fn caller<'h>(&self, headers: &'h Headers) -> Option<&'h [u8]> {
        let line = headers.only(FORWARDED_FOR).ok()??;
        let entry = line.rsplit(|&b| b == b',').nth(self.own_hops.checked_sub(1)?);
        entry.map(<[u8]>::trim_ascii)
    }

    /// The entries of `X-Forwarded-For` that were written by proxies of ours, if there are others.
    fn own_entries(&self, headers: &Headers) -> Option<Vec<u8>> {
        let lines = headers.iter().filter(|(name, _)| *name == FORWARDED_FOR.as_bytes());
        let entries = lines.flat_map(|(_, value)| value.split(|&b| b == b','));
        let others = entries.clone().count().checked_sub(self.own_hops).filter(|&n| 0 < n)?;
        let own: Vec<_> = entries.skip(others).map(<[u8]>::trim_ascii).collect();
        Some(own.join(&b", "[..]))
    }
}
