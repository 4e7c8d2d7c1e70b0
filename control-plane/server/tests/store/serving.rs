//! What stands in the store, as gateways are answered.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate_support::{Answer, Call, Postgres, Process, free_port};

use crate::shell::{Shell, both};

const SECRET: &str = "made-up-0123456789abcdef0123456789";

const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAAglqsnGGLa0vnjCFMdWuv7KZoUHHtvVLamBqeYbPPoI=
-----END PUBLIC KEY-----
";

/// Longer than anything here takes, unless it never happens.
const NEVER: Duration = Duration::from_secs(30);

/// A control plane that answers for a store.
struct Serving {
    process: Process,
    address: SocketAddr,
}

impl Serving {
    fn start(shell: &Shell) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
        let process = serve(shell, &format!("--introspection {address}"));
        let mut this = Self { process, address };
        this.waits_until("it listens", |_| TcpListener::bind(address).is_err());
        this
    }

    /// What there is to say about an API key.
    fn ask(&self, key: &str) -> Answer {
        self.ask_of("api-keys", key)
    }

    /// What there is to say about the signing key of an id.
    fn signing(&self, id: &str) -> Answer {
        self.ask_of("signing-keys", id)
    }

    fn ask_of(&self, kind: &str, key: &str) -> Answer {
        let call = Call::new("POST", "localhost", &format!("/introspect/{kind}"))
            .header("authorization", format!("Bearer {SECRET}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={key}"));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(call.send(self.address)).unwrap()
    }

    fn told(&self, key: &str) -> Value {
        let answer = self.ask(key);
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.process.stderr());
        answer.json()
    }

    fn waits_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            self.process.still_running().unwrap();
            assert!(start.elapsed() < NEVER, "{what} not: {}", self.process.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_refused(&mut self, key: &str) {
        self.waits_until("the key is refused", |this| {
            this.ask(key).json() == json!({"active": false})
        });
    }

    fn is_admitted(&mut self, key: &str) {
        self.waits_until("the key is admitted", |this| this.told(key)["active"] == true);
    }
}

fn command(shell: &Shell, options: &str) -> Command {
    fs::write(shell.path("tollgate.yaml"), include_str!("../good.yaml")).unwrap();
    let mut command = shell.command("serve tollgate.yaml --module-as /gateway.1.wasm");
    command.args(["--xds", "127.0.0.1:0"]).args(options.split_whitespace());
    command.env("TOLLGATE_IDENTITY_SECRET", "env:SECRET").env("SECRET", SECRET);
    command.env("SHORT", "short").env_remove("TOLLGATE_CACHE");
    command
}

fn serve(shell: &Shell, options: &str) -> Process {
    let folder = tempfile::tempdir().unwrap();
    Process::start("the control plane", command(shell, options), folder).unwrap()
}

/// What a start that fails says last.
fn refusal(shell: &Shell, options: &str) -> String {
    let mut process = serve(shell, options);
    let start = Instant::now();
    let status = loop {
        if let Some(status) = process.ended() {
            break status;
        }
        assert!(start.elapsed() < NEVER, "{options}: it serves");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(1), "{options}");
    process.stderr().lines().next_back().unwrap().to_owned()
}

both! {
    fn keys_are_answered_for_from_when_they_are_made_until_they_are_revoked(shell: &Shell) {
        shell.notes("tenants create acme --tier pro");
        let mut serving = Serving::start(shell);
        let key = shell.out("keys create --tenant acme --scopes b,a --id one");
        let key = key.trim();
        serving.is_admitted(key);
        let told = serving.told(key);
        let expected = json!({
            "active": true, "sub": "one", "jti": "one", "tenant": "acme", "tier": "pro",
            "scope": "a b",
        });
        assert_eq!(told, expected);
        let remembered = serving.ask(key).header("cache-control").unwrap().to_owned();
        assert_eq!(remembered, "private, max-age=3");

        shell.notes("tenants set-tier acme basic");
        serving.waits_until("the tier changes", |this| this.told(key)["tier"] == "basic");
        shell.notes("tenants suspend acme");
        serving.is_refused(key);
        shell.notes("tenants resume acme");
        serving.is_admitted(key);
        let start = Instant::now();
        shell.notes("keys revoke one");
        serving.is_refused(key);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(!serving.process.stderr().contains(key));
    }

    fn signing_keys_are_answered_for_with_what_verifies_until_they_are_revoked(shell: &Shell) {
        shell.notes("tenants create acme --tier pro");
        let mut serving = Serving::start(shell);
        assert_eq!(serving.signing("AKID").json(), json!({"active": false}));
        let secret = shell.out("signing-keys create --tenant acme --kind sigv4 --id AKID --scopes b,a");
        let secret = secret.trim();
        serving.waits_until("the key is known", |this| this.signing("AKID").json()["active"] == true);
        let expected = json!({
            "active": true, "sub": "AKID", "jti": "AKID", "tenant": "acme", "tier": "pro",
            "scope": "a b", "scheme": "sigv4", "algorithm": "hmac-sha256", "secret": secret,
        });
        assert_eq!(serving.signing("AKID").json(), expected);
        let remembered = serving.signing("AKID").header("cache-control").unwrap().to_owned();
        assert_eq!(remembered, "private, max-age=29");

        fs::write(shell.path("acme.pem"), PUBLIC).unwrap();
        shell.out(
            "signing-keys create --tenant acme --kind http-signature --algorithm ed25519 \
             --public-key acme.pem --id acme-3 --tier free --expires 90d",
        );
        serving.waits_until("the key is known", |this| this.signing("acme-3").json()["active"] == true);
        let told = serving.signing("acme-3").json();
        for (name, value) in [
            ("scheme", "http_signature"),
            ("algorithm", "ed25519"),
            ("public_key", PUBLIC),
            ("tier", "free"),
        ] {
            assert_eq!(told[name], value, "{told}");
        }
        assert!(told["exp"].is_u64() && told.get("secret").is_none(), "{told}");

        // An API key is no signing key, nor the other way round.
        assert_eq!(serving.ask("AKID").json(), json!({"active": false}));
        shell.notes("tenants suspend acme");
        serving.waits_until("it is refused", |this| this.signing("AKID").json()["active"] == false);
        shell.notes("tenants resume acme");
        serving.waits_until("it is back", |this| this.signing("AKID").json()["active"] == true);
        shell.notes("signing-keys revoke AKID");
        serving.waits_until("it is refused", |this| this.signing("AKID").json()["active"] == false);
        assert_eq!(serving.signing("acme-3").json()["active"], true);
        assert!(!serving.process.stderr().contains(secret));
    }

    fn a_rotated_key_works_while_both_do(shell: &Shell) {
        shell.notes("tenants create acme");
        let old = shell.out("keys create --tenant acme --id old");
        let mut serving = Serving::start(shell);
        serving.is_admitted(old.trim());
        let new = shell.out("keys rotate old --new-id new --overlap 4s");
        serving.is_admitted(new.trim());
        serving.waits_until("its end is told", |this| {
            let told = this.told(old.trim());
            told["exp"].is_u64() || told["active"] == false
        });
        serving.is_refused(old.trim());
        assert_eq!(serving.told(new.trim())["sub"], "new");
    }

    fn what_is_no_key_is_refused(shell: &Shell) {
        shell.notes("tenants create acme");
        let key = shell.out("keys create --tenant acme");
        let serving = Serving::start(shell);
        let other = shell.out("keys create --tenant acme --id other");
        shell.notes("tenants delete acme");
        for wrong in ["", "x", "tg_", &key.trim()[1..], other.trim()] {
            let answer = serving.ask(wrong);
            assert_eq!((answer.status, answer.json()), (200, json!({"active": false})), "{wrong}");
        }
    }
}

#[test]
fn a_store_that_breaks_is_never_taken_for_an_answer() {
    let postgres = Postgres::shared().unwrap();
    let mut shell = Shell::sqlite();
    fs::write(shell.path("secret"), SECRET).unwrap();
    let database = postgres.database().unwrap();
    shell.variables = vec![
        ("TOLLGATE_STORE", database.clone()),
        ("TOLLGATE_KEY_HASH_SECRET", format!("file:{}", shell.path("secret").display())),
    ];
    shell.notes("tenants create acme");
    let key = shell.out("keys create --tenant acme");
    let mut serving = Serving::start(&shell);
    serving.is_admitted(key.trim());

    let name = database.rsplit('/').next().unwrap();
    postgres.sql(name, "ALTER TABLE store RENAME TO gone").unwrap();
    postgres.sql(name, "ALTER TABLE api_keys RENAME TO gone_too").unwrap();
    serving.waits_until("nobody can say", |this| this.ask(key.trim()).status == 503);
    assert_eq!(serving.ask(key.trim()).header("retry-after"), Some("1"));
    postgres.sql(name, "ALTER TABLE gone_too RENAME TO api_keys").unwrap();
    postgres.sql(name, "ALTER TABLE gone RENAME TO store").unwrap();
    serving.waits_until("it is back", |this| this.ask(key.trim()).status == 200);
    let log = serving.process.stderr();
    assert_eq!(log.matches("its keys are answered 503").count(), 1, "{log}");
    assert!(!log.contains(key.trim()) && !log.contains("sesame"), "{log}");
}

#[test]
fn a_secret_that_was_moved_to_another_key_is_nobodys_and_said_in_the_log() {
    let postgres = Postgres::shared().unwrap();
    let mut shell = Shell::sqlite();
    fs::write(shell.path("secret"), SECRET).unwrap();
    let database = postgres.database().unwrap();
    shell.variables = vec![
        ("TOLLGATE_STORE", database.clone()),
        ("TOLLGATE_KEY_HASH_SECRET", format!("file:{}", shell.path("secret").display())),
    ];
    shell.notes("tenants create acme");
    for id in ["a", "b"] {
        shell.out(&format!("signing-keys create --tenant acme --kind hmac --id {id}"));
    }
    let name = database.rsplit('/').next().unwrap();
    let moved = "UPDATE signing_keys SET material = (SELECT material FROM signing_keys WHERE id = 'a') \
                 WHERE id = 'b'";
    postgres.sql(name, moved).unwrap();
    let serving = Serving::start(&shell);
    assert_eq!(serving.signing("a").json()["active"], true);
    assert_eq!(serving.signing("b").json(), json!({"active": false}));
    let log = serving.process.stderr();
    assert!(log.contains("signing key \"b\" does not open under the store's secret"), "{log}");
}

#[test]
fn who_cannot_answer_does_not_begin_to_serve() {
    let shell = Shell::sqlite();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let taken_port = format!(
        "--introspection: {taken} is taken by another program; choose another address with \
         --introspection"
    );
    for (options, expected) in [
        (
            "--store sqlite:none.db",
            "none.db: there is no store in this place; check --store, or make one with `tollgate \
             tenants create`",
        ),
        (
            "--store tollgate.db",
            "--store: is no store; write sqlite:PATH or postgres://USER@HOST/DATABASE",
        ),
        (
            "--store postgres://ann:sesame@127.0.0.1:1/tollgate",
            "postgres://ann@127.0.0.1:1/tollgate: cannot be opened: Connection refused (os error \
             111)",
        ),
        (&format!("--introspection {taken}"), &taken_port),
        (
            "--introspection 127.0.0.1:0 --cache redis://127.0.0.1:1",
            "--cache needs a secret to seal entries with; give --cache-secret env:NAME or \
             file:PATH, the same for all control planes that share it",
        ),
        (
            "--introspection 127.0.0.1:0 --cache http://ann:sesame@127.0.0.1:1 --cache-secret \
             env:SECRET",
            "--cache: the url: is no address of a Redis; write redis://HOST:PORT, or rediss:// \
             for TLS",
        ),
        (
            "--introspection 127.0.0.1:0 --cache redis://127.0.0.1:1 --cache-secret env:SHORT",
            "--cache-secret: env:SHORT: has 5 bytes, and a secret has 32 to 4096; make one with \
             `openssl rand -hex 32`",
        ),
        (
            "--introspection 127.0.0.1:0 --identity-secret sesame",
            "--identity-secret: names no secret; write env:NAME or file:PATH",
        ),
        (
            "--introspection 127.0.0.1:0 --identity-secret env:NOT_SET",
            "--identity-secret: env:NOT_SET: cannot be read: environment variable not found",
        ),
    ] {
        assert_eq!(refusal(&shell, options), expected, "{options}");
    }
}
