//! Deals limits among the Envoys of a fleet.

mod counts;
mod overrides;

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tollgate_core::Timestamp;
use tollgate_quota::{Deal, Dealer, Demand, Instance, Key, Report, Share};
use tollgate_store::{LeaseAsk, Store};
use tollgate_sync::deal::{self, Overrides, Request, Response, halves};
use tonic::Status;

use crate::limits::counts::Lender;
use crate::unary::Method;

/// The service `tollgate.sync.v1.Limits`.
pub(crate) struct Limits {
    /// By which Envoys know that this is another dealer than before.
    dealer: u64,
    began: Instant,
    /// Whoever waits for it has it in the order in which they came.
    rates: Mutex<Dealer>,
    lender: Lender,
    overrides: watch::Receiver<Option<Arc<Overrides>>>,
}

/// Who has fallen silent is noticed within this.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// How many keys are dealt before Envoys that wait are heard: a few milliseconds' worth.
const SLICE: usize = 500;

// === impl Limits ===

impl Limits {
    /// Deals from now on, for as long as the runtime lives. Without a store,
    /// counts begin anew with the process, and there are no overrides.
    pub(crate) fn start(store: Option<Store>, dealer: u64) -> Arc<Self> {
        let (sender, overrides) = watch::channel(None);
        if let Some(store) = store.clone() {
            tokio::spawn(overrides::follow(store, sender));
        }
        // Another control plane that uses the same store deals to other Envoys.
        let rates = if store.as_ref().is_some_and(Store::is_shared) {
            Dealer::among_others(Timestamp::EPOCH)
        } else {
            Dealer::new(Timestamp::EPOCH)
        };
        let limits = Arc::new(Self {
            dealer: dealer.max(1),
            began: Instant::now(),
            rates: Mutex::new(rates),
            lender: Lender::start(store),
            overrides,
        });
        tokio::spawn(sweep(Arc::downgrade(&limits)));
        limits
    }

    /// A clock that is never set.
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus(self.began.elapsed())
    }

    async fn deal(&self, request: &Request, instance: Instance) -> Result<Deal, Status> {
        let demands: Vec<Demand> = request.demands.iter().map(demand).collect();
        let knows_us = request.complete && request.dealer == self.dealer;
        let report = Report {
            instance,
            number: request.number,
            applied: request.applied,
            turn: request.turn,
            share: Share(request.share),
            // Whoever was never answered by anybody has nothing.
            is_complete: knows_us || request.dealer == 0,
            demands: &demands,
        };
        let mut rates = self.rates.lock().await;
        rates.exchange(&report, self.now()).map_err(|_| late())
    }

    /// Notices who has fallen silent, and deals what is due then.
    async fn sweep(&self) {
        self.rates.lock().await.sweep(self.now());
        while self.rates.lock().await.deal_due(SLICE, self.now()) {
            tokio::task::yield_now().await;
        }
    }

    fn overrides(&self, known: u64) -> Option<Overrides> {
        let overrides = self.overrides.borrow().clone()?;
        (overrides.version != known).then(|| (*overrides).clone())
    }
}

impl Method for Limits {
    const SERVICE: &'static str = deal::SERVICE;
    const NAME: &'static str = deal::METHOD;
    /// A page of demands and one of asks, each in at most a hundred bytes.
    const REQUEST_BYTES_MAX: usize = 256 * 1024;
    type Request = Request;
    type Response = Response;

    async fn answer(self: Arc<Self>, request: Request) -> Result<Response, Status> {
        let instance = instance(&request)?;
        if deal::PAGE < request.demands.len() || deal::PAGE < request.asks.len() {
            return Err(Status::invalid_argument("there are more than fit on a page"));
        }
        let Deal { grants, more } = self.deal(&request, instance).await?;
        let asks = request.asks.iter().map(|ask| counts::ask(ask, instance, request.number));
        let lent = self.lender.lend(asks.collect::<Vec<LeaseAsk>>()).await;
        Ok(Response {
            dealer: self.dealer,
            grants: grants.into_iter().map(grant).collect(),
            more,
            lent,
            overrides: self.overrides(request.overrides),
        })
    }
}

async fn sweep(limits: Weak<Limits>) {
    while let Some(limits) = limits.upgrade() {
        limits.sweep().await;
        drop(limits);
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

fn instance(request: &Request) -> Result<Instance, Status> {
    let bytes = request.instance.as_slice().try_into();
    let bytes = bytes.map_err(|_| Status::invalid_argument("an instance has 16 bytes"))?;
    Ok(Instance(u128::from_le_bytes(bytes)))
}

fn late() -> Status {
    Status::aborted("a later exchange of this Envoy has been answered already")
}

fn demand(told: &deal::Demand) -> Demand {
    let deal::Demand { high, low, wants, holds } = *told;
    Demand { key: Key(deal::key(high, low)), wants: Share(wants), holds: Share(holds) }
}

fn grant(grant: tollgate_quota::Grant) -> deal::Grant {
    let (high, low) = halves(grant.key.0);
    deal::Grant { high, low, share: grant.share.map(|share| share.0) }
}

#[cfg(test)]
mod tests;
