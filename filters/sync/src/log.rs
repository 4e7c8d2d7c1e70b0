//! The denials in shared data: records in the order in which they came, in
//! chunks that are only ever added to. When all chunks are full, what still
//! counts is written anew under the next epoch.

use tollgate_core::Host;

use crate::denylist::{Denylist, RECORD_BYTES, Record};
use crate::head::Head;

/// Records of a chunk of 64 KiB.
const CHUNK: u64 = 4_096;

/// Room for more than twice as many as a worker holds.
const CHUNKS: u64 = 64;

/// What stands before the records of a chunk: its epoch.
const EPOCH_BYTES: usize = 8;

/// The records from `from` on; none if they cannot all be had, because they are
/// being written.
pub(crate) fn read(head: &Head, from: u64, host: &mut dyn Host) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    let (mut at, end) = (from, head.records.min(CHUNK.saturating_mul(CHUNKS)));
    while at < end {
        let (chunk, skip) = place(at)?;
        let in_chunk = load(chunk, head.epoch, host)?;
        let wanted = end.saturating_sub(at.saturating_sub(skip)).min(CHUNK);
        let (skip, wanted) = (usize::try_from(skip).ok()?, usize::try_from(wanted).ok()?);
        let bytes = in_chunk.as_chunks().0.get(skip..wanted)?;
        records.extend(bytes.iter().copied().filter_map(Record::from_bytes));
        at = at.saturating_add(u64::try_from(bytes.len()).ok()?);
    }
    Some(records)
}

/// Adds records to the log that `head` names. `known` holds them already. The
/// head that names the result; none if it could not be written.
pub(crate) fn append(
    head: Head,
    new: &[Record],
    known: &Denylist,
    now: u64,
    host: &mut dyn Host,
) -> Option<Head> {
    let records = head.records.saturating_add(count(new));
    if head.epoch == 0 || CHUNK.saturating_mul(CHUNKS) < records {
        return renew(head, known, now, host);
    }
    write(&head, new, host)?;
    Some(Head { records, ..head })
}

/// Begins a new log with all that is known.
pub(crate) fn renew(head: Head, known: &Denylist, now: u64, host: &mut dyn Host) -> Option<Head> {
    let all = known.records(now);
    let head = Head { epoch: head.epoch.saturating_add(1), records: 0, ..head };
    write(&head, &all, host)?;
    Some(Head { records: count(&all), ..head })
}

fn count(records: &[Record]) -> u64 {
    u64::try_from(records.len()).unwrap_or(u64::MAX)
}

fn write(head: &Head, mut new: &[Record], host: &mut dyn Host) -> Option<()> {
    let mut at = head.records;
    while !new.is_empty() {
        let (chunk, skip) = place(at)?;
        let (old, version) = host.load(&key(chunk)).ok()?;
        let old = old.as_deref().and_then(|bytes| of_epoch(bytes, head.epoch)).unwrap_or_default();
        let kept = usize::try_from(skip).ok()?.checked_mul(RECORD_BYTES)?;
        let room = usize::try_from(CHUNK.saturating_sub(skip)).ok()?;
        let (now, later) = new.split_at(room.min(new.len()));
        let mut bytes = Vec::from(head.epoch.to_le_bytes());
        bytes.extend(old.get(..kept)?);
        bytes.extend(now.iter().flat_map(|record| record.to_bytes()));
        if !host.store(&key(chunk), &bytes, version).ok()? {
            return None;
        }
        at = at.saturating_add(u64::try_from(now.len()).ok()?);
        new = later;
    }
    Some(())
}

/// The chunk of a record, and how many stand before it there.
fn place(record: u64) -> Option<(u64, u64)> {
    Some((record.checked_div(CHUNK)?, record.checked_rem(CHUNK)?))
}

fn load(chunk: u64, epoch: u64, host: &mut dyn Host) -> Option<Vec<u8>> {
    let bytes = host.load(&key(chunk)).ok()?.0?;
    of_epoch(&bytes, epoch).map(Vec::from)
}

fn of_epoch(bytes: &[u8], epoch: u64) -> Option<&[u8]> {
    let (of, records) = bytes.split_first_chunk::<EPOCH_BYTES>()?;
    (u64::from_le_bytes(*of) == epoch).then_some(records)
}

fn key(chunk: u64) -> Vec<u8> {
    format!("tollgate.sync.denials.{chunk}").into_bytes()
}
