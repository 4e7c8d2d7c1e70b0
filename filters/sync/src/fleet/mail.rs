//! What workers tell each other of what callers ask for: each writes to a place
//! of its own, and the one that is elected reads all.

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_core::{Cx, Fingerprint, Host, Timestamp, Version};

use crate::fleet::counts::Window;
use crate::fleet::demand::KEYS_MAX;

/// The place of one worker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mailbox {
    place: u8,
    /// Who writes to it: never 0.
    owner: u64,
}

/// Windows of now, and of the tick before.
type Counted = [BTreeMap<Fingerprint, Window>; 2];

/// As many workers as an Envoy has at most; there is no room for more.
const PLACES: u8 = 128;

/// A place that was not written to for so long may be taken.
const ABANDONED: Duration = Duration::from_secs(10);

/// What is older is not what callers ask for now.
const STALE: Duration = Duration::from_secs(2);

/// Stands in shared data once all places do.
const READY: &[u8; 19] = b"tollgate.fleet.mail";

/// Makes the places, unless they have been made: the first insert of a key is not
/// protected from another one.
pub(crate) fn prepare(host: &mut dyn Host) {
    if !matches!(host.load(READY), Ok((None, _))) {
        return;
    }
    for place in 0..PLACES {
        if let Ok((None, version)) = host.load(&name(place)) {
            let _ = host.store(&name(place), &[], version);
        }
    }
    let _ = host.store(READY, b"ready", Version::Absent);
}

/// What all workers have to say.
#[derive(Default)]
pub(crate) struct News {
    /// What callers ask for of each key.
    pub(crate) rates: BTreeMap<u128, u32>,
    /// Windows that they were counted in lately.
    pub(crate) counted: BTreeMap<Fingerprint, Window>,
}

pub(crate) fn read_all(cx: &mut Cx<'_>) -> News {
    let mut all = News::default();
    for place in 0..PLACES {
        let Ok((Some(bytes), _)) = cx.host.load(&name(place)) else { break };
        let Some(letter) = Letter::of(&bytes) else { continue };
        if !letter.is_older_than(STALE, cx.now) {
            for (key, rate) in letter.rates.as_chunks().0.iter().take(KEYS_MAX).filter_map(read) {
                let sum = all.rates.entry(key).or_default();
                *sum = sum.saturating_add(rate);
            }
            all.counted.extend(letter.counted.as_chunks().0.iter().filter_map(read_window));
        }
    }
    all
}

/// A key, and what is asked for of it.
const ROW_BYTES: usize = 20;

fn row(key: u128, rate: u32) -> [u8; ROW_BYTES] {
    let mut row = [0; ROW_BYTES];
    let bytes = key.to_le_bytes().into_iter().chain(rate.to_le_bytes());
    row.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    row
}

fn read(row: &[u8; ROW_BYTES]) -> Option<(u128, u32)> {
    let (key, rate) = row.split_first_chunk()?;
    Some((u128::from_le_bytes(*key), u32::from_le_bytes(rate.try_into().ok()?)))
}

/// Who, key, two moments and a limit.
const WINDOW_BYTES: usize = 56;

fn window(who: Fingerprint, window: &Window) -> Vec<u8> {
    let Window { key, begins_at, ends_at, limit } = *window;
    let mut bytes = Vec::with_capacity(WINDOW_BYTES);
    bytes.extend([who.0, key].into_iter().flat_map(u128::to_le_bytes));
    let numbers = [begins_at.as_nanos(), ends_at.as_nanos(), limit];
    bytes.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
    bytes
}

fn read_window(bytes: &[u8; WINDOW_BYTES]) -> Option<(Fingerprint, Window)> {
    let (who, rest) = bytes.split_first_chunk()?;
    let (key, rest) = rest.split_first_chunk()?;
    let [begins_at, ends_at, limit] = *rest.as_chunks().0 else { return None };
    let [begins_at, ends_at] =
        [begins_at, ends_at].map(u64::from_le_bytes).map(Timestamp::from_nanos);
    let limit = u64::from_le_bytes(limit);
    let key = u128::from_le_bytes(*key);
    Some((Fingerprint(u128::from_le_bytes(*who)), Window { key, begins_at, ends_at, limit }))
}

fn name(place: u8) -> [u8; 21] {
    let mut name = [0; 21];
    let parts = READY.iter().copied().chain([b'.', place]);
    name.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    name
}

/// What stands in a place.
struct Letter<'a> {
    owner: u64,
    written_at: Timestamp,
    rates: &'a [u8],
    counted: &'a [u8],
}

// === impl Letter ===

impl<'a> Letter<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (owner, rest) = bytes.split_first_chunk()?;
        let (written_at, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (rates, counted) = rest.split_at_checked(length)?;
        let written_at = Timestamp::from_nanos(u64::from_le_bytes(*written_at));
        Some(Self { owner: u64::from_le_bytes(*owner), written_at, rates, counted })
    }

    /// One of the future was written before the clock was set back.
    fn is_older_than(&self, age: Duration, now: Timestamp) -> bool {
        age < now.since(self.written_at) || age < self.written_at.since(now)
    }
}

// === impl Mailbox ===

impl Mailbox {
    /// Takes a place that nobody has.
    pub(crate) fn claim(cx: &mut Cx<'_>) -> Option<Self> {
        for place in 0..PLACES {
            let (Some(bytes), version) = cx.host.load(&name(place)).ok()? else { return None };
            let letter = Letter::of(&bytes);
            if letter.as_ref().is_some_and(|letter| !letter.is_older_than(ABANDONED, cx.now)) {
                continue;
            }
            let owner = letter.map_or(0, |letter| letter.owner).saturating_add(1);
            let owner = owner << 8 >> 8 | u64::from(place) << 56;
            let claimed = Self { place, owner: owner.max(1) };
            if cx
                .host
                .store(&name(place), &claimed.letter(&[], &Counted::default(), cx.now), version)
                .ok()?
            {
                return Some(claimed);
            }
        }
        None
    }

    /// Whether nobody else has taken it meanwhile.
    pub(crate) fn is_ours(&self, cx: &mut Cx<'_>) -> bool {
        let Ok((Some(bytes), _)) = cx.host.load(&name(self.place)) else { return false };
        Letter::of(&bytes).is_some_and(|letter| letter.owner == self.owner)
    }

    /// By which it is told from others.
    pub(crate) fn owner(&self) -> u64 {
        self.owner
    }

    pub(crate) fn write(&self, rates: &[(u128, u32)], counted: &Counted, cx: &mut Cx<'_>) {
        let letter = self.letter(rates, counted, cx.now);
        if let Ok((_, version)) = cx.host.load(&name(self.place)) {
            // If it cannot be written, less is known to be asked for.
            let _ = cx.host.store(&name(self.place), &letter, version);
        }
    }

    fn letter(&self, rates: &[(u128, u32)], counted: &Counted, now: Timestamp) -> Vec<u8> {
        let rates = rates.iter().take(KEYS_MAX).flat_map(|(key, rate)| row(*key, *rate));
        let rates: Vec<u8> = rates.collect();
        let mut letter = Vec::from(self.owner.to_le_bytes());
        letter.extend(now.as_nanos().to_le_bytes());
        letter.extend(u32::try_from(rates.len()).unwrap_or_default().to_le_bytes());
        letter.extend(rates);
        letter.extend(counted.iter().flatten().flat_map(|(who, one)| window(*who, one)));
        letter
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_place_has_a_name_of_its_own() {
        let names: BTreeSet<_> = (0..PLACES).map(name).collect();
        assert_eq!(names.len(), usize::from(PLACES));
    }
}
