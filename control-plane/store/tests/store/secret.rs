//! The secret under which keys are hashed.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;

use tollgate_store::{SecretReference, Store};

use crate::both::{Place, both, error};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn file(place: &Place, secret: &str) -> SecretReference {
    let path = place.folder.path().join("given");
    fs::write(&path, secret).unwrap();
    SecretReference::File(path)
}

both! {
    async fn the_first_secret_is_the_only_one(place: &Place) {
        let store = place.open().await;
        let hasher = store.key_hasher(Some(&file(place, SECRET)), [0; 32]).await.unwrap();
        // A line end is not part of it.
        let again = store.key_hasher(Some(&file(place, &format!("{SECRET}\n"))), [0; 32]).await;
        assert_eq!(again.unwrap().hash(b"key"), hasher.hash(b"key"));
        let other = file(place, "0123456789abcdef0123456789abcdeX");
        assert_eq!(
            error(store.key_hasher(Some(&other), [0; 32]).await),
            format!(
                "{other}: is not the secret under which the API keys in the store are hashed; \
                 give that one"
            )
        );
    }

    async fn a_secret_that_is_none_is_refused(place: &Place) {
        let store = place.open().await;
        for (length, expected) in [(31, false), (32, true)] {
            let reference = file(place, &SECRET[..length]);
            assert_eq!(store.key_hasher(Some(&reference), [0; 32]).await.is_ok(), expected);
        }
        let store = Place::sqlite();
        let store = store.open().await;
        for (length, expected) in [(4097, false), (4096, true)] {
            let reference = file(place, &"x".repeat(length));
            assert_eq!(store.key_hasher(Some(&reference), [0; 32]).await.is_ok(), expected);
        }
        let short = file(place, "short\n");
        let missing = SecretReference::File(place.folder.path().join("missing"));
        let unset = SecretReference::Env("TOLLGATE_NO_SUCH_SECRET".to_owned());
        for (reference, expected) in [
            (
                short,
                "has 5 bytes, and a secret has 32 to 4096; make one with `openssl rand -hex 32`",
            ),
            (missing, "cannot be read: No such file or directory (os error 2)"),
            (unset, "cannot be read: environment variable not found"),
        ] {
            assert_eq!(
                error(store.key_hasher(Some(&reference), [0; 32]).await),
                format!("{reference}: {expected}")
            );
        }
    }
}

#[test]
fn references_are_a_kind_and_a_name() {
    for text in ["env:KEY_SECRET", "file:/run/secrets/key", "file:a:b"] {
        assert_eq!(text.parse::<SecretReference>().unwrap().to_string(), text);
    }
    for text in ["", "env:", "file:", SECRET, "ENV:X", "vault:x"] {
        let error = error(text.parse::<SecretReference>());
        assert_eq!(error, "names no secret; write env:NAME or file:PATH", "{text}");
    }
}

#[tokio::test]
async fn a_hash_is_an_hmac_and_a_hasher_is_not_printed() {
    let place = Place::sqlite();
    let store = place.open().await;
    let hasher = store.key_hasher(Some(&file(&place, SECRET)), [0; 32]).await.unwrap();
    // printf key | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary | base64
    assert_eq!(
        format!("{:?}", hasher.hash(b"key")),
        "KeyHash(\"aNbXMID75O0_eHtBW9U3sHGCugY9IPwBuyT1tt9Idfw\")"
    );
    assert_eq!(format!("{hasher:?}"), "KeyHasher([redacted])");
}

#[tokio::test]
async fn a_sqlite_store_makes_its_own_secret_once() {
    let place = Place::sqlite();
    let store = place.open().await;
    let hasher = store.key_hasher(None, [1; 32]).await.unwrap();
    let path = place.folder.path().join("tollgate.db.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&path).unwrap().len(), 44);
    let again = store.key_hasher(None, [2; 32]).await.unwrap();
    assert_eq!(again.hash(b"key"), hasher.hash(b"key"));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(
        error(store.key_hasher(None, [2; 32]).await),
        format!(
            "file:{}: others may read it; `chmod 600` it, and think of whoever may have",
            path.display()
        )
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(
        error(store.key_hasher(None, [2; 32]).await),
        format!(
            "file:{}: is missing, and the API keys in the store are hashed under it; restore it \
             from a backup",
            path.display()
        )
    );
    assert!(!path.exists());
}

#[tokio::test]
async fn two_that_need_a_secret_at_once_get_the_same() {
    let place = Place::sqlite();
    let store = place.open().await;
    let make = |entropy: u8| {
        let store: Store = store.clone();
        tokio::spawn(async move { store.key_hasher(None, [entropy; 32]).await.unwrap() })
    };
    let tasks: Vec<_> = (0..8).map(make).collect();
    let mut hashes = Vec::new();
    for task in tasks {
        hashes.push(task.await.unwrap().hash(b"key"));
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1);
}

#[tokio::test]
async fn a_secret_that_cannot_be_made_is_told() {
    let place = Place::sqlite();
    place.open().await.close().await;
    // A name of the store in a folder in which nobody can make a file.
    let file = fs::File::open(place.folder.path().join("tollgate.db")).unwrap();
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let store = Store::open(&format!("sqlite:{path}").parse().unwrap()).await.unwrap();
    let error = error(store.key_hasher(None, [1; 32]).await);
    assert!(error.starts_with(&format!("file:{path}.key: cannot be made: ")), "{error}");
}

#[tokio::test]
async fn a_postgres_store_must_be_given_one() {
    let place = Place::postgres();
    let store = place.open().await;
    assert_eq!(
        error(store.key_hasher(None, [1; 32]).await),
        "a PostgreSQL store keeps no secret beside it; give --key-hash-secret env:NAME or \
         file:PATH"
    );
}
