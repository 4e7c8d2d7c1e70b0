use tollgate_store::{Revocation, Revoked, Store};

use crate::both::{at, both, error, found, key, new};

fn token(jti: &str) -> Revoked {
    Revoked::Token { issuer: "https://id.example.com".to_owned(), jti: jti.to_owned() }
}

fn subject(subject: &str) -> Revoked {
    Revoked::Subject { issuer: "https://id.example.com".to_owned(), subject: subject.to_owned() }
}

/// What is on the denylist, as seconds.
async fn listed(store: &Store, now: u64) -> Vec<(Revoked, u64, Option<u64>)> {
    let seconds = |time: tollgate_core::Timestamp| time.since(at(0)).as_secs();
    let list = store.revocations(at(now)).await.unwrap();
    list.into_iter().map(|r| (r.what, seconds(r.at), r.until.map(seconds))).collect()
}

both! {
    async fn everything_that_can_be_revoked_is_listed(place: &Place) {
        let store = place.open().await;
        let all = [
            token("7"),
            subject("7"),
            Revoked::ApiKey("7".to_owned()),
            Revoked::Tenant("7".to_owned()),
        ];
        for (second, what) in (1..).zip(&all) {
            store.revoke(what, Some(at(100)), at(second)).await.unwrap();
        }
        let expected: Vec<_> =
            (1..).zip(all).map(|(second, what)| (what, second, Some(100))).collect();
        assert_eq!(listed(&store, 5).await, expected);
        let changes = store.revocations_since(2, 9).await.unwrap();
        let third = Revocation {
            what: Revoked::ApiKey("7".to_owned()),
            at: at(3),
            until: Some(at(100)),
            sequence: 3,
        };
        assert_eq!((changes.len(), &changes[0]), (2, &third));
    }

    async fn an_entry_counts_until_its_end_and_is_then_forgotten(place: &Place) {
        let store = place.open().await;
        store.revoke(&token("short"), Some(at(100)), at(0)).await.unwrap();
        store.revoke(&token("long"), None, at(0)).await.unwrap();
        assert_eq!(listed(&store, 99).await.len(), 2);
        assert_eq!(listed(&store, 100).await, [(token("long"), 0, None)]);
        assert_eq!(store.revocations_since(0, 9).await.unwrap().len(), 2);
        // With the next entry, the row goes too.
        store.revoke(&token("next"), None, at(100)).await.unwrap();
        assert_eq!(store.revocations_since(0, 9).await.unwrap().len(), 2);
    }

    async fn of_two_entries_for_the_same_the_stronger_counts(place: &Place) {
        let store = place.open().await;
        let cases = [
            // Until, until: which stays.
            (Some(50), Some(60), Some(60)),
            (Some(60), Some(50), Some(60)),
            (Some(50), None, None),
            (None, Some(50), None),
        ];
        for (number, (first, second, expected)) in (0..).zip(cases) {
            let what = subject(&format!("{number}"));
            store.revoke(&what, first.map(at), at(10)).await.unwrap();
            store.revoke(&what, second.map(at), at(20)).await.unwrap();
            // A clock that is behind takes nothing back.
            store.revoke(&what, second.map(at), at(15)).await.unwrap();
            let list = listed(&store, 20).await;
            assert_eq!(list[number], (what, 20, expected));
        }
    }

    async fn the_denylist_reaches_keys_of_the_store_and_others(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        store.create_key(new("ours", "acme"), &key(1), &hasher, at(0)).await.unwrap();
        for id in ["ours", "in-the-file"] {
            store.revoke(&Revoked::ApiKey(id.to_owned()), None, at(5)).await.unwrap();
        }
        // Again, later: the first time counts.
        store.revoke(&Revoked::ApiKey("ours".to_owned()), None, at(6)).await.unwrap();
        let record = found(&store, &hasher, &key(1)).await.unwrap();
        assert_eq!(record.revoked_at, Some(at(5)));
        assert_eq!(listed(&store, 6).await.len(), 2);
    }

    async fn a_revoked_tenant_keeps_its_keys(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        store.create_key(new("a", "acme"), &key(1), &hasher, at(0)).await.unwrap();
        store.revoke(&Revoked::Tenant("acme".to_owned()), None, at(5)).await.unwrap();
        assert!(found(&store, &hasher, &key(1)).await.unwrap().is_valid(at(5)));
    }

    async fn what_nobody_can_mean_is_refused(place: &Place) {
        let store = place.open().await;
        let an_id = "is not an id; use 1 to 256 bytes without control characters, and no blanks \
                     at the ends";
        let issuer = |issuer: &str| Revoked::Token {
            issuer: issuer.to_owned(),
            jti: "7".to_owned(),
        };
        let an_issuer = "is not one; give the exact value of the `iss` claim, 1 to 1024 bytes \
                         without control characters";
        let long = "x".repeat(1025);
        for (what, expected) in [
            (token(""), format!("jti \"\" {an_id}")),
            (subject("a "), format!("subject \"a \" {an_id}")),
            (Revoked::ApiKey("\u{0}".to_owned()), format!("API key \"\\0\" {an_id}")),
            (Revoked::Tenant(String::new()), format!("tenant \"\" {an_id}")),
            (issuer(""), format!("issuer \"\" {an_issuer}")),
            (issuer("a\nb"), format!("issuer \"a\\nb\" {an_issuer}")),
            (issuer(&long), format!("issuer {long:?} {an_issuer}")),
        ] {
            assert_eq!(error(store.revoke(&what, None, at(0)).await), expected);
        }
        store.revoke(&issuer(&long[1..]), None, at(0)).await.unwrap();
        assert_eq!(
            error(store.revoke(&token("7"), Some(at(10)), at(10)).await),
            "the end of the revocation is not in the future; give a later one"
        );
    }
}
