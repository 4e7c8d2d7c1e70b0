use tollgate_auth::{KeyFilter, KeyFingerprint};
use tollgate_store::{KeyRecord, KeyState, NewKey, Rotation};

use crate::both::{at, both, error, found, hours, key, new};

both! {
    async fn a_key_is_found_by_its_hash_alone(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        let asked = NewKey {
            id: Some("ci".to_owned()),
            tenant: "acme".to_owned(),
            scopes: ["orders.write", "a", "orders.write"].map(str::to_owned).into(),
            tier: Some("pro".to_owned()),
            expires_at: Some(at(100)),
        };
        let made = store.create_key(asked, &key(1), &hasher, at(5)).await.unwrap();
        let expected = KeyRecord {
            id: "ci".to_owned(),
            tenant: "acme".to_owned(),
            hint: key(1).as_str()[..7].to_owned(),
            fingerprint: KeyFingerprint::of(key(1).as_str().as_bytes()),
            scopes: ["a", "orders.write"].map(str::to_owned).into(),
            tier: Some("pro".to_owned()),
            created_at: at(5),
            expires_at: Some(at(100)),
            revoked_at: None,
            replaced_by: None,
            overlap_until: None,
            sequence: 2,
        };
        assert_eq!(made, expected);
        assert_eq!(found(&store, &hasher, &key(1)).await, Some(expected));
        assert_eq!(found(&store, &hasher, &key(2)).await, None);
    }

    async fn a_key_without_an_id_gets_one(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        let asked = NewKey { tenant: "acme".to_owned(), ..NewKey::default() };
        let made = store.create_key(asked, &key(1), &hasher, at(0)).await.unwrap();
        assert_eq!((made.id, made.scopes.len()), (key(1).id(), 0));
    }

    async fn a_key_ends_at_its_very_moment(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        let asked = NewKey { expires_at: Some(at(100)), ..new("a", "acme") };
        let record = store.create_key(asked, &key(1), &hasher, at(0)).await.unwrap();
        assert_eq!(record.state(at(99)), KeyState::Valid);
        assert_eq!(record.state(at(100)), KeyState::Expired);
        for (now, expected) in [(at(99), true), (at(100), false)] {
            let filter = store.key_filter(7, now).await.unwrap();
            assert_eq!(filter.may_contain(record.fingerprint), expected);
        }
    }

    async fn a_rotated_key_works_until_the_overlap_ends(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        let asked = NewKey {
            scopes: vec!["a".to_owned()],
            tier: Some("pro".to_owned()),
            expires_at: Some(at(1_000_000)),
            ..new("old", "acme")
        };
        store.create_key(asked, &key(1), &hasher, at(0)).await.unwrap();
        let rotation = Rotation { overlap: hours(1), id: Some("new"), expires_at: None };
        let made = store.rotate_key("old", rotation, &key(2), &hasher, at(50)).await.unwrap();
        // The new one is like the old, and lives as long from now on.
        assert_eq!((made.scopes, made.tier), (vec!["a".to_owned()], Some("pro".to_owned())));
        assert_eq!((made.expires_at, made.tenant.as_str()), (Some(at(1_000_050)), "acme"));

        let old = found(&store, &hasher, &key(1)).await.unwrap();
        assert_eq!(old.replaced_by.as_deref(), Some("new"));
        assert_eq!(old.valid_until(), Some(at(3650)));
        let states = [3649, 3650, 1_000_000].map(|seconds| old.state(at(seconds)));
        assert_eq!(states, [KeyState::Valid, KeyState::Replaced, KeyState::Expired]);
        for (seconds, expected) in [(3649, true), (3650, false)] {
            let filter = store.key_filter(7, at(seconds)).await.unwrap();
            assert_eq!(filter.may_contain(old.fingerprint), expected);
            assert!(filter.may_contain(made.fingerprint));
        }
    }

    async fn a_rotation_may_end_the_old_key_at_once_and_the_new_one_at_will(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        store.create_key(new("old", "acme"), &key(1), &hasher, at(0)).await.unwrap();
        let rotation = Rotation { expires_at: Some(at(60)), ..Rotation::default() };
        let made = store.rotate_key("old", rotation, &key(2), &hasher, at(50)).await.unwrap();
        assert_eq!((made.id, made.expires_at), (key(2).id(), Some(at(60))));
        let old = found(&store, &hasher, &key(1)).await.unwrap();
        assert_eq!(old.state(at(50)), KeyState::Replaced);
    }

    async fn of_two_who_rotate_a_key_at_once_one_does(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        store.create_key(new("old", "acme"), &key(0), &hasher, at(0)).await.unwrap();
        let rotate = |number| {
            let (store, hasher) = (store.clone(), hasher.clone());
            tokio::spawn(async move {
                let rotation = Rotation { overlap: hours(1), ..Rotation::default() };
                store.rotate_key("old", rotation, &key(number), &hasher, at(1)).await
            })
        };
        let (one, other) = (rotate(1), rotate(2));
        let results = [one.await.unwrap(), other.await.unwrap()];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert_eq!(store.keys(None).await.unwrap().len(), 2);
    }

    async fn a_revoked_key_is_on_the_denylist_for_a_day(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        store.create_key(new("a", "acme"), &key(1), &hasher, at(0)).await.unwrap();
        store.revoke_key("a", at(10)).await.unwrap();
        let record = found(&store, &hasher, &key(1)).await.unwrap();
        assert_eq!((record.state(at(10)), record.revoked_at), (KeyState::Revoked, Some(at(10))));
        let filter = store.key_filter(7, at(10)).await.unwrap();
        assert!(!filter.may_contain(record.fingerprint));
        for (seconds, expected) in [(10, 1), (10 + 86_399, 1), (10 + 86_400, 0)] {
            assert_eq!(store.revocations(at(seconds)).await.unwrap().len(), expected);
        }
    }

    async fn keys_are_listed_from_the_oldest_on(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        for tenant in ["acme", "other"] {
            store.create_tenant(tenant, None, at(0)).await.unwrap();
        }
        let keys = [(1, "b", "acme", 1), (2, "a", "acme", 1), (3, "c", "other", 0)];
        for (number, id, tenant, seconds) in keys {
            let new = new(id, tenant);
            store.create_key(new, &key(number), &hasher, at(seconds)).await.unwrap();
        }
        for (tenant, expected) in [
            (None, &["c", "a", "b"][..]),
            (Some("acme"), &["a", "b"]),
            (Some("nobody"), &[]),
        ] {
            let keys = store.keys(tenant).await.unwrap();
            assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), expected);
        }
    }

    async fn the_filter_holds_the_keys_that_work(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        for number in 0..200 {
            let id = number.to_string();
            store.create_key(new(&id, "acme"), &key(number), &hasher, at(0)).await.unwrap();
        }
        // One that is suspended may be back before the next filter is.
        store.suspend("acme", true).await.unwrap();
        let bytes = store.key_filter(7, at(1)).await.unwrap().to_bytes();
        let filter = KeyFilter::from_bytes(&bytes).unwrap();
        assert_eq!(filter.sequence(), 202);
        let knows = |number| {
            filter.may_contain(KeyFingerprint::of(key(number).as_str().as_bytes()))
        };
        assert!((0..200).all(knows));
        assert!((200..=255).filter(|number| knows(*number)).count() <= 1);
    }

    async fn changes_that_make_no_sense_are_refused(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        for (number, id) in [(1, "revoked"), (2, "replaced"), (3, "good")] {
            store.create_key(new(id, "acme"), &key(number), &hasher, at(0)).await.unwrap();
        }
        let expired = NewKey { expires_at: Some(at(9)), ..new("expired", "acme") };
        store.create_key(expired, &key(4), &hasher, at(0)).await.unwrap();
        store.revoke_key("revoked", at(1)).await.unwrap();
        let to_new = Rotation { overlap: hours(1), id: Some("new"), expires_at: None };
        store.rotate_key("replaced", to_new, &key(5), &hasher, at(1)).await.unwrap();
        let before = store.sequence().await.unwrap();

        let an_id = "is not an id; use 1 to 256 bytes without control characters, and no blanks \
                     at the ends";
        for (asked, expected) in [
            (
                new("x", "acmee"),
                "tenant \"acmee\" is not in the store; `tollgate tenants list` shows those that are"
                    .to_owned(),
            ),
            (
                new("revoked", "acme"),
                "API key \"revoked\" is in the store already, or was; choose another id".to_owned(),
            ),
            (new(" x", "acme"), format!("API key \" x\" {an_id}")),
            (new("x", ""), format!("tenant \"\" {an_id}")),
            (
                NewKey { tier: Some(String::new()), ..new("x", "acme") },
                format!("tier \"\" {an_id}"),
            ),
            (
                NewKey { scopes: vec!["a b".to_owned()], ..new("x", "acme") },
                "scope \"a b\" is not a scope; use printable ASCII without blanks, quotes and \
                 backslashes"
                    .to_owned(),
            ),
            (
                NewKey { expires_at: Some(at(10)), ..new("x", "acme") },
                "the end of the API key is not in the future; give a later one".to_owned(),
            ),
        ] {
            let result = store.create_key(asked, &key(9), &hasher, at(10)).await;
            assert_eq!(error(result), expected);
        }
        let unknown = "API key \"x\" is not in the store; `tollgate keys list` shows those that are";
        for (id, expected) in [
            ("x", unknown),
            ("revoked", "API key \"revoked\" is revoked already"),
            ("expired", "API key \"expired\" has expired; create a new one"),
            ("replaced", "API key \"replaced\" is replaced by \"new\" already; rotate that one"),
        ] {
            let rotation = Rotation::default();
            let result = store.rotate_key(id, rotation, &key(9), &hasher, at(10)).await;
            assert_eq!(error(result), expected);
        }
        let past = Rotation { expires_at: Some(at(10)), ..Rotation::default() };
        assert_eq!(
            error(store.rotate_key("good", past, &key(9), &hasher, at(10)).await),
            "the end of the API key is not in the future; give a later one"
        );
        for (id, expected) in [("x", unknown), ("revoked", "API key \"revoked\" is revoked already")]
        {
            assert_eq!(error(store.revoke_key(id, at(10)).await), expected);
        }
        // Nothing of all that was done.
        assert_eq!(store.sequence().await.unwrap(), before);
        assert_eq!(store.keys(None).await.unwrap().len(), 5);
    }
}
