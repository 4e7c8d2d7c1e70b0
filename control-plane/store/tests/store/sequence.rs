//! Changes have one order, and nobody who follows them misses any.

use std::collections::BTreeSet;

use tokio::task::JoinHandle;
use tollgate_store::{Revoked, Store};

use crate::both::{at, both, key, new};

both! {
    async fn every_changed_row_has_the_next_number(place: &Place) {
        let store = place.open().await;
        let hasher = place.hasher(&store).await;
        assert_eq!(store.sequence().await.unwrap(), 0);
        store.create_tenant("acme", None, at(0)).await.unwrap();
        let made = store.create_key(new("a", "acme"), &key(1), &hasher, at(0)).await.unwrap();
        store.revoke(&Revoked::Tenant("x".to_owned()), None, at(0)).await.unwrap();
        // The key, and its entry in the denylist.
        store.revoke_key("a", at(1)).await.unwrap();
        assert_eq!((made.sequence, store.sequence().await.unwrap()), (2, 5));
        let sequences = |from| {
            let store = store.clone();
            async move {
                let keys = store.keys_since(from, 9).await.unwrap();
                let tenants = store.tenants_since(from, 9).await.unwrap();
                let revocations = store.revocations_since(from, 9).await.unwrap();
                let mut all: Vec<_> = keys.iter().map(|key| key.sequence).collect();
                all.extend(tenants.iter().map(|tenant| tenant.sequence));
                all.extend(revocations.iter().map(|revocation| revocation.sequence));
                all
            }
        };
        assert_eq!(sequences(0).await, [4, 1, 3, 5]);
        assert_eq!(sequences(3).await, [4, 5]);
        assert_eq!(sequences(5).await, [0; 0]);
    }

    async fn what_changed_comes_in_portions(place: &Place) {
        let store = place.open().await;
        for number in 0..7 {
            store.create_tenant(&number.to_string(), None, at(0)).await.unwrap();
        }
        let mut ids = Vec::new();
        let mut seen = 0;
        loop {
            let portion = store.tenants_since(seen, 3).await.unwrap();
            let Some(last) = portion.last() else { break };
            assert!(portion.len() <= 3);
            seen = last.sequence;
            ids.extend(portion.into_iter().map(|tenant| tenant.id));
        }
        assert_eq!(ids, ["0", "1", "2", "3", "4", "5", "6"]);
    }

    /// Three writers, each with connections of its own, and a reader that
    /// asks for what is new all the time.
    async fn a_reader_among_writers_misses_nothing(place: &Place) {
        const EACH: usize = 40;
        let all = 3 * EACH;
        let reader = place.open().await;
        let mut writers = Vec::new();
        for writer in 0..3 {
            let store = place.open().await;
            writers.push(tokio::spawn(async move { write(&store, writer, EACH).await }));
        }
        let (mut seen, mut ids) = (0, BTreeSet::new());
        loop {
            // Looked at before the store is, so that the last look comes after the last change.
            let is_last = writers.iter().all(JoinHandle::is_finished);
            for tenant in reader.tenants_since(seen, 1_000).await.unwrap() {
                assert!(seen < tenant.sequence);
                seen = tenant.sequence;
                ids.insert(tenant.id);
            }
            if is_last {
                break;
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(ids.len(), all, "some were missed");
        assert_eq!(reader.sequence().await.unwrap(), all as u64);
    }
}

async fn write(store: &Store, writer: usize, count: usize) {
    for number in 0..count {
        store.create_tenant(&format!("{writer}-{number}"), None, at(0)).await.unwrap();
    }
}
