use serde_json::json;

use crate::shell::{both, masked};

both! {
    fn all_that_is_refused_is_listed(shell: &Shell) {
        for (line, expected) in [
            (
                "--issuer https://id.example.com --jti 7 --until 4102444800",
                "token 7 of https://id.example.com is refused until 2100-01-01T00:00:00Z\n",
            ),
            (
                "--issuer https://id.example.com --subject ann",
                "tokens of ann that https://id.example.com issued until now are refused for good\n",
            ),
            ("--api-key ci --until 30d", "API key ci is refused until TIME\n"),
            (
                "--tenant acme",
                "tokens of tenant acme that were issued until now are refused for good\n",
            ),
        ] {
            assert_eq!(masked(&shell.notes(&format!("tokens revoke {line}"))), expected);
        }
        assert_eq!(
            masked(&shell.out("tokens list")),
            "WHAT NAME REVOKED UNTIL ISSUER\n\
             token 7 TIME 2100-01-01T00:00:00Z https://id.example.com\n\
             subject ann TIME - https://id.example.com\n\
             api-key ci TIME TIME -\n\
             tenant acme TIME - -\n"
        );
        let mut list = shell.json("tokens list");
        assert!(list[0]["at"].take().as_str().unwrap().ends_with('Z'));
        assert_eq!(
            list[0],
            json!({
                "what": "token",
                "name": "7",
                "issuer": "https://id.example.com",
                "at": null,
                "until": "2100-01-01T00:00:00Z",
            })
        );
    }

    fn a_key_of_the_store_is_revoked_with_its_entry(shell: &Shell) {
        shell.notes("tenants create acme");
        shell.out("keys create --tenant acme --id ci");
        shell.notes("tokens revoke --api-key ci");
        assert_eq!(shell.json("keys list")[0]["state"], "revoked");
        assert_eq!(shell.error("keys revoke ci"), "API key \"ci\" is revoked already");
    }
}
