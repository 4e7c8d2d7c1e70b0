//! Which worker of an Envoy talks to the control plane.

use std::time::Duration;

use tollgate_core::{Host, Timestamp};

/// A worker that has not renewed its lease for so long is taken to be dead.
/// With a tick of 250 ms another has taken over within two seconds.
pub(crate) const LEASE: Duration = Duration::from_millis(1_500);

/// Whether the worker `me` is the one for what the lease at `key` is about: it has
/// been, or nobody is.
pub(crate) fn held(key: &[u8], me: u64, now: Timestamp, host: &mut dyn Host) -> bool {
    let Ok((lease, version)) = host.load(key) else { return false };
    let lease = lease.as_deref().and_then(read);
    // One that reaches further than any does was made by a clock that has gone back.
    let counts = |until: Timestamp| now < until && until <= now.plus(LEASE);
    if lease.is_some_and(|(owner, until)| owner != me && counts(until)) {
        return false;
    }
    let renewed = [me.to_le_bytes(), now.plus(LEASE).as_nanos().to_le_bytes()].concat();
    host.store(key, &renewed, version).unwrap_or(false)
}

fn read(bytes: &[u8]) -> Option<(u64, Timestamp)> {
    let [owner, until] = bytes.as_chunks().0 else { return None };
    Some((u64::from_le_bytes(*owner), Timestamp::from_nanos(u64::from_le_bytes(*until))))
}

#[cfg(test)]
mod tests {
    use tollgate_core::testing::MemoryHost;

    use super::*;

    const KEY: &[u8] = b"key";

    #[test]
    fn one_holds_it_until_it_stops() {
        let mut host = MemoryHost::default();
        let at = |millis| Timestamp::EPOCH.plus(Duration::from_millis(millis));
        let mut held = |me, millis| held(KEY, me, at(millis), &mut host);
        assert!(held(1, 10_000) && !held(2, 10_250) && held(1, 11_000));
        assert!(!held(2, 12_499) && held(2, 12_500) && !held(1, 12_600));
        assert!(held(1, 5_000), "the clock went back");
        host.conflicts = 1;
        assert!(!super::held(KEY, 1, at(5_100), &mut host), "another got in first");
        host.down = true;
        assert!(!super::held(KEY, 1, at(5_200), &mut host));
    }
}
