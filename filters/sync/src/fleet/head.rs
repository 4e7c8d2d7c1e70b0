use tollgate_core::{Host, Timestamp, Version};

/// How far this Envoy is with the control plane, as all its workers see it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Head {
    /// The last exchange that was begun.
    pub(crate) number: u64,
    /// The last one whose grants were written down.
    pub(crate) applied: u64,
    /// Who dealt them; 0 for nobody yet.
    pub(crate) dealer: u64,
    /// How often all grants were forgotten.
    pub(crate) turn: u64,
    /// When the control plane last answered, in nanoseconds; 0 for never.
    pub(crate) heard_at: u64,
    /// How often the shares have been written.
    pub(crate) shares: u64,
    /// Which list of overrides was written; 0 for none.
    pub(crate) overrides: u64,
}

const KEY: &[u8] = b"tollgate.fleet.head";

// === impl Head ===

impl Head {
    /// As it stands; none while shared data is unavailable.
    pub(crate) fn load(host: &mut dyn Host) -> Option<(Self, Version)> {
        let (bytes, version) = host.load(KEY).ok()?;
        Some((bytes.as_deref().and_then(Self::read).unwrap_or_default(), version))
    }

    /// False if another worker was faster.
    pub(crate) fn store(self, version: Version, host: &mut dyn Host) -> bool {
        let Self { number, applied, dealer, turn, heard_at, shares, overrides } = self;
        let fields = [number, applied, dealer, turn, heard_at, shares, overrides];
        let bytes: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        host.store(KEY, &bytes, version).unwrap_or(false)
    }

    /// When the control plane last answered.
    pub(crate) fn heard_at(self) -> Option<Timestamp> {
        (self.heard_at != 0).then(|| Timestamp::from_nanos(self.heard_at))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let fields = bytes.as_chunks().0.iter().map(|field| u64::from_le_bytes(*field));
        let fields: Vec<u64> = fields.collect();
        let [number, applied, dealer, turn, heard_at, shares, overrides] = *fields.as_slice()
        else {
            return None;
        };
        Some(Self { number, applied, dealer, turn, heard_at, shares, overrides })
    }
}
