use std::collections::BTreeMap;

use tollgate_core::{Host, Timestamp};

use crate::deal::{Grant, key};

/// What was granted of the keys that are dealt by demand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Shares(BTreeMap<u128, Enforced>);

/// How much of a limit this Envoy enforces, in millionths.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Enforced {
    /// How much.
    pub share: u32,
    /// How much it was before it was raised last.
    pub before: u32,
    /// When that was.
    pub raised_at: Timestamp,
}

/// As many as one Envoy keeps: 256 KiB of shared data. Further keys stay as they
/// are configured.
pub(crate) const SHARES_MAX: usize = 8_192;

const KEY: &[u8] = b"tollgate.fleet.shares";

/// Key, two shares and a moment.
const ROW_BYTES: usize = 32;

// === impl Shares ===

impl Shares {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, key: u128) -> Option<Enforced> {
        self.0.get(&key).copied()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = u128> {
        self.0.keys().copied()
    }

    /// What they are after some grants, where `configured` is enforced of what
    /// nothing is granted of.
    pub(crate) fn with(&self, grants: &[Grant], configured: u32, now: Timestamp) -> Self {
        let mut shares = self.0.clone();
        for Grant { high, low, share } in grants {
            let key = key(*high, *low);
            let Some(share) = *share else {
                shares.remove(&key);
                continue;
            };
            let old = shares.get(&key).copied().unwrap_or(Enforced::always(configured));
            if shares.len() < SHARES_MAX || shares.contains_key(&key) {
                shares.insert(key, old.then(share, now));
            }
        }
        Self(shares)
    }

    /// As they are where the clock has been set back to then.
    pub(crate) fn by(&self, now: Timestamp) -> Self {
        let set_back = |one: Enforced| Enforced { raised_at: one.raised_at.min(now), ..one };
        Self(self.0.iter().map(|(key, one)| (*key, set_back(*one))).collect())
    }

    pub(crate) fn load(host: &mut dyn Host) -> Option<Self> {
        let bytes = host.load(KEY).ok()?.0.unwrap_or_default();
        let rows: &[[u8; ROW_BYTES]] = bytes.as_chunks().0;
        Some(Self(rows.iter().take(SHARES_MAX).filter_map(read).collect()))
    }

    pub(crate) fn store(&self, host: &mut dyn Host) -> Option<()> {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(ROW_BYTES));
        for (key, Enforced { share, before, raised_at }) in &self.0 {
            bytes.extend(key.to_le_bytes());
            bytes.extend([share, before].into_iter().flat_map(|share| share.to_le_bytes()));
            bytes.extend(raised_at.as_nanos().to_le_bytes());
        }
        let (_, version) = host.load(KEY).ok()?;
        host.store(KEY, &bytes, version).ok()?.then_some(())
    }
}

fn read(row: &[u8; ROW_BYTES]) -> Option<(u128, Enforced)> {
    let (key, rest) = row.split_first_chunk()?;
    let (share, rest) = rest.split_first_chunk()?;
    let (before, rest) = rest.split_first_chunk()?;
    let raised_at = Timestamp::from_nanos(u64::from_le_bytes(rest.try_into().ok()?));
    let [share, before] = [share, before].map(|share| u32::from_le_bytes(*share));
    Some((u128::from_le_bytes(*key), Enforced { share, before, raised_at }))
}

// === impl Enforced ===

impl Enforced {
    /// All of the limit, always.
    pub const WHOLE: Self = Self::always(1_000_000);

    /// What has never been anything else.
    pub(crate) const fn always(share: u32) -> Self {
        Self { share, before: share, raised_at: Timestamp::EPOCH }
    }

    /// What it is once it is set to something else.
    fn then(self, share: u32, now: Timestamp) -> Self {
        if share <= self.share {
            return Self { share, before: self.before.min(share), ..self };
        }
        // It may not have had time for the tokens of the last rise.
        Self { share, before: self.before.min(self.share), raised_at: now }
    }
}
