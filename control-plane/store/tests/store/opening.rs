use std::fs;

use tollgate_store::Store;
use tollgate_support::Postgres;

use crate::both::{Place, at, both, error, found, key};

both! {
    async fn a_store_keeps_what_it_was_told(place: &Place) {
        let store = place.open().await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        store.close().await;
        let store = Store::open(&place.parsed()).await.unwrap();
        assert!(store.tenant("acme").await.unwrap().is_some());
    }

    async fn eight_may_open_a_new_store_at_once(place: &Place) {
        for store in eight_at_once(place).await {
            assert_eq!(store.sequence().await.unwrap(), 0);
        }
    }

    async fn eight_may_open_an_old_store_at_once(place: &Place) {
        place.fill_as_schema_1();
        for store in eight_at_once(place).await {
            assert_eq!(store.revocations(at(0)).await.unwrap().len(), 0);
        }
    }

    /// What has to hold for a server with many threads: that it compiles.
    async fn a_store_can_be_asked_from_any_thread(place: &Place) {
        fn sent<T: Send>(future: T) -> T {
            future
        }
        let store = place.open().await;
        let hasher = sent(place.hasher(&store)).await;
        let hash = hasher.hash(b"nobody's");
        assert_eq!(sent(store.find_key(&hash)).await.unwrap(), None);
        assert_eq!(sent(store.tenant("acme")).await.unwrap(), None);
        assert_eq!(sent(store.keys_since(0, 1)).await.unwrap(), []);
        assert_eq!(sent(store.tenants_since(0, 1)).await.unwrap(), []);
        assert_eq!(sent(store.revocations_since(0, 1)).await.unwrap(), []);
        assert_eq!(sent(store.key_filter(7, at(0))).await.unwrap().sequence(), 0);
    }

    async fn an_old_store_is_brought_up_to_date(place: &Place) {
        place.fill_as_schema_1();
        let store = Store::open(&place.parsed()).await.unwrap();
        assert_eq!(store.sequence().await.unwrap(), 3);
        let tenants = store.tenants().await.unwrap();
        assert_eq!((tenants.len(), tenants[0].tier.as_deref()), (1, Some("pro")));
        let hasher = place.hasher(&store).await;
        let ci = found(&store, &hasher, &key(1)).await.unwrap();
        assert_eq!((ci.id.as_str(), ci.scopes.len(), ci.is_valid(at(1))), ("ci", 2, true));
        // What came with the new schema.
        store.revoke_key("ci", at(0)).await.unwrap();
        assert_eq!(store.revocations(at(1)).await.unwrap().len(), 1);
        store.close().await;
        // Once is enough.
        Store::open(&place.parsed()).await.unwrap();
    }

    async fn a_newer_store_is_refused(place: &Place) {
        place.open().await.close().await;
        place.sql(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
             execution_time) VALUES (8, 'of tomorrow', TRUE, '', 0)",
        );
        let address = place.parsed();
        assert_eq!(
            error(Store::open(&address).await),
            format!(
                "{address}: has schema 8, and this version of tollgate knows those up to 7; use \
                 the version that wrote it, or a newer one"
            )
        );
    }

    async fn a_changed_schema_is_refused(place: &Place) {
        place.open().await.close().await;
        place.sql("UPDATE _sqlx_migrations SET checksum = '' WHERE version = 2");
        let address = place.parsed();
        assert_eq!(
            error(Store::open(&address).await),
            format!(
                "{address}: has a schema 2 that is not tollgate's; use the version that wrote it, \
                 or another database"
            )
        );
    }

    async fn a_failed_step_leaves_the_old_store(place: &Place) {
        place.fill_as_schema_1();
        // In the way of the second step's second table.
        place.sql("CREATE TABLE revocations_until (x BIGINT)");
        assert!(error(Store::open(&place.parsed()).await).contains("revocations_until"));
        place.sql("DROP TABLE revocations_until");
        Store::open(&place.parsed()).await.unwrap().revocations(at(0)).await.unwrap();
    }
}

async fn eight_at_once(place: &Place) -> Vec<Store> {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let address = place.parsed();
            tokio::spawn(async move { Store::open_or_create(&address).await.unwrap() })
        })
        .collect();
    let mut stores = Vec::new();
    for task in tasks {
        stores.push(task.await.unwrap());
    }
    stores
}

#[tokio::test]
async fn what_is_no_sqlite_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text.db"), "no database, but longer than its header would be".repeat(4))
        .unwrap();
    fs::create_dir(path("folder.db")).unwrap();
    for (name, expected) in [
        (
            "missing.db",
            "there is no store in this place; check --store, or make one with `tollgate tenants \
             create`",
        ),
        ("folder.db", "cannot be opened: unable to open database file"),
        ("text.db", "cannot be opened: file is not a database"),
    ] {
        let shown = path(name).display().to_string();
        let address = format!("sqlite:{shown}").parse().unwrap();
        let shown = if name == "missing.db" { shown } else { format!("sqlite:{shown}") };
        assert_eq!(error(Store::open(&address).await), format!("{shown}: {expected}"));
    }
    // Something on the way to it is no folder.
    let address = format!("sqlite:{}", path("text.db/x").display()).parse().unwrap();
    assert_eq!(
        error(Store::open(&address).await),
        format!("{}: cannot be opened: Not a directory (os error 20)", path("text.db/x").display())
    );
    let nowhere = format!("sqlite:{}", path("no/such/folder.db").display()).parse().unwrap();
    assert!(error(Store::open_or_create(&nowhere).await).contains("there is no store"));
}

#[tokio::test]
async fn a_postgres_that_cannot_be_asked_is_told_without_the_password() {
    let place = Place::postgres();
    let port = place.postgres.as_ref().unwrap().port();
    let closed = tollgate_support::free_port().unwrap();
    for (address, expected) in [
        (
            format!("postgres://tollgate:sesame@127.0.0.1:{closed}/tollgate"),
            format!(
                "postgres://tollgate@127.0.0.1:{closed}/tollgate: cannot be opened: Connection \
                 refused (os error 111)"
            ),
        ),
        (
            format!("postgres://tollgate:open@127.0.0.1:{port}/tollgate"),
            format!(
                "postgres://tollgate@127.0.0.1:{port}/tollgate: cannot be opened: password \
                 authentication failed for user \"tollgate\""
            ),
        ),
        (
            format!("postgres://tollgate:sesame@127.0.0.1:{port}/nowhere"),
            format!(
                "postgres://tollgate@127.0.0.1:{port}/nowhere: cannot be opened: database \
                 \"nowhere\" does not exist"
            ),
        ),
        (
            format!("postgres://tollgate:sesame@127.0.0.1:{port}/postgres?sslmode=require"),
            format!(
                "postgres://tollgate@127.0.0.1:{port}/postgres: cannot be opened: error occurred \
                 while attempting to establish a TLS connection: server does not support TLS"
            ),
        ),
    ] {
        assert_eq!(error(Store::open(&address.parse().unwrap()).await), expected);
    }
}

#[tokio::test]
async fn a_postgres_that_goes_away_is_told() {
    let postgres = Postgres::start().unwrap();
    let address = postgres.database().unwrap().parse().unwrap();
    let store = Store::open(&address).await.unwrap();
    store.create_tenant("acme", None, at(0)).await.unwrap();
    drop(postgres);
    let mut errors = Vec::new();
    for _ in 0..2 {
        errors.push(error(store.tenant("acme").await));
    }
    assert!(
        errors.iter().all(|error| error.starts_with("the store cannot be used: ")),
        "{errors:?}"
    );
    assert_eq!(errors[1], "the store cannot be used: no connection could be had within 5s");
}
