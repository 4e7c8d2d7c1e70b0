use tollgate_store::StoreAddress;
use tonic::Code;

use super::*;

const LIMIT: u64 = 1_000;

fn request(instance: u8, number: u64) -> Request {
    let instance = vec![instance; 16];
    Request { instance, number, share: 333_333, complete: true, ..Request::default() }
}

fn ask(spent: u64, cap: u64, wants: u64) -> deal::Ask {
    let (high, low) = halves(7);
    deal::Ask { high, low, begins: 5, ends: 0, limit: LIMIT, spent, cap, wants }
}

async fn answer(limits: &Arc<Limits>, request: Request) -> Result<Response, Status> {
    Arc::clone(limits).answer(request).await
}

/// What an Envoy is lent, which asks again where the store takes its time.
async fn lent(limits: &Arc<Limits>, from: u8, number: &mut u64, ask: deal::Ask) -> u64 {
    loop {
        *number = number.saturating_add(1);
        let request = Request { asks: vec![ask], ..request(from, *number) };
        if let Some(lent) = answer(limits, request).await.unwrap().lent.first() {
            return lent.cap;
        }
    }
}

async fn store(folder: &tempfile::TempDir) -> Store {
    let address = format!("sqlite:{}", folder.path().join("tollgate.db").display());
    let address: StoreAddress = address.parse().unwrap();
    Store::open_or_create(&address).await.unwrap()
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let limits = Limits::start(None, 1);
    let code = async |request| answer(&limits, request).await.map(drop).map_err(|s| s.code());
    let nobody = Request { instance: vec![1; 15], ..request(1, 1) };
    assert_eq!(code(nobody).await, Err(Code::InvalidArgument));
    let demands = vec![deal::Demand::default(); deal::PAGE + 1];
    assert_eq!(code(Request { demands, ..request(1, 1) }).await, Err(Code::InvalidArgument));
    assert_eq!(code(request(1, 2)).await, Ok(()));
    assert_eq!(code(request(1, 2)).await, Err(Code::Aborted), "it came again");
    assert_eq!(code(request(1, 1)).await, Err(Code::Aborted), "late");
}

#[tokio::test]
async fn envoys_are_heard_while_many_keys_are_dealt() {
    let limits = Limits::start(None, 1);
    let deal = async |from: u8, request: Request| {
        limits.deal(&request, Instance(from.into())).await.unwrap();
    };
    let keys = 3 * SLICE as u64;
    for (number, first) in (1..).zip((0..keys).step_by(deal::PAGE)) {
        let demand = |low| deal::Demand { high: 0, low, wants: 900_000, holds: 333_333 };
        let demands = (first..keys).take(deal::PAGE).map(demand).collect();
        deal(1, Request { demands, ..request(1, number) }).await;
    }
    // Somebody has come, so that all are dealt anew.
    deal(2, request(2, 1)).await;
    let done = std::cell::RefCell::new(Vec::new());
    let sweep = async {
        limits.sweep().await;
        done.borrow_mut().push("swept");
    };
    let exchange = async {
        deal(1, request(1, 100)).await;
        done.borrow_mut().push("heard");
    };
    tokio::join!(sweep, exchange);
    assert_eq!(*done.borrow(), ["heard", "swept"]);
}

#[tokio::test]
async fn counts_are_lent_from_memory_without_a_store() {
    let (limits, mut one, mut two) = (Limits::start(None, 1), 0, 0);
    assert_eq!(lent(&limits, 1, &mut one, ask(0, 0, 100)).await, 100);
    assert_eq!(lent(&limits, 2, &mut two, ask(0, 0, LIMIT)).await, 900 / 8);
    assert_eq!(lent(&limits, 1, &mut one, ask(100, 100, 0)).await, 100);
}

#[tokio::test]
async fn what_was_lent_survives_the_control_plane() {
    let (folder, mut one, mut two) = (tempfile::tempdir().unwrap(), 0, 0);
    let limits = Limits::start(Some(store(&folder).await), 1);
    assert_eq!(lent(&limits, 1, &mut one, ask(0, 0, 200)).await, 200);
    drop(limits);
    let limits = Limits::start(Some(store(&folder).await), 2);
    assert_eq!(lent(&limits, 2, &mut two, ask(0, 0, LIMIT)).await, 800 / 8);
    // Nothing is counted twice.
    assert_eq!(lent(&limits, 1, &mut one, ask(150, 200, 0)).await, 200);
    let again = Request { asks: vec![ask(200, 200, 50)], ..request(1, one) };
    assert_eq!(answer(&limits, again).await.unwrap_err().code(), Code::Aborted);
    assert_eq!(lent(&limits, 1, &mut one, ask(200, 200, 0)).await, 200);
}

#[tokio::test]
async fn overrides_are_told_when_they_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let limits = Limits::start(Some(store.clone()), 1);
    let (mut number, mut known) = (0, 0);
    let mut told = async |version_after: u64| loop {
        number += 1;
        let request = Request { overrides: known, ..request(1, number) };
        match answer(&limits, request).await.unwrap().overrides {
            Some(overrides) if version_after < overrides.version => {
                known = overrides.version;
                break overrides;
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    assert_eq!(told(0).await.list, []);
    let until = crate::clock::now().plus(Duration::from_hours(1));
    store.uplift("acme", "5".parse().unwrap(), until, crate::clock::now()).await.unwrap();
    let expected = deal::Override {
        tenant: "acme".to_owned(),
        uplift: 5_000_000,
        uplift_until: until.as_seconds(),
        ..deal::Override::default()
    };
    assert_eq!(told(1).await.list, [expected]);
}

#[test]
fn both_ends_agree_on_times_and_bounds() {
    assert_eq!(tollgate_quota::HOLD, tollgate_sync::HOLD);
    assert_eq!(tollgate_quota::DECAY, tollgate_sync::DECAY);
    assert_eq!(tollgate_store::OVERRIDES_MAX, deal::OVERRIDES_MAX);
}
