//! A module that is replaced while Envoy runs, and put back.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tollgate_support::{Built, Call, Load, eventually};

use crate::{DropIn, config, root};

/// To compile a module, on a busy machine.
const BOUND: Duration = Duration::from_mins(2);

const MODULE: &str = "rate-limit.wasm";
/// A section that says nothing: another module, which Envoy compiles anew.
const SECTION: &[u8] = b"\x00\x05\x04next";

/// Moves a filter with this module into the place of the one before.
fn replace(filter: &Path, module: &Path) {
    let path = root().join("target/filters").join(MODULE).display().to_string();
    let text = config("upgrade-filter.yaml");
    assert!(text.contains(&path));
    let draft = filter.with_extension("new");
    fs::write(&draft, text.replace(&path, &module.display().to_string())).unwrap();
    fs::rename(draft, filter).unwrap();
}

/// How often Envoy has taken a filter.
async fn taken(dropped_in: &DropIn) -> u64 {
    let reloads = dropped_in.envoy.stats("rate-limit.config_reload").await.unwrap();
    assert_eq!(reloads.len(), 1, "{reloads:?}");
    reloads.into_values().sum()
}

async fn statuses(dropped_in: &DropIn, account: &str, calls: usize) -> Vec<u16> {
    let call = Call::get("localhost", "/").header("x-account", account);
    let mut statuses = Vec::new();
    for _ in 0..calls {
        statuses.push(call.send(dropped_in.address).await.unwrap().status);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_is_replaced_and_put_back_and_nobody_notices() {
    let folder = tempfile::tempdir().unwrap();
    let [filter, old, new] =
        ["filter.yaml", "old.wasm", "new.wasm"].map(|name| folder.path().join(name));
    let module = fs::read(root().join("target/filters").join(MODULE)).unwrap();
    fs::write(&old, &module).unwrap();
    fs::write(&new, [&module, SECTION].concat()).unwrap();
    replace(&filter, &old);
    let shipped = "envoy/drop-in/upgrade-filter.yaml";
    let whole = config("upgrade.yaml");
    assert!(whole.contains(shipped));
    let whole = whole.replace(shipped, &filter.display().to_string());
    let dropped_in = DropIn::start(&Built::envoy().unwrap(), &whole, 10_000).await;
    assert_eq!(statuses(&dropped_in, "a", 2).await, [200, 200]);

    // Three of its requests may pass: without a filter more would, and each would
    // fail that found none.
    let call = Call::get("localhost", "/").header("x-account", "b");
    let load = Load::pausing(dropped_in.address, 4, &call, Duration::from_millis(2));
    for module in [&new, &old] {
        let before = taken(&dropped_in).await;
        replace(&filter, module);
        eventually("Envoy has changed over", BOUND, async || {
            (before < taken(&dropped_in).await).then_some(())
        })
        .await
        .unwrap();
        load.and_more(100).await.unwrap();
    }
    let report = load.stop().await.unwrap();
    assert_eq!(report.errors, Vec::<String>::new());
    assert_eq!(report.statuses.keys().copied().collect::<Vec<_>>(), [200, 429], "{report:?}");
    assert_eq!(report.statuses[&200], 3, "{report:?}");
    // What was used before counts still.
    assert_eq!(statuses(&dropped_in, "a", 2).await, [200, 429]);
    dropped_in.never_trapped().await;
}
