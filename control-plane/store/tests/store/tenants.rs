use tollgate_store::Tenant;

use crate::both::{at, both, error, key, new};

both! {
    async fn a_tenant_is_as_it_was_made(place: &Place) {
        let store = place.open().await;
        store.create_tenant("acme", Some("pro"), at(5)).await.unwrap();
        let acme = Tenant {
            id: "acme".to_owned(),
            tier: Some("pro".to_owned()),
            suspended: false,
            created_at: at(5),
            deleted_at: None,
            sequence: 1,
        };
        assert_eq!(store.tenant("acme").await.unwrap(), Some(acme));
        assert_eq!(store.tenant("Acme").await.unwrap(), None);
    }

    async fn tenants_are_listed_by_id(place: &Place) {
        let store = place.open().await;
        for id in ["zeta", "Beta", "éclair", "a b", "alpha", "alpha-1"] {
            store.create_tenant(id, None, at(0)).await.unwrap();
        }
        let ids: Vec<_> = store.tenants().await.unwrap().into_iter().map(|t| t.id).collect();
        assert_eq!(ids, ["Beta", "a b", "alpha", "alpha-1", "zeta", "éclair"]);
    }

    async fn a_tenant_changes_its_tier(place: &Place) {
        let store = place.open().await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        for tier in [Some("pro"), None] {
            store.set_tier("acme", tier).await.unwrap();
            assert_eq!(store.tenant("acme").await.unwrap().unwrap().tier.as_deref(), tier);
        }
    }

    async fn a_tenant_is_suspended_and_comes_back(place: &Place) {
        let store = place.open().await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        for suspended in [true, true, false] {
            store.suspend("acme", suspended).await.unwrap();
            assert_eq!(store.tenant("acme").await.unwrap().unwrap().suspended, suspended);
        }
    }

    async fn a_deleted_tenant_takes_its_keys_along(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        store.create_tenant("acme", Some("pro"), at(0)).await.unwrap();
        store.create_tenant("other", None, at(0)).await.unwrap();
        for (number, id, tenant) in [(1, "a", "acme"), (2, "b", "acme"), (3, "c", "other")] {
            store.create_key(new(id, tenant), &key(number), &hasher, at(1)).await.unwrap();
        }
        store.revoke_key("a", at(2)).await.unwrap();
        store.suspend("acme", true).await.unwrap();
        let before = store.sequence().await.unwrap();

        assert_eq!(store.delete_tenant("acme", at(3)).await.unwrap(), 1);
        assert_eq!(store.tenant("acme").await.unwrap(), None);
        assert_eq!(store.tenants().await.unwrap().len(), 1);
        let ends: Vec<_> =
            store.keys(None).await.unwrap().into_iter().map(|key| key.revoked_at).collect();
        assert_eq!(ends, [Some(at(2)), Some(at(3)), None]);
        // Whoever follows the changes learns of it.
        let changed = store.tenants_since(before, 9).await.unwrap();
        assert_eq!(changed[0].deleted_at, Some(at(3)));
        let keys = store.keys_since(before, 9).await.unwrap();
        assert_eq!((keys.len(), keys[0].id.as_str()), (1, "b"));

        // The id is free again, and nothing of the old one comes back.
        store.suspend("acme", true).await.unwrap_err();
        store.create_tenant("acme", None, at(4)).await.unwrap();
        let again = store.tenant("acme").await.unwrap().unwrap();
        assert_eq!((again.tier, again.suspended, again.created_at), (None, false, at(4)));
        assert!(store.keys(Some("acme")).await.unwrap().iter().all(|key| !key.is_valid(at(4))));
    }

    async fn changes_that_make_no_sense_are_refused(place: &Place) {
        let store = place.open().await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        let unknown = "tenant \"acmee\" is not in the store; `tollgate tenants list` shows those \
                       that are";
        for (result, expected) in [
            (
                store.create_tenant("acme", None, at(1)).await,
                "tenant \"acme\" is in the store already; choose another id",
            ),
            (
                store.create_tenant("", None, at(1)).await,
                "tenant \"\" is not an id; use 1 to 256 bytes without control characters, and no \
                 blanks at the ends",
            ),
            (
                store.create_tenant("b", Some("pro\n"), at(1)).await,
                "tier \"pro\\n\" is not an id; use 1 to 256 bytes without control characters, and \
                 no blanks at the ends",
            ),
            (
                store.set_tier("acme", Some("")).await,
                "tier \"\" is not an id; use 1 to 256 bytes without control characters, and no \
                 blanks at the ends",
            ),
            (store.set_tier("acmee", None).await, unknown),
            (store.suspend("acmee", true).await, unknown),
            (store.delete_tenant("acmee", at(1)).await.map(drop), unknown),
        ] {
            assert_eq!(error(result), expected);
        }
        assert_eq!(store.sequence().await.unwrap(), 1);
    }
}
