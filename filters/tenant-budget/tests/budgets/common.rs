//! Workers of one Envoy, one after the other.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an error fails the test")]
#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]

use std::time::Duration;

use tollgate_core::testing::MemoryHost;
use tollgate_core::{Principal, Reply, Seed, Timestamp, property};
use tollgate_tenant_budget::{
    BackendCapSpec, Budgets, BudgetsSpec, Held, KindSpec, PrioritySpec, Wanted,
};

pub(crate) struct World {
    pub(crate) host: MemoryHost,
    pub(crate) now: Timestamp,
    pub(crate) workers: Vec<Worker>,
    spec: BudgetsSpec,
    pub(crate) cap: BackendCapSpec,
}

pub(crate) struct Worker {
    budgets: Budgets,
    /// By tenant.
    pub(crate) open: Vec<(u32, Held)>,
}

impl World {
    /// Tenants are numbered, and their weights are their tiers'.
    pub(crate) fn new(workers: usize, spec: &str, cap: u32) -> Self {
        let spec: BudgetsSpec = serde_json::from_str(spec).unwrap();
        let cap = BackendCapSpec { in_flight: cap, reserve: 0, adapts: false };
        let now = Timestamp::from_seconds(1_700_000_000);
        let mut world = Self { host: MemoryHost::default(), now, workers: Vec::new(), spec, cap };
        world.workers = (0..workers).map(|_| world.worker()).collect();
        world.workers[0].budgets.prepare(&mut world.host);
        world
    }

    fn worker(&self) -> Worker {
        let budgets = Budgets::compile(self.spec.clone(), <_>::default(), Seed([7; 16])).unwrap();
        Worker { budgets, open: Vec::new() }
    }

    /// One more request of a tenant, which stays in flight if it is let in.
    pub(crate) fn begin(&mut self, worker: usize, tenant: u32) -> Result<(), Reply> {
        self.begin_as(worker, tenant, KindSpec::Request, PrioritySpec::Normal)
    }

    pub(crate) fn begin_as(
        &mut self,
        worker: usize,
        tenant: u32,
        kind: KindSpec,
        priority: PrioritySpec,
    ) -> Result<(), Reply> {
        let principal = principal(tenant);
        let backend = Some(("orders", self.cap));
        let wanted = Wanted { principal: Some(&principal), backend, kind, priority };
        let Worker { budgets, open } = &mut self.workers[worker];
        if let Some(connection) = budgets.connection_of_nobody(&mut self.host) {
            budgets.connect(connection, &principal, &mut self.host.at(self.now))?;
        }
        let held = budgets.begin(&wanted, &mut self.host.at(self.now))?;
        open.push((tenant, held));
        Ok(())
    }

    /// What comes next comes on a connection of this number, which was just made.
    pub(crate) fn connect(&mut self, worker: usize, number: u64) {
        let bytes = number.to_le_bytes().to_vec();
        self.host.properties.insert(property::CONNECTION.to_vec(), bytes);
        self.workers[worker].budgets.on_connection(number);
    }

    /// One of a worker's requests ends, if it has any.
    pub(crate) fn end(&mut self, worker: usize, which: usize) {
        let Worker { budgets, open } = &mut self.workers[worker];
        if !open.is_empty() {
            let (_, held) = open.swap_remove(which % open.len());
            budgets.end(held, &mut self.host.at(self.now));
        }
    }

    /// One of a tenant's requests ends, wherever it is.
    pub(crate) fn end_one_of(&mut self, tenant: u32) {
        let found = self.workers.iter().enumerate().find_map(|(worker, one)| {
            Some((worker, one.open.iter().position(|(of, _)| *of == tenant)?))
        });
        let (worker, which) = found.unwrap();
        self.end(worker, which);
    }

    /// The virtual machine of a worker ends, and another takes its place.
    pub(crate) fn trap(&mut self, worker: usize) {
        self.workers[worker] = self.worker();
    }

    pub(crate) fn tick(&mut self, worker: usize) {
        self.workers[worker].budgets.on_tick(&mut self.host.at(self.now));
    }

    /// So many seconds go by.
    pub(crate) fn pass(&mut self, seconds: u32) {
        (0..seconds).for_each(|_| self.wait(Duration::from_secs(1)));
    }

    /// So much time goes by from one tick to the next.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        (0..self.workers.len()).for_each(|worker| self.tick(worker));
    }

    /// How many requests there are: of one tenant, or of all.
    pub(crate) fn open(&self, tenant: Option<u32>) -> u32 {
        let all = self.workers.iter().flat_map(|worker| &worker.open);
        let of = all.filter(|(of, _)| tenant.is_none_or(|tenant| tenant == *of));
        u32::try_from(of.count()).unwrap()
    }

    /// How many bytes say in shared data what is under way.
    pub(crate) fn left(&self) -> usize {
        let slots =
            self.host.shared.iter().filter(|(key, _)| key.starts_with(b"tollgate.budget.2."));
        slots.map(|(_, (value, _))| value.len()).sum()
    }

    /// Everything ends, and so much time goes by that nobody is remembered.
    pub(crate) fn rest(&mut self) {
        for worker in 0..self.workers.len() {
            while !self.workers[worker].open.is_empty() {
                self.end(worker, 0);
            }
        }
        self.pass(64);
    }
}

fn principal(tenant: u32) -> Principal {
    Principal {
        method: "api_key".into(),
        subject: "key".into(),
        tenant: Some(format!("t{tenant}").into()),
        tier: Some(format!("w{}", [1, 1, 4, 2][tenant as usize % 4]).into()),
        ..Principal::default()
    }
}
