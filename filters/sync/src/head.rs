use tollgate_core::{Host, Timestamp, Version};

/// How far the workers of this Envoy are: the small value in shared data by
/// which each sees whether there is anything new.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Head {
    /// Which log of denials counts; 0 before the first.
    pub(crate) epoch: u64,
    /// How many records it has.
    pub(crate) records: u64,
    /// The last change of the store that is known.
    pub(crate) sequence: u64,
    /// When the control plane last answered, in nanoseconds; 0 for never.
    pub(crate) synced_at: u64,
    /// Which filter of API keys counts; 0 for none.
    pub(crate) filter: u64,
    /// How many bytes it has.
    pub(crate) filter_bytes: u64,
    /// In which of the two places it stands.
    pub(crate) filter_place: u64,
    /// How often the list of newer keys has been written.
    pub(crate) newer: u64,
    /// Since when, in seconds, there are more denials than can be held; 0 for never.
    pub(crate) full_since: u64,
}

const KEY: &[u8] = b"tollgate.sync.head";

// === impl Head ===

impl Head {
    /// As it stands; none while shared data is unavailable.
    pub(crate) fn load(host: &mut dyn Host) -> Option<(Self, Version)> {
        let (bytes, version) = host.load(KEY).ok()?;
        Some((bytes.as_deref().and_then(Self::read).unwrap_or_default(), version))
    }

    /// False if another worker was faster.
    pub(crate) fn store(self, version: Version, host: &mut dyn Host) -> bool {
        host.store(KEY, &self.to_bytes(), version).unwrap_or(false)
    }

    /// When the control plane last answered.
    pub(crate) fn synced_at(self) -> Option<Timestamp> {
        (self.synced_at != 0).then(|| Timestamp::from_nanos(self.synced_at))
    }

    fn to_bytes(self) -> Vec<u8> {
        let Self { epoch, records, sequence, synced_at, .. } = self;
        let Self { filter, filter_bytes, filter_place, newer, full_since, .. } = self;
        [epoch, records, sequence, synced_at, filter, filter_bytes, filter_place, newer, full_since]
            .iter()
            .flat_map(|field| field.to_le_bytes())
            .collect()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let fields = bytes.as_chunks().0.iter().map(|field| u64::from_le_bytes(*field));
        let fields: Vec<u64> = fields.collect();
        let [
            epoch,
            records,
            sequence,
            synced_at,
            filter,
            filter_bytes,
            filter_place,
            newer,
            full_since,
        ] = *fields.as_slice()
        else {
            return None;
        };
        let (head, keys) = (Self { epoch, records, sequence, synced_at, ..Self::default() }, newer);
        Some(Self { filter, filter_bytes, filter_place, newer: keys, full_since, ..head })
    }
}
