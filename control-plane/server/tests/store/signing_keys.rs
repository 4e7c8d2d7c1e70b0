use std::fs;

use crate::shell::{both, masked};

const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
";

both! {
    fn a_secret_is_printed_alone_and_once(shell: &Shell) {
        shell.notes("tenants create acme");
        let line = "signing-keys create --tenant acme --kind hmac --id partner --expires 90d";
        let (code, out, err) = shell.run(line);
        assert_eq!((code, out.len()), (0, 44));
        assert_eq!(
            masked(&err),
            "signing key partner (hmac) of tenant acme works until TIME\n\
             the secret is printed this once and kept sealed: store it now\n"
        );
        for line in ["signing-keys list", "signing-keys list --json", "tenants show acme"] {
            let (_, out_later, err) = shell.run(line);
            assert!(!out_later.contains(out.trim_end()) && !err.contains(out.trim_end()), "{line}");
        }
    }

    fn signing_keys_come_and_go(shell: &Shell) {
        shell.notes("tenants create acme");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acme.pem");
        fs::write(&path, PUBLIC).unwrap();
        let path = path.display();
        shell.out("signing-keys create --tenant acme --kind sigv4 --id AKID --scopes a,b --tier pro");
        let (code, out, err) = shell.run(&format!(
            "signing-keys create --tenant acme --kind http-signature --id ed --algorithm ed25519 \
             --public-key {path}"
        ));
        assert_eq!(
            (code, out.as_str(), masked(&err).as_str()),
            (
                0,
                "",
                "signing key ed (http-signature) of tenant acme works until it is revoked\n\
                 its private key stays with its owner\n"
            )
        );
        assert_eq!(shell.notes("signing-keys revoke AKID"), "signing key AKID is revoked\n");
        let list = masked(&shell.out("signing-keys list --tenant acme"));
        let mut lines: Vec<_> = list.lines().collect();
        // Made within one second or not.
        lines[1..].sort_unstable();
        assert_eq!(
            lines,
            [
                "ID TENANT KIND ALGORITHM STATE UNTIL TIER SCOPES",
                "AKID acme sigv4 hmac-sha256 revoked - pro a,b",
                "ed acme http-signature ed25519 valid - - -",
            ]
        );
    }

    fn what_makes_no_sense_is_said(shell: &Shell) {
        shell.notes("tenants create acme");
        let create = "signing-keys create --tenant acme";
        for (line, expected) in [
            (
                "--kind hmca".to_owned(),
                "--kind: \"hmca\" is no way of signing; write hmac, sigv4 or http-signature\n",
            ),
            (
                "--kind http-signature --algorithm rsa --public-key x".to_owned(),
                "--algorithm: \"rsa\" is no algorithm; write ed25519, ecdsa-p256-sha256, \
                 ecdsa-p384-sha384, rsa-pss-sha512 or rsa-v1_5-sha256\n",
            ),
            (
                "--kind http-signature --algorithm ed25519 --public-key /nowhere.pem".to_owned(),
                "--public-key: /nowhere.pem: cannot be read: No such file or directory (os error 2)\n",
            ),
        ] {
            let (code, out, err) = shell.run(&format!("{create} {line}"));
            assert_eq!((code, out.as_str(), err.as_str()), (1, "", expected), "{line}");
        }
    }
}
