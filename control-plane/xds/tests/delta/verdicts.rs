//! ACK and NACK.

use crate::script::check;

#[test]
fn only_an_error_makes_a_refusal() {
    check(
        "= clusters a=1
         > clusters
         < 1 clusters a=1
         > clusters ack 1
         ! acked clusters a=1",
    );
}

#[test]
fn a_refused_version_is_not_offered_again_but_a_new_one_is() {
    check(
        "= routes a=1
         > routes +a
         < 1 routes a=1
         > routes nack 1 missing ): (
         ! refused routes a=1: missing ): (
         = routes a=1 b=1
         = routes a=2 b=1
         < 2 routes a=2
         > routes ack 2
         ! acked routes a=2",
    );
}

#[test]
fn a_refused_kind_does_not_block_another() {
    check(
        "= listeners l=1 | routes l=1
         > listeners
         < 1 listeners l=1
         > routes +l
         < 2 routes l=1
         > listeners nack 1 address in use
         ! refused listeners l=1: address in use
         = listeners l=1 | routes l=2
         > routes ack 2
         ! acked routes l=1
         < 3 routes l=2",
    );
}

#[test]
fn of_several_refused_together_each_is_offered_once_more_alone() {
    check(
        "= listeners a=1 b=1 c=1
         > listeners
         < 1 listeners a=1 b=1 c=1
         > listeners nack 1 one of these
         < 2 listeners a=1
         > listeners ack 2
         ! acked listeners a=1
         < 3 listeners b=1
         > listeners nack 3 this one
         ! refused listeners b=1: this one
         < 4 listeners c=1
         > listeners ack 4
         ! acked listeners c=1",
    );
}

#[test]
fn what_changed_since_it_was_refused_with_others_is_offered_with_others() {
    check(
        "= clusters a=1 b=1
         > clusters
         < 1 clusters a=1 b=1
         = clusters a=2 b=1
         < 2 clusters a=2
         > clusters nack 1 one of these
         < 3 clusters b=1",
    );
}

#[test]
fn a_stale_nonce_does_not_suppress_subscriptions() {
    check(
        "= routes a=1 b=1
         > routes +a
         < 1 routes a=1
         > routes ack 1
         ! acked routes a=1
         > routes ack 1 +b
         < 2 routes b=1",
    );
}

#[test]
fn a_nonce_of_another_stream_says_nothing() {
    check(
        "= clusters a=1
         > clusters nack 7 from the stream before
         < 1 clusters a=1
         > clusters nack 7 from the stream before
         > clusters ack 1
         ! acked clusters a=1",
    );
}

#[test]
fn a_nonce_of_another_kind_says_nothing() {
    check(
        "= clusters a=1 | listeners l=1
         > clusters
         < 1 clusters a=1
         > listeners
         < 2 listeners l=1
         > listeners ack 1
         > clusters ack 1
         ! acked clusters a=1",
    );
}

#[test]
fn a_long_reason_is_cut() {
    let reason = "x".repeat(4_000);
    let cut = "x".repeat(2_000);
    check(&format!(
        "= clusters a=1
         > clusters
         < 1 clusters a=1
         > clusters nack 1 {reason}
         ! refused clusters a=1: {cut}"
    ));
}

#[test]
fn what_went_out_again_in_the_meantime_is_not_offered_a_third_time() {
    check(
        "= clusters a=1 b=1
         > clusters
         < 1 clusters a=1 b=1
         = clusters a=2 b=1
         < 2 clusters a=2
         = clusters a=1 b=1
         < 3 clusters a=1
         > clusters nack 1 one of these
         < 4 clusters b=1",
    );
}
