//! TLS of listeners, and who is asked for certificates.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ED25519, SerialNumber, date_time_ymd,
};
use tollgate_core::Timestamp;
use tollgate_model::{Gateway, PrivateKey, Reference};

use super::*;

/// What is in the files that a listener names.
struct Files {
    certificate: String,
    key: String,
    other_key: String,
    ed25519: (String, String),
    ca: String,
    two_authorities: String,
    crl: String,
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

fn leaf(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.self_signed(key).unwrap().pem()
}

fn made() -> Files {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let (ca, issuer) = authority("clients");
    let (other_ca, _) = authority("partners");
    let revoked = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2046, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Files {
        certificate: leaf(&key),
        key: key.serialize_pem(),
        other_key: other.serialize_pem(),
        ed25519: (leaf(&ed25519), ed25519.serialize_pem()),
        two_authorities: format!("{ca}{other_ca}"),
        crl: revoked.signed_by(&issuer).unwrap().pem().unwrap(),
        ca,
    }
}

fn loaded(files: &Files) -> Loaded {
    let named = [
        ("good.pem", &*files.certificate),
        ("good.key", &files.key),
        ("other.key", &files.other_key),
        ("ed25519.pem", &files.ed25519.0),
        ("ed25519.key", &files.ed25519.1),
        ("ca.pem", &files.ca),
        ("cas.pem", &files.two_authorities),
        ("ca.crl", &files.crl),
        ("junk", "nothing of the kind"),
        ("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ];
    let good = named.map(|(name, text)| (name, Ok(text.as_bytes().to_vec())));
    let der = ("der", Ok(b"\x30\x82".to_vec()));
    let missing = ("missing", Err("it does not exist".to_owned()));
    let file = |(name, bytes)| (Reference::File(format!("conf/{name}")), bytes);
    Loaded(good.into_iter().chain([der, missing]).map(file).collect())
}

fn written(listener: &str, identity: &str) -> String {
    format!(
        "listeners:\n  public:\n    address: 127.0.0.1:8443\n    tls: {listener}\n\
         identity: {{ {identity} }}\n{}",
        good_but("listeners").replace("identity: ", "#")
    )
}

#[test]
fn certificates_keys_and_authorities() {
    let files = made();
    let loaded = loaded(&files);
    let check = |tls: &str, identity: &str, expected: &Expect| {
        let text = written(tls, identity);
        expected.assert_eq(&faults_with(&[("conf/t.yaml", text.as_bytes())], &loaded));
    };
    let good = "certificate: good.pem, key: good.key";
    let mtls = "mtls: { tenant: uri_san, pattern: \"spiffe://acme/{tenant}\" }";
    check(
        &format!("{{ {good} }}"),
        "",
        &expect![[r#"
        ok
    "#]],
    );
    check(
        &format!(
            "{{ {good}, client_ca: ca.pem, client_certificates: required, crl: ca.crl, min_version: \"1.3\" }}"
        ),
        mtls,
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "{ certificate: missing, key: unnamed }",
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.certificate: "missing" cannot be read: it does not exist; write a path relative to this file
        conf/t.yaml:4: listeners.public.tls.key: "unnamed" cannot be read: it was not loaded; write a path relative to this file
    "#]],
    );
    check(
        "{ }",
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.certificate: missing; write the certificate, then those above it up to one that callers know
        conf/t.yaml:4: listeners.public.tls.key: missing; write the certificate's private key: ECDSA or RSA, without a password
    "#]],
    );
    check(
        "{ certificate: junk, key: junk, client_ca: junk, crl: junk }",
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.certificate: "junk" holds no certificate; write a PEM file with -----BEGIN CERTIFICATE-----
        conf/t.yaml:4: listeners.public.tls.client_ca: "junk" holds no certificate; write a PEM file with -----BEGIN CERTIFICATE-----
        conf/t.yaml:4: listeners.public.tls.crl: "junk" holds no list of revoked certificates; write a PEM file with -----BEGIN X509 CRL-----
        conf/t.yaml:4: listeners.public.tls.key: "junk" holds no private key; write a PEM file with -----BEGIN PRIVATE KEY-----, without a password
    "#]],
    );
    check(
        "{ certificate: cut.pem, key: good.pem }",
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.certificate: "cut.pem" holds a certificate that is malformed; write it anew as PEM
        conf/t.yaml:4: listeners.public.tls.key: "good.pem" holds no private key; write a PEM file with -----BEGIN PRIVATE KEY-----, without a password
    "#]],
    );
    check(
        "{ certificate: der, key: good.key }",
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.certificate: "der" is not text; write it as PEM, with `openssl x509 -inform der` or `openssl pkey`
    "#]],
    );
    check(
        "{ certificate: good.pem, key: other.key }",
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.key: "other.key" is not the key of "good.pem"; write the one that belongs to it
    "#]],
    );
    check(
        "{ certificate: ed25519.pem, key: ed25519.key }",
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.key: "ed25519.key" holds a key that cannot be used; make one of ECDSA on P-256 or P-384, or of RSA with 2048 bits or more
    "#]],
    );
    check(
        &format!("{{ {good}, client_ca: good.pem }}"),
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.client_ca: "good.pem" holds the certificate of CN=leaf, which is no authority; write those that signed it
    "#]],
    );
    check(
        &format!("{{ {good}, client_ca: cas.pem, crl: ca.crl }}"),
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.crl: "ca.crl" holds no list of the authority CN=partners, so that all its certificates would be refused; add it
    "#]],
    );
    check(
        &format!("{{ {good}, client_ca: ca.pem, crl: good.pem }}"),
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.crl: "good.pem" holds no list of revoked certificates; write a PEM file with -----BEGIN X509 CRL-----
    "#]],
    );
    check(
        &format!("{{ {good}, client_certificates: optional, crl: ca.crl, min_version: 1.1 }}"),
        "",
        &expect![[r#"
            conf/t.yaml:4: listeners.public.tls.client_certificates: callers are not asked for certificates without `client_ca`; write it, or remove this
            conf/t.yaml:4: listeners.public.tls.crl: callers are not asked for certificates without `client_ca`; write it, or remove this
            conf/t.yaml:4: listeners.public.tls.min_version: 1.1 cannot stand here; write 1.2 or 1.3
        "#]],
    );
    check(
        &format!("{{ {good}, client_ca: ca.pem, http3: {{}} }}"),
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.http3: callers can show no certificate over HTTP/3; remove it, or `client_ca`
    "#]],
    );
    check(
        &format!("{{ {good}, http3: {{ port: 0 }} }}"),
        "",
        &expect![[r#"
        conf/t.yaml:4: listeners.public.tls.http3.port: 0 is not between 1 and 65535
    "#]],
    );
    check(
        &format!("{{ {good} }}"),
        mtls,
        &expect![[r#"
        conf/t.yaml:5: identity.mtls: no listener asks callers for certificates; write `client_ca` in the `tls` of one
    "#]],
    );
    check(
        &format!("{{ {good}, client_ca: ca.pem }}"),
        "mtls: { tenant: uri_san, pattern: \"{tenant}{subject}\", scopes: [\"a b\"] }",
        &expect![[r#"
            conf/t.yaml:5: identity.mtls.pattern: "{tenant}{subject}" has two parts with nothing between them; write what divides them
            conf/t.yaml:5: identity.mtls.scopes[0]: "a b" is not a scope; use printable ASCII without blanks, quotes and backslashes
        "#]],
    );
}

fn compiled(text: &str, loaded: &Loaded) -> Gateway {
    let source = Source { name: "conf/t.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
    read(&[source]).unwrap().compile(loaded).unwrap()
}

#[test]
fn private_keys_are_not_shown() {
    let files = made();
    let text = written("{ certificate: good.pem, key: good.key, client_ca: ca.pem }", "");
    let gateway = compiled(&text, &loaded(&files));
    let tls = gateway.listeners["public"].tls.as_ref().unwrap();
    assert_eq!(tls.key.expose(), files.key);
    assert_eq!(format!("{:?}", tls.key), PrivateKey::REDACTED);
}

#[test]
fn files_are_looked_for_beside_the_file_that_names_them() {
    let text = written("{ certificate: a.pem, key: keys/a.key, client_ca: b.pem, crl: /c }", "");
    let source = Source { name: "conf/t.yaml".to_owned(), bytes: text.into_bytes() };
    let expected = ["/c", "conf/a.pem", "conf/b.pem", "conf/keys/a.key"];
    let expected = expected.map(|file| Reference::File(file.to_owned()));
    assert_eq!(read(&[source]).unwrap().references(), expected);
}

#[test]
fn what_expired_is_told_and_refused_by_nobody_here() {
    let text =
        written("{ certificate: good.pem, key: good.key, client_ca: ca.pem, crl: ca.crl }", "");
    let gateway = compiled(&text, &loaded(&made()));
    let told = |year: u64| {
        let now = Timestamp::from_seconds(year.saturating_sub(1970).saturating_mul(31_557_600));
        gateway.expired(now).map(|fault| format!("{fault}\n")).collect::<String>()
    };
    assert_eq!(told(2030), "");
    expect![[r#"
        conf/t.yaml:4: listeners.public.tls.crl: "ca.crl" has expired, so every certificate of a caller is refused; write a new one
    "#]].assert_eq(&told(2047));
    expect![[r#"conf/t.yaml:4: listeners.public.tls.certificate: "good.pem" has expired, so callers refuse it; write a new one conf/t.yaml:4: listeners.public.tls.client_ca: "ca.pem" has expired, so certificates of callers are refused; write a new one conf/t.yaml:4: listeners.public.tls.crl: "ca.crl" has expired, so every certificate of a caller is refused; write a new one "#]].assert_eq(&told(5000).replace('\n', " "));
}
