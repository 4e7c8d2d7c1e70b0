use crate::Refused;
use crate::limits::SIGNED_BYTES_MAX;
use crate::request::sha256;

/// What is signed, put together line by line.
#[derive(Debug, Default)]
pub(crate) struct Text(Vec<u8>);

// === impl Text ===

impl Text {
    /// Adds some bytes.
    pub(crate) fn add(&mut self, parts: &[&[u8]]) -> Result<(), Refused> {
        for part in parts {
            if SIGNED_BYTES_MAX < self.0.len().saturating_add(part.len()) {
                return Err(Refused::SignedTooLong);
            }
            self.0.extend_from_slice(part);
        }
        Ok(())
    }

    /// Adds a line and ends it.
    pub(crate) fn line(&mut self, parts: &[&[u8]]) -> Result<(), Refused> {
        self.add(parts)?;
        self.add(&[b"\n"])
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn sha256(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}
