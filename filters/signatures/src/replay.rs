//! What was seen before.

mod slot;

use tollgate_core::{
    Cx, Fingerprint, Host, Seed, SharedDataUnavailable, Timestamp, Version, update,
};

use crate::Verified;
use crate::replay::slot::{Mark, NotFresh, Slot};

/// Admits each signature once.
///
/// What was seen is kept until it has expired, in the data that all workers of
/// an Envoy share, and never makes room for something else: while there is no
/// room, further signatures of that key, or of that slot, are refused.
///
/// There is a fixed number of slots, made before any worker runs, because
/// nothing can be removed from shared data and the first insert of a key is not
/// protected from another one.
#[derive(Clone, Debug)]
pub struct ReplayGuard {
    /// The same for all workers of an Envoy, since they share the slots.
    seed: Seed,
}

/// Why a signature that holds is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum Replayed {
    #[error("the signature was used before; sign again, with a new nonce or at another second")]
    Seen,
    #[error("the key has more signatures in use than are remembered; sign fewer requests")]
    Full,
    #[error("the signatures that were used before cannot be looked up")]
    Unavailable,
}

/// At 64 signatures each, 32 of them of one key; 40 MiB if every one is used to
/// the full. A key that has 250,000 signatures in use (800 requests a second, each
/// accepted for 300 seconds) finds no room once in 4,000 requests.
const SLOTS: u32 = 16_384;

/// Names the layout of a slot too: another layout would need another name.
const SLOT_NAME: &str = "tollgate.signatures.1";

// === impl ReplayGuard ===

impl ReplayGuard {
    /// Keeps what was seen under keyed hashes, so that nobody can choose
    /// nonces that fall into one slot.
    pub fn new(seed: Seed) -> Self {
        Self { seed }
    }

    /// Makes the slots, unless they have been made. Has to run once before any
    /// worker admits a request.
    pub fn prepare(&self, host: &mut dyn Host) {
        // Without them, requests are refused.
        let _ = prepare(host);
    }

    /// Admits a signature that was not admitted before.
    pub fn admit(&self, verified: &Verified, cx: &mut Cx<'_>) -> Result<(), Replayed> {
        let mark = self.mark(verified);
        let name = slot_name(mark.slot_number(SLOTS));
        let now = cx.now;
        update(name.as_bytes(), cx.host, |bytes| match bytes.as_deref().and_then(Slot::decode) {
            None => (Err(Replayed::Unavailable), None),
            Some(mut slot) => match slot.admit(mark, now) {
                Ok(()) => (Ok(()), Some(slot.encode())),
                Err(not_fresh) => (Err(not_fresh.into()), None),
            },
        })
        .unwrap_or(Err(Replayed::Unavailable))
    }

    /// What tells this signature from every other one: the nonce, where the
    /// caller has promised one, or else all that was signed.
    fn mark(&self, verified: &Verified) -> Mark {
        let key = verified.key_id.as_bytes();
        let what = match &verified.nonce {
            Some(nonce) => self.seed.fingerprint(&[key, b"nonce", nonce.as_bytes()]),
            None => self.seed.fingerprint(&[key, b"signed", &verified.signed_sha256]),
        };
        Mark { what, whose: self.seed.fingerprint(&[key]), until: verified.expires }
    }
}

fn prepare(host: &mut dyn Host) -> Result<(), SharedDataUnavailable> {
    if let (Some(_), _) = host.load(SLOT_NAME.as_bytes())? {
        return Ok(());
    }
    for number in 0..SLOTS {
        let name = slot_name(number);
        if let (None, version) = host.load(name.as_bytes())? {
            host.store(name.as_bytes(), &Slot::default().encode(), version)?;
        }
    }
    // Written last: it says that all of the others are there.
    host.store(SLOT_NAME.as_bytes(), b"ready", Version::Absent).map(|_| ())
}

fn slot_name(number: u32) -> String {
    format!("{SLOT_NAME}.{number}")
}

impl From<NotFresh> for Replayed {
    fn from(not_fresh: NotFresh) -> Self {
        match not_fresh {
            NotFresh::Seen => Self::Seen,
            NotFresh::Full => Self::Full,
        }
    }
}

/// Whether a slot of these bytes, if it is one, admits a mark once at most and
/// reads what it wrote, for the fuzzer.
pub fn fuzz_slot(bytes: &[u8], what: u128, until: u64, now: u64) -> bool {
    let Some(mut slot) = Slot::decode(bytes) else { return true };
    let [until, now] = [until, now].map(Timestamp::from_nanos);
    let mark = Mark { what: Fingerprint(what), whose: Fingerprint(what >> 64), until };
    let admitted = slot.admit(mark, now).is_ok();
    let read = Slot::decode(&slot.encode());
    read.as_ref() == Some(&slot) && !(admitted && slot.admit(mark, now).is_ok())
}
