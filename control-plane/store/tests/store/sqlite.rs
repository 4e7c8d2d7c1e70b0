//! What only a file can promise.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use tollgate_store::Store;

use crate::both::{Place, at, error};

#[tokio::test]
async fn a_file_is_its_owners_and_any_name_will_do() {
    let place = Place::sqlite();
    for name in ["a b", "a?b=c", "a%20b", "a#b", "é", "..db"] {
        let path = place.folder.path().join(name);
        let address = format!("sqlite:{}", path.display()).parse().unwrap();
        let store = Store::open_or_create(&address).await.unwrap();
        store.create_tenant("acme", None, at(0)).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        let wal = place.folder.path().join(format!("{name}-wal"));
        assert_eq!(fs::metadata(&wal).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

/// Tells the process that is killed where its store is.
const KILLED: &str = "TOLLGATE_TEST_STORE";

#[tokio::test]
#[ignore = "is what the next one starts and kills"]
async fn writes_until_it_is_killed() {
    let address = std::env::var(KILLED).unwrap();
    let store = Store::open(&address.parse().unwrap()).await.unwrap();
    for number in 0.. {
        let id = format!("{}-{number}", std::process::id());
        store.create_tenant(&id, None, at(0)).await.unwrap();
        println!("committed {id}");
    }
}

#[tokio::test]
async fn what_was_committed_survives_a_kill_in_the_middle_of_writes() {
    let place = Place::sqlite();
    place.open().await.close().await;
    let mut committed = Vec::new();
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["sqlite::writes_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(KILLED, &place.address)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // At another moment each time.
        for line in lines.by_ref().map(Result::unwrap) {
            committed.extend(line.strip_prefix("committed ").map(str::to_owned));
            if 20 * round <= committed.len() {
                break;
            }
        }
        child.kill().unwrap();
        committed.extend(
            lines
                .map_while(Result::ok)
                .filter_map(|l| Some(l.strip_prefix("committed ")?.to_owned())),
        );
        child.wait().unwrap();
        let store = Store::open(&place.parsed()).await.unwrap();
        for id in &committed {
            assert!(store.tenant(id).await.unwrap().is_some(), "{id} is lost");
        }
        // Of what was under way all is there or nothing: rows and numbers agree.
        let tenants = store.tenants().await.unwrap();
        assert_eq!(store.sequence().await.unwrap(), tenants.len() as u64);
        assert!(tenants.len() <= committed.len() + round);
        store.close().await;
    }
    assert!(100 <= committed.len());
}

#[tokio::test]
async fn a_store_that_is_locked_for_good_is_told() {
    let place = Place::sqlite();
    let store = place.open().await;
    let mut other = Command::new("python3")
        .args(["-c", HOLD, &place.address["sqlite:".len()..]])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(
        error(store.create_tenant("acme", None, at(0)).await),
        "the store cannot be used: database is locked"
    );
    // Readers go on.
    assert_eq!(store.tenant("acme").await.unwrap(), None);
    drop(other.stdin.take());
    other.wait().unwrap();
    store.create_tenant("acme", None, at(0)).await.unwrap();
}

/// Holds the lock until its input ends.
const HOLD: &str = "import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('BEGIN IMMEDIATE')
print(flush=True)
sys.stdin.read()";

#[tokio::test]
async fn a_store_that_breaks_while_it_is_open_is_told() {
    let place = Place::sqlite();
    let store = place.open().await;
    place.sql("DROP TABLE api_keys");
    assert_eq!(error(store.keys(None).await), "the store cannot be used: no such table: api_keys");
}
