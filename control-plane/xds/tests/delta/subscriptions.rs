//! What is asked for, and that each question gets an answer.

use crate::script::check;

#[test]
fn a_first_request_without_names_asks_for_everything() {
    check(
        "= clusters a=1 b=1 | listeners l=1
         > clusters
         < 1 clusters a=1 b=1",
    );
}

#[test]
fn a_star_asks_for_everything() {
    check(
        "= clusters a=1 b=1
         > clusters +*
         < 1 clusters a=1 b=1",
    );
}

#[test]
fn everything_is_answered_even_when_there_is_nothing() {
    check(
        "> clusters
         < 1 clusters
         > clusters ack 1
         ! acked clusters",
    );
}

#[test]
fn a_later_request_without_names_asks_for_nothing_more() {
    check(
        "= routes a=1 b=1
         > routes +a
         < 1 routes a=1
         > routes ack 1
         ! acked routes a=1
         > routes",
    );
}

#[test]
fn only_what_is_named_is_sent() {
    check(
        "= routes a=1 b=1
         > routes +a
         < 1 routes a=1
         > routes ack 1
         ! acked routes a=1
         = routes a=1 b=2",
    );
}

#[test]
fn all_names_are_answered_in_one_response() {
    check(
        "
        = endpoints a=1 b=1 c=1
        > endpoints +a +b +x
        < 1 endpoints a=1 b=1 -x
        ",
    );
}

#[test]
fn names_add_to_everything_and_leave_it_again() {
    check(
        "= clusters a=1 b=1
         > clusters
         < 1 clusters a=1 b=1
         > clusters ack 1 +a
         ! acked clusters a=1 b=1
         < 2 clusters a=1
         > clusters -*
         = clusters a=2 b=2
         < 3 clusters a=2",
    );
}

#[test]
fn what_was_only_asked_for_with_everything_is_forgotten_with_it() {
    check(
        "= clusters a=1 b=1
         > clusters +a +*
         < 1 clusters a=1 b=1
         > clusters -*
         > clusters +*
         < 2 clusters b=1",
    );
}

#[test]
fn a_name_given_up_while_everything_is_asked_for_is_answered() {
    check(
        "= listeners a=1
         > listeners +* +a +b
         < 1 listeners a=1 -b
         > listeners ack 1 -a -b
         ! acked listeners a=1
         < 2 listeners a=1
         < 3 listeners -b",
    );
}

#[test]
fn a_name_asked_for_again_is_answered_although_nothing_changed() {
    check(
        "= endpoints a=1
         > endpoints +a
         < 1 endpoints a=1
         > endpoints ack 1
         ! acked endpoints a=1
         > endpoints +a
         < 2 endpoints a=1",
    );
}

#[test]
fn everything_asked_for_again_is_answered_although_nothing_changed() {
    check(
        "= clusters a=1
         > clusters
         < 1 clusters a=1
         > clusters +*
         < 2 clusters a=1",
    );
}

#[test]
fn a_name_given_up_and_asked_for_again_is_sent() {
    check(
        "= endpoints a=1
         > endpoints +a
         < 1 endpoints a=1
         > endpoints -a
         = endpoints a=2
         > endpoints +a
         < 2 endpoints a=2",
    );
}

#[test]
fn a_name_that_does_not_exist_is_told_so_once_and_remembered() {
    check(
        "> routes +a
         < 1 routes -a
         > routes ack 1
         ! acked routes
         = routes b=1
         = routes a=1
         < 2 routes a=1",
    );
}

#[test]
fn a_missing_name_asked_for_again_is_told_so_again() {
    check(
        "> extensions +a
         < 1 extensions -a
         > extensions +a
         < 2 extensions -a",
    );
}

#[test]
fn a_reconnect_with_equal_versions_transfers_nothing() {
    check(
        "= clusters a=1 | endpoints a=1 | listeners l=1 | routes l=1(a)
         > clusters +* has a=1
         < 1 clusters
         > endpoints +a has a=1
         > listeners has l=1
         < 2 listeners
         > routes +l has l=1",
    );
}

#[test]
fn a_reconnect_gets_what_changed_and_loses_what_is_gone() {
    check(
        "= routes a=1 b=2
         > listeners
         < 1 listeners
         > listeners ack 1
         ! acked listeners
         > routes +a +b +c has a=1 b=1 c=1
         < 2 routes b=2
         < 3 routes -c",
    );
}

#[test]
fn a_kind_that_is_not_served_is_passed_over() {
    check(
        "= clusters a=1
         > type.googleapis.com/envoy.service.runtime.v3.Runtime +rtds
         > clusters
         < 1 clusters a=1",
    );
}
