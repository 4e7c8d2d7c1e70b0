//! What may go out before what, so that no request meets a gap.

use crate::script::check;

#[test]
fn additions_go_from_clusters_to_routes() {
    check(
        "> clusters
         < 1 clusters
         > clusters ack 1
         ! acked clusters
         > endpoints +a
         < 2 endpoints -a
         > extensions +x
         < 3 extensions -x
         > listeners
         < 4 listeners
         > listeners ack 4
         ! acked listeners
         > routes +l
         < 5 routes -l
         > routes ack 5
         ! acked routes
         = clusters a=1 | endpoints a=1 | extensions x=1 | listeners l=1 | routes l=1
         < 6 clusters a=1
         < 7 endpoints a=1
         < 8 extensions x=1
         < 9 listeners l=1
         < 10 routes l=1",
    );
}

#[test]
fn endpoints_and_further_clusters_never_wait_for_the_verdict_on_clusters() {
    check(
        "= clusters a=1 | endpoints a=1
         > clusters
         < 1 clusters a=1
         > endpoints +a
         < 2 endpoints a=1
         = clusters a=1 b=1 | endpoints a=1 b=1
         < 3 clusters b=1
         > endpoints +b
         < 4 endpoints b=1",
    );
}

#[test]
fn routes_wait_until_their_clusters_are_warm() {
    check(
        "= clusters a=1 b=1 | routes l=1(a) m=1(a b)
         > clusters
         < 1 clusters a=1 b=1
         > routes +l +m
         > clusters ack 1
         ! acked clusters a=1 b=1
         < 2 routes l=1 m=1",
    );
}

#[test]
fn routes_whose_clusters_are_warm_do_not_wait_for_others() {
    check(
        "= clusters a=1 | routes l=1(a)
         > clusters
         < 1 clusters a=1
         > clusters ack 1
         ! acked clusters a=1
         > routes +l +m
         < 2 routes l=1 -m
         > routes ack 2
         ! acked routes l=1
         = clusters a=1 b=1 | routes l=2(a) m=1(b)
         < 3 clusters b=1
         < 4 routes l=2",
    );
}

#[test]
fn routes_wait_at_most_five_seconds() {
    check(
        "= clusters a=1 | routes l=1(a)
         > clusters
         < 1 clusters a=1
         @ 1000
         > routes +l
         @ 5999
         @ 6000
         < 2 routes l=1",
    );
}

#[test]
fn a_new_version_does_not_begin_the_waiting_anew() {
    check(
        "= clusters a=1 | routes l=1(a)
         > clusters
         < 1 clusters a=1
         > routes +l
         @ 4999
         = clusters a=1 | routes l=2(a)
         @ 5000
         < 2 routes l=2",
    );
}

#[test]
fn listeners_wait_for_their_clusters_too() {
    check(
        "= clusters a=1 | listeners l=1(a)
         > clusters
         < 1 clusters a=1
         > listeners
         > clusters ack 1
         ! acked clusters a=1
         < 2 listeners l=1",
    );
}

#[test]
fn routes_do_not_wait_for_the_verdict_on_listeners() {
    check(
        "= listeners l=1 | routes l=1
         > listeners
         < 1 listeners l=1
         > routes +l
         < 2 routes l=1",
    );
}

#[test]
fn who_has_clusters_from_elsewhere_does_not_wait_for_them() {
    check(
        "= clusters a=1 | routes l=1(a)
         > routes +l
         < 1 routes l=1",
    );
}

#[test]
fn a_changed_cluster_is_followed_by_its_endpoints() {
    check(
        "= clusters a=1 b=1 | endpoints a=1 b=1
         > clusters
         < 1 clusters a=1 b=1
         > endpoints +a +b
         < 2 endpoints a=1 b=1
         = clusters a=2 b=1 | endpoints a=1 b=1
         < 3 clusters a=2
         < 4 endpoints a=1",
    );
}

#[test]
fn a_reconnect_with_a_changed_cluster_gets_its_endpoints_although_they_did_not_change() {
    check(
        "= clusters a=2 b=1 | endpoints a=1 b=1
         > clusters has a=1 b=1
         < 1 clusters a=2
         > endpoints +a +b has a=1 b=1
         < 2 endpoints a=1",
    );
    check(
        "= clusters a=2 b=1 | endpoints a=1 b=1
         > endpoints +a +b has a=1 b=1
         > clusters has a=1 b=1
         < 1 clusters a=2
         < 2 endpoints a=1",
    );
}

#[test]
fn the_next_version_waits_anew() {
    check(
        "= clusters a=1 | routes l=1(a)
         > clusters
         < 1 clusters a=1
         > routes +l
         @ 5000
         < 2 routes l=1
         = clusters a=1 | routes l=2(a)
         > routes ack 2
         ! acked routes l=1
         @ 9999
         @ 10000
         < 3 routes l=2",
    );
}
