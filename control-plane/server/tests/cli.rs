//! The command as people type it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// One API, small and good.
const GOOD: &str = include_str!("good.yaml");

/// What the command answered: its exit code, standard output, standard error.
type Answer = (i32, String, String);

/// Names and contents.
type Files<'a> = &'a [(&'a str, &'a [u8])];

/// A folder with these files in it.
fn folder(files: Files<'_>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Runs `tollgate` in a folder.
fn tollgate(folder: &Path, arguments: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    let Output { status, stdout, stderr } =
        command.current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Checks a configuration, which is bad.
fn faults(files: Files<'_>, config: &str) -> Vec<String> {
    let (code, out, err) = tollgate(folder(files).path(), &["check", config]);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn a_good_configuration_is_summed_up() {
    let folder = folder(&[("tollgate.yaml", GOOD.as_bytes())]);
    assert_eq!(
        tollgate(folder.path(), &["check", "tollgate.yaml"]),
        (0, "ok: 1 API, 2 routes, 2 backends, 1 listener\n".to_owned(), String::new())
    );
}

/// A rule that refuses nobody is never silent.
#[test]
fn what_is_only_reported_is_named_by_every_check() {
    let shadowed = GOOD.replace(
        "        auth: none\n      get-user:",
        "        auth: { any_of: [api_key] }\n        shadow: [auth]\n      get-user:",
    );
    let keys = "identity: { api_key: { from: [{ header: x-api-key }] } }\n";
    let folder = folder(&[("tollgate.yaml", (shadowed + keys).as_bytes())]);
    let (code, out, err) = tollgate(folder.path(), &["check", "tollgate.yaml"]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (
            0,
            "notice: tollgate.yaml:16: apis.orders.routes.get-order.shadow[0]: auth is judged and \
             reported, and refuses nobody\nok: 1 API, 2 routes, 2 backends, 1 listener\n",
            ""
        )
    );
}

/// Whoever copies a whole configuration out of a page gets one that is good.
#[test]
fn every_whole_configuration_in_the_documents_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut checked = Vec::new();
    for page in ["README.md", "docs/configuration.md", "docs/drop-in.md", "docs/keys.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let blocks =
            text.split("\n```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        for block in
            blocks.filter(|block| block.contains("listeners:\n") && block.contains("apis:\n"))
        {
            let folder = folder(&[("tollgate.yaml", block.as_bytes())]);
            let (code, out, err) = tollgate(folder.path(), &["check", "tollgate.yaml"]);
            assert_eq!(code, 0, "{page}: {out}{err}");
            checked.push(page);
        }
    }
    assert_eq!(checked, ["README.md"]);
}

#[test]
fn ten_faults_are_ten_lines() {
    let faults = faults(&[("bad.yaml", include_bytes!("ten-faults.yaml"))], "bad.yaml");
    assert_eq!(faults.len(), 10, "{faults:#?}");
    for fault in faults {
        assert!(fault.starts_with("bad.yaml:"), "{fault}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named_with_the_remedy() {
    let large = vec![b' '; 10 * 1024 * 1024 + 1];
    let cases: [(&str, Files<'_>, &[&str]); 4] = [
        ("missing.yaml", &[], &["missing.yaml: does not exist; check the path"]),
        (
            "conf",
            &[("conf/notes.txt", b""), ("conf/.hidden.yaml", b"")],
            &["conf: no file in this folder ends in .yaml or .yml; name one that has some"],
        ),
        (
            "conf",
            &[("conf/a.yaml/b.yaml", b""), ("conf/c.yml/d.yaml", b"")],
            &[
                "conf/a.yaml: is not a file; name a YAML file, or a folder of them",
                "conf/c.yml: is not a file; name a YAML file, or a folder of them",
            ],
        ),
        (
            "large.yaml",
            &[("large.yaml", &large)],
            &["large.yaml: 10485761 bytes are more than 10485760; divide them into several files"],
        ),
    ];
    for (config, files, expected) in cases {
        assert_eq!(faults(files, config), expected);
    }
}

#[test]
fn a_file_of_fifty_megabytes_is_refused_without_being_read() {
    let folder = folder(&[]);
    fs::File::create(folder.path().join("big.yaml")).unwrap().set_len(50_000_000).unwrap();
    let (code, out, _) = tollgate(folder.path(), &["check", "big.yaml"]);
    let expected =
        "big.yaml: 50000000 bytes are more than 10485760; divide them into several files\n";
    assert_eq!((code, out.as_str()), (1, expected));
}

#[test]
fn a_file_that_the_system_will_not_read_is_a_fault() {
    // Readable by its permissions, and yet not by anybody, root included.
    let (code, out, _) = tollgate(Path::new("/"), &["check", "/proc/self/mem"]);
    let expected =
        "/proc/self/mem: cannot be read: input/output error; check the file and its permissions\n";
    assert_eq!((code, out.as_str()), (1, expected));
}

#[test]
fn bytes_that_are_not_utf_8_are_a_fault_with_their_place() {
    assert_eq!(
        faults(&[("bytes.yaml", b"apis:\n  caf\xe9: {}\n")], "bytes.yaml"),
        ["bytes.yaml:2: byte 0xe9 at offset 11 is not UTF-8; save the file as UTF-8"]
    );
}

#[test]
fn the_files_of_a_folder_are_one_configuration() {
    let (listeners, rest) = GOOD.split_once("backends:").unwrap();
    let rest = format!("backends:{rest}");
    let folder = folder(&[
        ("conf/a.yaml", listeners.as_bytes()),
        ("conf/b.yml", rest.as_bytes()),
        ("conf/.c.yaml", b"hidden: from us"),
        ("conf/d.yaml.bak", b"not: ours"),
    ]);
    for config in ["conf", "conf/", "./conf"] {
        let (code, out, _) = tollgate(folder.path(), &["check", config]);
        assert_eq!((code, out.as_str()), (0, "ok: 1 API, 2 routes, 2 backends, 1 listener\n"));
    }
}

#[test]
fn a_name_in_two_files_is_a_fault_that_names_both() {
    let twice = b"backends:\n  orders: { endpoints: [127.0.0.1:9002] }\n";
    assert_eq!(
        faults(&[("conf/a.yaml", GOOD.as_bytes()), ("conf/b.yaml", twice)], "conf"),
        ["conf/b.yaml:2: backends.orders: already written in conf/a.yaml:5; take one of them out"]
    );
}

#[test]
fn a_key_set_in_a_file_is_looked_for_beside_the_file_that_names_it() {
    let config = GOOD.to_owned()
        + "identity:\n  jwt:\n    acme: { issuer: https://id.example.com, audiences: [api], "
        + "jwks: { file: keys/acme.json } }\n";
    let good = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let here = folder(&[
        ("conf/tollgate.yaml", config.as_bytes()),
        ("conf/keys/acme.json", good.as_bytes()),
    ]);
    let (code, out, _) = tollgate(here.path(), &["check", "conf/tollgate.yaml"]);
    assert_eq!((code, out.as_str()), (0, "ok: 1 API, 2 routes, 2 backends, 1 listener\n"));

    let files = [("conf/tollgate.yaml", config.as_bytes()), ("keys/acme.json", good.as_bytes())];
    assert_eq!(
        faults(&files, "conf/tollgate.yaml"),
        ["conf/tollgate.yaml:22: identity.jwt.acme.jwks.file: \"keys/acme.json\" cannot be read: \
          it does not exist; write a path relative to this file"]
    );
}

#[test]
fn check_asks_nobody_for_keys() {
    // No resolver knows the name; an attempt would be told, or take its time.
    let config = GOOD.to_owned()
        + "identity:\n  jwt:\n    acme: { issuer: https://id.example.com, audiences: [api], "
        + "jwks: { url: https://id.invalid/jwks } }\n";
    let folder = folder(&[("tollgate.yaml", config.as_bytes())]);
    let (code, _, err) = tollgate(folder.path(), &["check", "tollgate.yaml"]);
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_2() {
    for arguments in [
        &["chekc", "tollgate.yaml"][..],
        &["check"],
        &["translate", "tollgate.yaml"],
        &["serve", "tollgate.yaml", "--xds", "nowhere"],
        &["serve", "tollgate.yaml", "--module", "a.wasm", "--module-as", "/b.wasm"],
    ] {
        let (code, out, err) = tollgate(Path::new("."), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains("--help"), "{err}");
    }
}

/// What is served there has keys in it.
#[test]
fn an_address_that_others_reach_has_to_be_meant() {
    let folder = folder(&[("tollgate.yaml", GOOD.as_bytes())]);
    for (arguments, text) in [
        (
            &["serve", "tollgate.yaml", "--module-as", "/gateway.wasm", "--xds", "0.0.0.0:1"][..],
            "--xds: 0.0.0.0:1 can be reached from other machines, and what is served there has \
             everybody's keys in it; give --xds-certificate, --xds-key and --xds-authorities, or \
             --xds-plaintext if only Envoys reach it",
        ),
        (
            &[
                "relay",
                "--node",
                "a",
                "--cache",
                "a",
                "--upstream",
                "127.0.0.1:1",
                "--xds",
                "0.0.0.0:1",
            ],
            "--xds: 0.0.0.0:1 can be reached from other machines; a relay serves the Envoy beside \
             it; give --xds-plaintext if only that Envoy reaches it",
        ),
    ] {
        let (code, out, err) = tollgate(folder.path(), arguments);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert_eq!(err.trim_end(), text);
    }
}

#[test]
fn the_version_is_told() {
    let expected = format!("tollgate {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(tollgate(Path::new("."), &["--version"]), (0, expected, String::new()));
}

#[test]
fn the_reference_page_has_every_section() {
    let (code, out, _) = tollgate(Path::new("."), &["reference"]);
    assert_eq!(code, 0);
    for section in ["listeners", "identity", "tiers", "tenants", "backends", "apis"] {
        assert!(out.contains(&format!("\n## {section}\n")), "{section}");
    }
}

#[test]
fn the_schema_is_json() {
    let (code, out, _) = tollgate(Path::new("."), &["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &schema["title"]), (0, &"Tollgate".into()));
}

#[test]
fn a_translation_shows_what_envoy_is_told_without_secrets() {
    let config = GOOD.to_owned()
        + "identity:\n  jwt:\n    acme:\n      issuer: https://id.example.com\n      audiences: [api]\n"
        + "      jwks: { inline: { keys: [{ kty: oct, alg: HS256, k: "
        + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA }] } }\n";
    let folder = folder(&[("tollgate.yaml", config.as_bytes())]);
    let arguments = ["translate", "tollgate.yaml", "--to", "xds", "--module-as", "/gateway.wasm"];
    let (code, out, err) = tollgate(folder.path(), &arguments);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(!out.contains("c2VjcmV0"), "{out}");
    let resources: serde_json::Value = serde_json::from_str(&out).unwrap();
    let cluster = &resources[0];
    assert_eq!(cluster["origin"], "backends.orders (tollgate.yaml:5)");
    assert_eq!(cluster["resource"]["edsClusterConfig"]["edsConfig"]["resourceApiVersion"], "V3");
    let plugin = &resources[4];
    let path = "/resource/typedConfig/config/vmConfig/code/local/filename";
    assert_eq!(plugin.pointer(path).unwrap(), "/gateway.wasm");
    let key = &plugin["configuration"]["identity"]["jwt"]["acme"]["jwks"]["keys"][0];
    assert_eq!(key["k"], "[redacted]");

    let (code, out, _) = tollgate(folder.path(), &["translate", "tollgate.yaml", "--to", "model"]);
    assert_eq!(code, 0);
    assert!(out.contains("get-order") && out.contains("[redacted]"), "{out}");
    assert!(!out.contains("c2VjcmV0"), "{out}");
}

#[test]
fn a_translation_of_a_bad_configuration_is_its_faults() {
    let folder = folder(&[("bad.yaml", b"apis: 7\n")]);
    let (code, out, err) = tollgate(folder.path(), &["translate", "bad.yaml", "--to", "model"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("bad.yaml:1: apis: "), "{err}");
}

#[test]
fn one_request_is_explained_without_being_sent() {
    let folder = folder(&[("tollgate.yaml", GOOD.as_bytes())]);
    let url = "https://orders.example.com/orders/7";
    let arguments = ["explain", "tollgate.yaml", "GET", url, "-H", "x-debug: 1"];
    let (code, out, err) = tollgate(folder.path(), &arguments);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("GET https://orders.example.com/orders/7\nroute: passes; "), "{out}");
    assert!(out.ends_with("\nanswer: from orders\n"), "{out}");

    let (_, out, _) = tollgate(folder.path(), &["explain", "tollgate.yaml", "GET", url, "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["answer"], "from orders");

    let (code, _, err) = tollgate(folder.path(), &["explain", "tollgate.yaml", "GET", "orders"]);
    assert_eq!((code, err.as_str()), (1, "url: \"orders\" is not one; write https://HOST/PATH\n"));
}

#[test]
fn a_change_is_told_in_the_words_of_callers() {
    let limited = GOOD.replacen(
        "auth: none",
        "auth: none\n        limits: [{ by: [ip], requests: 5, per: second }]",
        1,
    );
    let folder = folder(&[
        ("old.yaml", GOOD.as_bytes()),
        ("new.yaml", limited.as_bytes()),
        ("bad.yaml", b"a"),
    ]);
    let expected =
        "orders.example.com:\n  GET /orders/{id} has a new limit: 5/s per address\n".to_owned();
    assert_eq!(
        tollgate(folder.path(), &["diff", "old.yaml", "new.yaml"]),
        (0, expected, String::new())
    );
    let (code, out, _) = tollgate(folder.path(), &["diff", "old.yaml", "old.yaml"]);
    assert_eq!((code, out.as_str()), (0, "nothing changes for callers\n"));
    let (code, out, err) = tollgate(folder.path(), &["diff", "old.yaml", "bad.yaml"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("bad.yaml:1: "), "{err}");
}

#[test]
fn an_openapi_document_becomes_a_configuration_that_is_good() {
    let document = b"openapi: 3.0.3\ninfo: { title: Orders }\npaths: { /orders: { get: {} } }\n";
    let folder = folder(&[("openapi.yaml", document)]);
    let (code, out, err) = tollgate(folder.path(), &["import", "openapi.yaml"]);
    let notices = "notice: the document names no server; requests go to 127.0.0.1:8000, which is \
                   to be filled in\nnotice: of 1 routes 1 may be called by anybody\n";
    assert_eq!((code, err.as_str()), (0, notices));
    fs::write(folder.path().join("tollgate.yaml"), out).unwrap();
    let ok = "ok: 1 API, 1 route, 1 backend, 1 listener\n".to_owned();
    assert_eq!(tollgate(folder.path(), &["check", "tollgate.yaml"]), (0, ok, String::new()));
}
