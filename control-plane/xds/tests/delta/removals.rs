//! What may be taken away when: nothing that Envoy still refers to.

use crate::script::check;

#[test]
fn a_swap_makes_before_it_breaks() {
    check(
        "= clusters a=1 | listeners l=1 | routes l=1(a)
         > clusters
         < 1 clusters a=1
         > listeners
         < 2 listeners l=1
         > routes +l
         > clusters ack 1
         ! acked clusters a=1
         < 3 routes l=1
         > listeners ack 2
         ! acked listeners l=1
         > routes ack 3
         ! acked routes l=1
         = clusters b=1 | listeners l=1 | routes l=2(b)
         < 4 clusters b=1
         > clusters ack 4
         ! acked clusters b=1
         < 5 routes l=2
         > routes ack 5
         ! acked routes l=2
         < 6 clusters -a
         > clusters ack 6
         ! acked clusters -a",
    );
}

#[test]
fn a_cluster_stays_while_the_routes_that_use_it_are_the_last_accepted_ones() {
    check(
        "= clusters a=1 | listeners l=1 | routes l=1(a)
         > clusters
         < 1 clusters a=1
         > clusters ack 1
         ! acked clusters a=1
         > listeners
         < 2 listeners l=1
         > listeners ack 2
         ! acked listeners l=1
         > routes +l
         < 3 routes l=1
         > routes ack 3
         ! acked routes l=1
         = listeners l=1 | routes l=2
         < 4 routes l=2
         > routes nack 4 no
         ! refused routes l=2: no
         = listeners l=1 | routes l=3
         < 5 routes l=3
         > routes ack 5
         ! acked routes l=3
         < 6 clusters -a",
    );
}

#[test]
fn listeners_leave_before_what_they_use() {
    check(
        "= clusters a=1 | listeners l=1 | routes l=1(a)
         > clusters has a=1
         < 1 clusters
         > listeners has l=1
         < 2 listeners
         > routes +l has l=1
         > listeners ack 2
         ! acked listeners
         =
         < 3 listeners -l
         > listeners ack 3
         ! acked listeners -l
         < 4 routes -l
         > routes ack 4
         ! acked routes -l
         < 5 clusters -a",
    );
}

#[test]
fn a_reconnect_removes_no_cluster_before_its_routes_are_known() {
    check(
        "= clusters b=1 | listeners l=1 | routes l=2(b)
         > clusters has a=1 b=1
         < 1 clusters
         > listeners has l=1
         < 2 listeners
         > listeners ack 2
         ! acked listeners
         > routes +l has l=1
         < 3 routes l=2
         > routes ack 3
         ! acked routes l=2
         < 4 clusters -a",
    );
}

#[test]
fn a_client_without_routes_loses_clusters_after_five_seconds() {
    check(
        "= clusters b=1
         > clusters has a=1 b=1
         < 1 clusters
         @ 4999
         @ 5000
         < 2 clusters -a",
    );
}

#[test]
fn endpoints_and_extensions_are_not_removed_while_they_are_asked_for() {
    check(
        "= clusters a=1 | endpoints a=1 | extensions x=1 | listeners
         > clusters
         < 1 clusters a=1
         > clusters ack 1
         ! acked clusters a=1
         > endpoints +a
         < 2 endpoints a=1
         > extensions +x
         < 3 extensions x=1
         > listeners
         < 4 listeners
         > listeners ack 4
         ! acked listeners
         = clusters a=1
         @ 60000
         = clusters a=1 | endpoints a=2 | extensions x=2
         < 5 endpoints a=2
         < 6 extensions x=2",
    );
}

#[test]
fn endpoints_that_were_to_follow_their_cluster_and_are_gone_are_not_removed() {
    let fill: String =
        (2..9).map(|n| format!("> endpoints +z\n< {} endpoints z=1\n", n + 1)).collect();
    check(&format!(
        "= clusters a=1 | endpoints a=1 z=1
         > clusters
         < 1 clusters a=1
         > endpoints +a +z
         < 2 endpoints a=1 z=1
         {fill}
         = clusters a=2 | endpoints a=1 z=1
         < 10 clusters a=2
         = clusters | endpoints z=1
         > endpoints ack 2
         ! acked endpoints a=1 z=1",
    ));
}

#[test]
fn a_late_ack_of_a_cluster_that_was_removed_does_not_make_it_warm() {
    check(
        "= clusters a=1
         > listeners
         < 1 listeners
         > listeners ack 1
         ! acked listeners
         > routes +l
         < 2 routes -l
         > routes ack 2
         ! acked routes
         > clusters
         < 3 clusters a=1
         = clusters
         < 4 clusters -a
         = clusters a=4 | routes l=1(a)
         < 5 clusters a=4
         > clusters ack 3
         ! acked clusters a=1
         > clusters ack 4
         ! acked clusters -a
         > clusters ack 5
         ! acked clusters a=4
         < 6 routes l=1",
    );
}

#[test]
fn a_cluster_stays_while_routes_that_were_refused_together_may_use_it() {
    check(
        "= clusters a=1 | listeners l=1 | routes l=1 m=1
         > clusters
         < 1 clusters a=1
         > clusters ack 1
         ! acked clusters a=1
         > listeners
         < 2 listeners l=1
         > listeners ack 2
         ! acked listeners l=1
         > routes +l +m
         < 3 routes l=1 m=1
         > routes ack 3
         ! acked routes l=1 m=1
         = clusters a=1 | listeners l=1 | routes l=2(a) m=2
         < 4 routes l=2 m=2
         > routes nack 4 m
         < 5 routes l=2
         = listeners l=1 | routes l=3 m=1
         > routes nack 5 l
         ! refused routes l=2: l
         < 6 routes l=3
         > routes nack 6 no
         ! refused routes l=3: no
         < 7 routes m=1
         > routes ack 7
         ! acked routes m=1
         = listeners l=1 | routes l=4 m=1
         < 8 routes l=4
         > routes ack 8
         ! acked routes l=4
         < 9 clusters -a",
    );
}
