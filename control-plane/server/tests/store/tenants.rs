use std::process::Stdio;

use serde_json::json;

use crate::shell::{Shell, both, masked};

both! {
    fn tenants_come_change_and_go(shell: &Shell) {
        assert_eq!(shell.notes("tenants create acme --tier pro"), "tenant acme is created\n");
        assert_eq!(shell.notes("tenants create blank"), "tenant blank is created\n");
        shell.out("keys create --tenant acme --id ci");
        assert_eq!(
            masked(&shell.out("tenants list")),
            "TENANT STATE TIER CREATED\nacme active pro TIME\nblank active - TIME\n"
        );
        assert_eq!(shell.notes("tenants suspend acme"), "tenant acme is suspended\n");
        assert_eq!(shell.notes("tenants set-tier acme basic"), "tenant acme has tier basic\n");
        assert_eq!(
            masked(&shell.out("tenants show acme")),
            "tenant: acme\nstate: suspended\ntier: basic\ncreated: TIME\nAPI keys: 1 valid of 1\n"
        );
        assert_eq!(shell.notes("tenants resume acme"), "tenant acme is back\n");
        assert_eq!(shell.notes("tenants set-tier acme"), "tenant acme has no tier\n");
        assert_eq!(
            shell.notes("tenants delete acme"),
            "tenant acme is deleted, and 1 of its API keys revoked\n"
        );
        assert_eq!(masked(&shell.out("tenants list")), "TENANT STATE TIER CREATED\nblank active - TIME\n");
    }

    fn a_tenant_gets_more_for_a_while(shell: &Shell) {
        let note = shell.notes("tenants uplift acme --factor 5 --for 1h");
        let (text, until) = note.trim_end().rsplit_once(' ').unwrap();
        assert_eq!(text, "tenant acme has 5 times its limits until");
        shell.notes("tenants create acme");
        let shown = shell.out("tenants show acme");
        assert!(shown.contains(&format!("\nuplift:   5 times until {until}\n")), "{shown}");
        assert_eq!(
            shell.notes("tenants uplift acme --end"),
            "tenant acme has its usual limits again\n"
        );
        assert!(!shell.out("tenants show acme").contains("uplift"));
    }

    fn a_tenant_gets_other_limits_until_further_notice(shell: &Shell) {
        assert_eq!(
            shell.notes("tenants override acme --tier gold --factor 0.5"),
            "tenant acme has the limits of tier gold, 0.5 times its limits\n"
        );
        shell.notes("tenants create acme --tier pro");
        let shown = shell.out("tenants show acme");
        let expected = "\ninstead:  tier gold\nlimits:   0.5 times what is configured\n";
        assert!(shown.contains(expected), "{shown}");
        assert_eq!(
            shell.notes("tenants override acme"),
            "tenant acme has the limits that are configured\n"
        );
        assert!(!shell.out("tenants show acme").contains("instead"));
    }

    fn tenants_are_json_for_programs(shell: &Shell) {
        shell.notes("tenants create acme --tier pro");
        let mut list = shell.json("tenants list");
        assert_eq!(shell.json("tenants show acme"), list[0]);
        let created = list[0]["created_at"].take();
        assert!(created.as_str().unwrap().starts_with("20"), "{created}");
        assert_eq!(
            list,
            json!([{ "id": "acme", "tier": "pro", "suspended": false, "created_at": null }])
        );
    }

    /// None of them may fail, and none may be lost.
    fn many_may_change_a_new_store_at_once(shell: &Shell) {
        let children: Vec<_> = (0..12)
            .map(|number| shell.command(&format!("tenants create t{number}")))
            .map(|mut command| command.stderr(Stdio::null()).spawn().unwrap())
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(shell.json("tenants list").as_array().unwrap().len(), 12);
    }
}

#[test]
fn columns_stand_below_their_headings() {
    let shell = Shell::sqlite();
    shell.notes("tenants create a-rather-long-name --tier é");
    shell.notes("tenants create b --tier pro");
    let list = shell.out("tenants list");
    let created = list.lines().next().unwrap().find("CREATED").unwrap();
    assert_eq!(list.lines().next().unwrap(), "TENANT              STATE   TIER  CREATED");
    for line in list.lines().skip(1) {
        let at = line.char_indices().nth(created).unwrap().0;
        assert!(line[at..].starts_with("20"), "{list}");
    }
}
