use tollgate_store::{Factor, OVERRIDES_MAX, Override};

use crate::both::{at, both, error};

fn factor(text: &str) -> Factor {
    text.parse().unwrap()
}

fn of(tenant: &str) -> Override {
    Override { tenant: tenant.to_owned(), ..Override::default() }
}

both! {
    async fn an_uplift_ends_by_itself_and_what_was_set_stays(place: &Place) {
        let store = place.open().await;
        store.set_override("acme", Some("gold"), Some(factor("0.5")), at(0)).await.unwrap();
        let set = Override { tier: Some("gold".into()), factor: Some(factor("0.5")), ..of("acme") };
        assert_eq!(store.overrides(at(0)).await.unwrap(), std::slice::from_ref(&set));

        store.uplift("acme", factor("5"), at(60), at(0)).await.unwrap();
        let lifted = Override { uplift: Some((factor("5"), at(60))), ..set.clone() };
        assert_eq!(store.overrides(at(59)).await.unwrap(), [lifted]);
        assert_eq!(store.overrides(at(60)).await.unwrap(), [set]);
    }

    async fn an_uplift_can_be_ended_before_its_time(place: &Place) {
        let store = place.open().await;
        store.uplift("acme", factor("5"), at(60), at(0)).await.unwrap();
        store.uplift("other", factor("2"), at(60), at(0)).await.unwrap();
        store.end_uplift("acme", at(1)).await.unwrap();
        let other = Override { uplift: Some((factor("2"), at(60))), ..of("other") };
        assert_eq!(store.overrides(at(1)).await.unwrap(), [other]);
    }

    async fn what_is_configured_can_be_had_again(place: &Place) {
        let store = place.open().await;
        store.set_override("acme", None, Some(factor("2")), at(0)).await.unwrap();
        store.set_override("acme", None, None, at(0)).await.unwrap();
        assert_eq!(store.overrides(at(0)).await.unwrap(), []);
    }

    async fn whoever_follows_the_changes_looks_again(place: &Place) {
        let store = place.open().await;
        let before = store.sequence().await.unwrap();
        store.uplift("acme", factor("5"), at(60), at(0)).await.unwrap();
        store.end_uplift("acme", at(1)).await.unwrap();
        assert_eq!(store.sequence().await.unwrap(), before + 2);
    }

    async fn what_makes_no_sense_is_refused(place: &Place) {
        let store = place.open().await;
        for (refused, expected) in [
            (
                store.uplift("acme", factor("5"), at(7), at(7)).await,
                "the end of the uplift is not in the future; give a later one",
            ),
            (
                store.uplift("", factor("5"), at(8), at(7)).await,
                "tenant \"\" is not an id; use 1 to 256 bytes without control characters, and no \
                 blanks at the ends",
            ),
            (
                store.set_override("acme", Some(" "), None, at(7)).await,
                "tier \" \" is not an id; use 1 to 256 bytes without control characters, and no \
                 blanks at the ends",
            ),
        ] {
            assert_eq!(error(refused), expected);
        }
        assert_eq!(store.overrides(at(0)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn so_many_tenants_can_have_limits_of_their_own_and_no_more() {
    let place = crate::both::Place::sqlite();
    let store = place.open().await;
    let tenants = (0..OVERRIDES_MAX).map(|number| format!("('t{number}', 2000000)"));
    let values = tenants.collect::<Vec<_>>().join(", ");
    place.sql(&format!("INSERT INTO overrides (tenant, factor) VALUES {values}"));
    store.uplift("t7", factor("5"), at(60), at(0)).await.unwrap();
    let refused = store.uplift("another", factor("5"), at(60), at(0)).await;
    assert_eq!(
        error(refused),
        "1024 tenants have limits of their own already; take some back, or move tenants to another \
         tier"
    );
}
