use sha2::{Digest as _, Sha256, Sha512};

/// What the body has to be for the signature to hold for the whole request.
///
/// A request must not reach its backend before its body has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodyCheck {
    /// Anything: the caller did not sign it, and the configuration allows that.
    Unsigned,
    /// Empty: the signature covers none.
    Empty,
    /// What has this SHA-256.
    Sha256([u8; 32]),
    /// What has this SHA-512.
    Sha512([u8; 64]),
}

/// A check of a body that arrives piece by piece.
#[derive(Clone, Debug)]
pub struct BodyDigest {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Unsigned,
    Empty { bytes_seen: bool },
    Sha256(Sha256, [u8; 32]),
    Sha512(Sha512, [u8; 64]),
}

/// The body is not the one that was signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the body is not the one that was signed")]
pub struct BodyMismatch;

// === impl BodyCheck ===

impl BodyCheck {
    /// Begins to check a body.
    pub fn start(&self) -> BodyDigest {
        let state = match *self {
            Self::Unsigned => State::Unsigned,
            Self::Empty => State::Empty { bytes_seen: false },
            Self::Sha256(expected) => State::Sha256(Sha256::new(), expected),
            Self::Sha512(expected) => State::Sha512(Sha512::new(), expected),
        };
        BodyDigest { state }
    }

    /// Checks a body that is there as a whole.
    pub fn check(&self, body: &[u8]) -> Result<(), BodyMismatch> {
        let mut digest = self.start();
        digest.update(body);
        digest.finish()
    }
}

// === impl BodyDigest ===

impl BodyDigest {
    /// Takes the next piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.state {
            State::Unsigned => {}
            State::Empty { bytes_seen } => *bytes_seen |= !piece.is_empty(),
            State::Sha256(hash, _) => hash.update(piece),
            State::Sha512(hash, _) => hash.update(piece),
        }
    }

    /// Whether the body, now that it has ended, is the one that was signed.
    pub fn finish(self) -> Result<(), BodyMismatch> {
        let is_signed = match self.state {
            State::Unsigned => true,
            State::Empty { bytes_seen } => !bytes_seen,
            State::Sha256(hash, expected) => hash.finalize()[..] == expected,
            State::Sha512(hash, expected) => hash.finalize()[..] == expected,
        };
        if is_signed { Ok(()) } else { Err(BodyMismatch) }
    }
}
