use tollgate_signatures::KeyAlgorithm;
use tollgate_store::{
    KeyState, NewSigningKey, SecretReference, SecretSeal, SigningKeyRecord, SigningKind,
    SigningMaterial, Store,
};

use crate::both::{at, both, error};

const SECRET: &str = "the secret that acme and the gateway share";

const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
";

fn new(id: &str) -> NewSigningKey {
    NewSigningKey {
        id: id.to_owned(),
        tenant: "acme".to_owned(),
        kind: SigningKind::Hmac,
        algorithm: KeyAlgorithm::HmacSha256,
        material: SigningMaterial::Secret(SECRET.to_owned()),
        scopes: ["b", "a", "b"].map(str::to_owned).into(),
        tier: Some("pro".to_owned()),
        expires_at: Some(at(100)),
    }
}

fn public(kind: SigningKind) -> NewSigningKey {
    let material = SigningMaterial::PublicKey(PUBLIC.to_owned());
    NewSigningKey { kind, algorithm: KeyAlgorithm::Ed25519, material, ..new("p") }
}

async fn seal(place: &crate::both::Place, store: &Store) -> SecretSeal {
    let path = place.folder.path().join("secret");
    std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    store.secret_seal(Some(&SecretReference::File(path)), [0; 32]).await.unwrap()
}

both! {
    async fn a_signing_key_is_told_with_its_secret_to_who_has_the_stores(place: &Place) {
        let store = place.open().await;
        let seal = seal(place, &store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        let made = store.create_signing_key(new("a"), &seal, at(5)).await.unwrap();
        let expected = SigningKeyRecord {
            id: "a".to_owned(),
            tenant: "acme".to_owned(),
            kind: "hmac".to_owned(),
            algorithm: "hmac-sha256".to_owned(),
            scopes: ["a", "b"].map(str::to_owned).into(),
            tier: Some("pro".to_owned()),
            created_at: at(5),
            expires_at: Some(at(100)),
            revoked_at: None,
            sequence: 2,
        };
        assert_eq!(made, expected);
        let told = store.signing_key("a", &seal).await.unwrap();
        assert_eq!(told, Some((expected, SigningMaterial::Secret(SECRET.to_owned()))));
        assert_eq!(store.signing_key("b", &seal).await.unwrap(), None);
        let made = store.create_signing_key(public(SigningKind::HttpSignature), &seal, at(6));
        assert_eq!(made.await.unwrap().algorithm, "ed25519");
        let (_, material) = store.signing_key("p", &seal).await.unwrap().unwrap();
        assert_eq!(material, SigningMaterial::PublicKey(PUBLIC.to_owned()));
        let ids: Vec<_> =
            store.signing_keys(Some("acme")).await.unwrap().into_iter().map(|key| key.id).collect();
        assert_eq!(ids, ["a", "p"]);
        assert!(store.signing_keys(Some("other")).await.unwrap().is_empty());
    }

    async fn whoever_follows_the_changes_learns_of_keys_and_of_their_end(place: &Place) {
        let store = place.open().await;
        let seal = seal(place, &store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        for id in ["a", "b", "c"] {
            store.create_signing_key(new(id), &seal, at(0)).await.unwrap();
        }
        store.revoke_signing_key("a", at(7)).await.unwrap();
        let since = async |sequence, limit| {
            let keys = store.signing_keys_since(sequence, limit).await.unwrap();
            let told = keys.into_iter().map(|key| (key.id, key.sequence, key.revoked_at));
            told.collect::<Vec<_>>()
        };
        let [b, c, a] = [("b", 3, None), ("c", 4, None), ("a", 5, Some(at(7)))]
            .map(|(id, sequence, revoked)| (id.to_owned(), sequence, revoked));
        assert_eq!(since(0, 9).await, [b.clone(), c.clone(), a.clone()]);
        assert_eq!(since(0, 2).await, [b, c.clone()]);
        assert_eq!(since(3, 9).await, [c, a]);
        assert_eq!(since(5, 9).await, []);
    }

    async fn a_secret_that_was_moved_to_another_key_does_not_open(place: &Place) {
        let store = place.open().await;
        let seal = seal(place, &store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        for id in ["a", "b"] {
            store.create_signing_key(new(id), &seal, at(0)).await.unwrap();
        }
        place.sql(
            "UPDATE signing_keys SET material = (SELECT material FROM signing_keys WHERE id = 'a') \
             WHERE id = 'b'",
        );
        assert_eq!(
            error(store.signing_key("b", &seal).await),
            "signing key \"b\" does not open under the store's secret; it was changed by somebody \
             else, or is a copy of another one"
        );
        assert!(store.signing_key("a", &seal).await.unwrap().is_some());
    }

    async fn another_secret_than_the_stores_is_refused(place: &Place) {
        let store = place.open().await;
        seal(place, &store).await;
        let path = place.folder.path().join("other");
        std::fs::write(&path, "another secret of thirty-two characters").unwrap();
        let reference = SecretReference::File(path.clone());
        assert_eq!(
            error(store.secret_seal(Some(&reference), [0; 32]).await),
            format!(
                "file:{}: is not the secret under which the API keys in the store are hashed; \
                 give that one",
                path.display()
            )
        );
    }

    async fn a_signing_key_ends(place: &Place) {
        let store = place.open().await;
        let seal = seal(place, &store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        let made = store.create_signing_key(new("a"), &seal, at(0)).await.unwrap();
        assert_eq!(made.state(at(99)), KeyState::Valid);
        assert_eq!(made.state(at(100)), KeyState::Expired);
        store.revoke_signing_key("a", at(7)).await.unwrap();
        let (record, _) = store.signing_key("a", &seal).await.unwrap().unwrap();
        assert_eq!((record.state(at(8)), record.revoked_at), (KeyState::Revoked, Some(at(7))));
        assert_eq!(
            error(store.revoke_signing_key("a", at(8)).await),
            "signing key \"a\" is revoked already"
        );
        assert_eq!(
            error(store.revoke_signing_key("b", at(8)).await),
            "signing key \"b\" is not in the store; `tollgate signing-keys list` shows those that are"
        );
        let end = NewSigningKey { expires_at: None, ..new("c") };
        store.create_signing_key(end, &seal, at(8)).await.unwrap();
        store.delete_tenant("acme", at(9)).await.unwrap();
        let (record, _) = store.signing_key("c", &seal).await.unwrap().unwrap();
        assert_eq!(record.revoked_at, Some(at(9)));
    }

    async fn a_signing_key_that_makes_no_sense_is_refused(place: &Place) {
        let store = place.open().await;
        let seal = seal(place, &store).await;
        store.create_tenant("acme", None, at(0)).await.unwrap();
        store.create_signing_key(new("a"), &seal, at(0)).await.unwrap();
        let secret = |secret: &str| SigningMaterial::Secret(secret.to_owned());
        for (asked, expected) in [
            (new("a"), "signing key \"a\" is in the store already, or was; choose another id"),
            (
                NewSigningKey { tenant: "other".to_owned(), ..new("b") },
                "tenant \"other\" is not in the store; `tollgate tenants list` shows those that are",
            ),
            (
                NewSigningKey { material: secret("short"), ..new("b") },
                "the secret of the signing key: 5 bytes are less than 32; make a longer secret",
            ),
            (public(SigningKind::Hmac), "hmac is signed with a secret; leave out --public-key"),
            (public(SigningKind::SigV4), "sigv4 is signed with a secret; leave out --public-key"),
            (
                NewSigningKey { algorithm: KeyAlgorithm::Ed25519, ..new("b") },
                "ed25519 is signed with a private key; give the public one with --public-key",
            ),
            (
                NewSigningKey {
                    algorithm: KeyAlgorithm::RsaPssSha512,
                    ..public(SigningKind::HttpSignature)
                },
                "the public key of the signing key: is not the public key of an rsa-pss-sha512 \
                 pair in PEM (`-----BEGIN PUBLIC KEY-----`)",
            ),
            (
                NewSigningKey { expires_at: Some(at(1)), ..new("b") },
                "the end of the signing key is not in the future; give a later one",
            ),
        ] {
            assert_eq!(error(store.create_signing_key(asked, &seal, at(1)).await), expected);
        }
    }
}
