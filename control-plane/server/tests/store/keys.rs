use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::shell::{Shell, both, masked};

/// Makes a key and returns it.
fn created(shell: &Shell, options: &str) -> String {
    let out = shell.out(&format!("keys create --tenant acme {options}"));
    let key = out.strip_suffix('\n').unwrap();
    assert!(key.starts_with("tg_") && key.len() == 52 && !key.contains('\n'), "{key}");
    key.to_owned()
}

both! {
    fn a_key_is_printed_alone_and_once(shell: &Shell) {
        shell.notes("tenants create acme");
        let (code, out, err) = shell.run("keys create --tenant acme --id ci --expires 90d");
        assert_eq!((code, out.len()), (0, 53));
        assert_eq!(
            masked(&err),
            "API key ci of tenant acme works until TIME\n\
             the key is printed this once and not kept: store it now\n"
        );
        let key = out.trim_end();
        for line in ["keys list", "keys list --json", "tenants show acme", "tokens list"] {
            let (_, out, err) = shell.run(line);
            assert!(!out.contains(key) && !err.contains(key), "{line}");
        }
    }

    fn keys_come_change_and_go(shell: &Shell) {
        shell.notes("tenants create acme");
        shell.notes("tenants create other");
        created(shell, "--id ci --scopes orders.read,orders.write --tier pro");
        shell.out("keys create --tenant other --id theirs");
        let (code, _, err) = shell.run("keys rotate ci --new-id ci-2");
        assert_eq!(
            (code, masked(&err).as_str()),
            (
                0,
                "API key ci-2 of tenant acme works until it is revoked\n\
                 the key is printed this once and not kept: store it now\n\
                 API key ci, which it replaces, works until TIME\n"
            )
        );
        assert_eq!(shell.notes("keys revoke theirs"), "API key theirs is revoked\n");
        let list = masked(&shell.out("keys list"));
        let mut lines: Vec<_> = list.lines().collect();
        // Made within one second or not.
        lines[1..].sort_unstable();
        assert_eq!(
            lines,
            [
                "ID TENANT KEY STATE CREATED UNTIL TIER SCOPES",
                "ci acme tg_XXXX… valid TIME TIME pro orders.read,orders.write",
                "ci-2 acme tg_XXXX… valid TIME - pro orders.read,orders.write",
                "theirs other tg_XXXX… revoked TIME - - -",
            ]
        );
        assert_eq!(shell.out("keys list --tenant other").lines().count(), 2);
    }

    fn an_overlap_of_nothing_ends_the_old_key_at_once(shell: &Shell) {
        shell.notes("tenants create acme");
        created(shell, "--id old --expires 10d");
        shell.out("keys rotate old --overlap 0s --new-id new");
        let list = shell.json("keys list");
        let state = |id| {
            let keys = list.as_array().unwrap();
            keys.iter().find(|key| key["id"] == id).unwrap()["state"].clone()
        };
        assert_eq!((state("old"), state("new")), (json!("replaced"), json!("valid")));
    }

    fn keys_are_json_for_programs(shell: &Shell) {
        shell.notes("tenants create acme");
        let key = created(shell, "--id ci --scopes b,a --expires 4102444800");
        let mut list = shell.json("keys list");
        assert!(list[0]["created_at"].take().as_str().unwrap().ends_with('Z'));
        assert_eq!(
            list,
            json!([{
                "id": "ci",
                "tenant": "acme",
                "hint": key[..7],
                "state": "valid",
                "scopes": ["a", "b"],
                "tier": null,
                "created_at": null,
                "expires_at": "2100-01-01T00:00:00Z",
                "revoked_at": null,
                "replaced_by": null,
                "overlap_until": null,
            }])
        );
    }

    /// Nobody could ever use it.
    fn a_key_that_cannot_be_printed_is_revoked(shell: &Shell) {
        shell.notes("tenants create acme");
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = shell
            .command("keys create --tenant acme --id lost")
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
            (
                Some(1),
                "the API key cannot be shown, so it is revoked: No space left on device (os error 28)\n"
            )
        );
        assert_eq!(shell.json("keys list")[0]["state"], "revoked");
    }
}

#[test]
fn the_key_is_nowhere_on_the_disk() {
    let shell = Shell::sqlite();
    shell.notes("tenants create acme");
    let key = created(&shell, "");
    let mut files = 0;
    for entry in fs::read_dir(shell.path(".")).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap();
        // Without its beginning, which is kept for people.
        let secret = &key.as_bytes()[7..];
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{entry:?}");
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{entry:?}");
        files += 1;
    }
    assert!(2 <= files, "a store and its secret");
}

#[test]
fn the_store_and_the_secret_can_be_named() {
    let mut shell = Shell::sqlite();
    fs::create_dir(shell.path("data")).unwrap();
    let secret = "0123456789abcdef0123456789abcdef";
    shell.variables = vec![("KEY_SECRET", secret.to_owned())];
    shell.notes("tenants create acme --store sqlite:data/a.db");
    let key = "keys --store sqlite:data/a.db create --tenant acme --key-hash-secret env:KEY_SECRET";
    shell.out(key);
    assert_eq!(fs::read_dir(shell.path(".")).unwrap().count(), 1);
    shell.variables.push(("TOLLGATE_STORE", "sqlite:data/a.db".to_owned()));
    assert_eq!(shell.json("keys list").as_array().unwrap().len(), 1);
    // Another secret would hash keys that nobody ever finds.
    assert_eq!(
        shell.error("keys create --tenant acme"),
        "file:data/a.db.key: is missing, and the API keys in the store are hashed under it; \
         restore it from a backup"
    );
}
