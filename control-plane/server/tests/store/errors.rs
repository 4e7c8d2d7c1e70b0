use std::fs;

use crate::shell::{Shell, both};

both! {
    fn what_makes_no_sense_is_told_in_words(shell: &Shell) {
        shell.notes("tenants create acme");
        shell.out("keys create --tenant acme --id good");
        shell.out("keys create --tenant acme --id old");
        shell.out("keys create --tenant acme --id gone");
        shell.out("keys rotate old --new-id new");
        shell.notes("keys revoke gone");
        let unknown = "tenant \"nobody\" is not in the store; `tollgate tenants list` shows those \
                       that are";
        let no_key = "API key \"none\" is not in the store; `tollgate keys list` shows those that \
                      are";
        for (line, expected) in [
            ("tenants create acme", "tenant \"acme\" is in the store already; choose another id"),
            ("tenants show nobody", unknown),
            ("tenants set-tier nobody pro", unknown),
            ("tenants suspend nobody", unknown),
            ("tenants resume nobody", unknown),
            ("tenants delete nobody", unknown),
            ("keys create --tenant nobody", unknown),
            ("keys list --tenant nobody", unknown),
            (
                "keys create --tenant acme --id good",
                "API key \"good\" is in the store already, or was; choose another id",
            ),
            (
                "keys create --tenant acme --expires 90x",
                "--expires: \"90x\" is not a time; write how long from now, as 90d or 12h, or the \
                 time, as 2030-01-31T00:00:00Z or in seconds since 1970",
            ),
            (
                "keys create --tenant acme --expires 2020-01-31T00:00:00Z",
                "the end of the API key is not in the future; give a later one",
            ),
            (
                "keys create --tenant acme --scopes é",
                "scope \"é\" is not a scope; use printable ASCII without blanks, quotes and \
                 backslashes",
            ),
            (
                "keys rotate good --overlap 1fortnight",
                "--overlap: \"1fortnight\" is not a span of time; write 24h, 30m or 7d",
            ),
            ("keys rotate none", no_key),
            ("keys rotate gone", "API key \"gone\" is revoked already"),
            (
                "keys rotate old",
                "API key \"old\" is replaced by \"new\" already; rotate that one",
            ),
            ("keys revoke none", no_key),
            ("keys revoke gone", "API key \"gone\" is revoked already"),
            (
                "tokens revoke --tenant acme --until 0s",
                "the end of the revocation is not in the future; give a later one",
            ),
            (
                "tokens revoke --tenant acme --until soon",
                "--until: \"soon\" is not a time; write how long from now, as 90d or 12h, or the \
                 time, as 2030-01-31T00:00:00Z or in seconds since 1970",
            ),
        ] {
            assert_eq!(shell.error(line), expected, "{line}");
        }
        assert_eq!(shell.json("keys list").as_array().unwrap().len(), 4);
    }
}

#[test]
fn a_store_that_cannot_be_had_is_told_without_passwords() {
    let shell = Shell::sqlite();
    fs::write(shell.path("text.db"), "no database at all\n".repeat(60)).unwrap();
    let port = tollgate_support::free_port().unwrap();
    let postgres = format!("postgres://ann:sesame@127.0.0.1:{port}/tollgate?password=sesame");
    for (store, expected) in [
        (
            "sqlite:tollgate.db",
            "tollgate.db: there is no store in this place; check --store, or make one with \
             `tollgate tenants create`"
                .to_owned(),
        ),
        ("sqlite:.", "sqlite:.: cannot be opened: unable to open database file".to_owned()),
        ("sqlite:text.db", "sqlite:text.db: cannot be opened: file is not a database".to_owned()),
        ("sqlite:", "--store: names no file; write sqlite:PATH".to_owned()),
        (
            "mysql://ann:sesame@db/tollgate",
            "--store: is no store; write sqlite:PATH or postgres://USER@HOST/DATABASE".to_owned(),
        ),
        (
            &postgres,
            format!(
                "postgres://ann@127.0.0.1:{port}/tollgate: cannot be opened: Connection refused \
                 (os error 111)"
            ),
        ),
    ] {
        assert_eq!(shell.error(&format!("keys list --store {store}")), expected);
    }
    assert!(!shell.path("tollgate.db").exists());
}

#[test]
fn a_secret_that_cannot_be_had_is_told_without_it() {
    let shell = Shell::sqlite();
    shell.notes("tenants create acme");
    let secret = "0123456789abcdef0123456789abcdef";
    for (reference, expected) in [
        (secret, "--key-hash-secret: names no secret; write env:NAME or file:PATH"),
        ("file:missing", "file:missing: cannot be read: No such file or directory (os error 2)"),
        ("env:NOT_SET", "env:NOT_SET: cannot be read: environment variable not found"),
    ] {
        let line = format!("keys create --tenant acme --key-hash-secret {reference}");
        assert_eq!(shell.error(&line), expected);
    }
    let mut postgres = Shell::postgres();
    postgres.notes("tenants create acme");
    postgres.variables.retain(|(name, _)| *name == "TOLLGATE_STORE");
    assert_eq!(
        postgres.error("keys create --tenant acme"),
        "a PostgreSQL store keeps no secret beside it; give --key-hash-secret env:NAME or file:PATH"
    );
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_2() {
    let shell = Shell::sqlite();
    for line in [
        "tenants",
        "tenants create",
        "keys create",
        "keys rotate",
        "tokens revoke",
        "tokens revoke --jti 7",
        "tokens revoke --subject ann",
        "tokens revoke --issuer https://id.example.com",
        "tokens revoke --tenant acme --api-key ci",
        "tokens revoke --tenant acme --issuer https://id.example.com",
    ] {
        let (code, out, err) = shell.run(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(err.contains("--help") || err.contains("Usage"), "{line}: {err}");
    }
}

#[test]
fn help_shows_no_values_of_variables() {
    let mut shell = Shell::sqlite();
    shell.variables = vec![
        ("TOLLGATE_STORE", "postgres://ann:sesame@db/tollgate".to_owned()),
        ("TOLLGATE_KEY_HASH_SECRET", "sesame".to_owned()),
    ];
    let help = shell.out("keys create --help");
    assert!(help.contains("TOLLGATE_STORE") && help.contains("TOLLGATE_KEY_HASH_SECRET"));
    assert!(!help.contains("sesame"), "{help}");
}
