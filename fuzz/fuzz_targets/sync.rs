//! What a control plane says of revocations, and what stands in shared data, in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{GrpcCallId, Seed, Timestamp};
use tollgate_sync::{DENIALS_MAX, FILTER_BYTES_MAX, Member, SyncSpec, WhenStale};

fuzz_target!(|answers: Vec<Vec<u8>>| {
    let spec = SyncSpec {
        cluster: "tollgate-sync".to_owned(),
        stale_after_seconds: 60,
        when_stale: WhenStale::Serve,
    };
    let (mut host, seed) = (MemoryHost::default(), Seed([7; 16]));
    let mut member = Member::new(spec.clone(), seed);
    member.join(&mut host);
    let mut now = Timestamp::from_seconds(1_700_000_000);
    for answer in answers.into_iter().take(16) {
        now = now.plus(std::time::Duration::from_secs(5));
        member.on_tick(&mut host.at(now));
        // Whatever number the question has.
        for call in 0..64 {
            member.on_answer(GrpcCallId(call), &Ok(answer.clone()), &mut host.at(now));
        }
        // Another worker reads what this one has written, and has no more than that.
        let mut other = Member::new(spec.clone(), seed);
        other.join(&mut host);
        for member in [&mut member, &mut other] {
            assert!(member.denylist().len() <= DENIALS_MAX);
            assert!(member.take_filter().is_none_or(|(_, bytes)| bytes.len() <= FILTER_BYTES_MAX));
        }
    }
});
