use std::sync::Arc;

use tokio::sync::watch;
use tollgate_xds::Snapshot;

use crate::delivery::Deliveries;
use crate::input::{Input, Made};
use crate::load::Fault;
use crate::report;
use crate::revision::{Changes, Revision};

/// Turns what is written into what is served, at every change.
///
/// It has a thread of its own, because it reads files and compiles them.
pub(crate) struct Publisher {
    revisions: watch::Sender<Arc<Revision>>,
    deliveries: Deliveries,
    input: Input,
    /// The faults of the last attempt, as they were logged.
    faults: Vec<String>,
    /// What was logged about the keys of the last revision.
    warnings: Vec<String>,
}

// === impl Publisher ===

impl Publisher {
    /// Publishes the first revision, which has to be good.
    pub(crate) fn start(
        mut input: Input,
        deliveries: Deliveries,
    ) -> Result<(Self, watch::Receiver<Arc<Revision>>), Vec<Fault>> {
        let Made { snapshot, warnings, front } = input.make()?;
        input.fronts.replace(front);
        report::warnings(&warnings);
        report::published(1, &Changes::between(&Snapshot::default(), &snapshot));
        let (revisions, receiver) = watch::channel(Arc::new(Revision::new(1, snapshot)));
        Ok((Self { revisions, deliveries, input, faults: Vec::new(), warnings }, receiver))
    }

    /// Publishes every good change until it is told to stop.
    pub(crate) fn run(mut self) {
        while !self.input.is_over() {
            if self.input.changed() {
                self.attempt();
            }
        }
    }

    /// Publishes what is written now, if all of it is good.
    fn attempt(&mut self) {
        match self.input.make() {
            Ok(made) => self.publish(made),
            Err(faults) => self.hold_back(&faults),
        }
    }

    fn publish(&mut self, Made { snapshot, warnings, front }: Made) {
        // Before any gateway asks for what is new.
        self.input.fronts.replace(front);
        if self.warnings != warnings {
            report::warnings(&warnings);
            self.warnings = warnings;
        }
        if !std::mem::take(&mut self.faults).is_empty() {
            report::recovered();
        }
        let before = self.revisions.borrow().clone();
        let changes = Changes::between(&before.snapshot, &snapshot);
        if changes.is_empty() {
            return;
        }
        let number = before.number.saturating_add(1);
        report::published(number, &changes);
        let revision = Arc::new(Revision::new(number, snapshot));
        self.deliveries.published(&revision);
        self.revisions.send_replace(revision);
    }

    /// Each fault is logged once, however often the files are touched.
    fn hold_back(&mut self, faults: &[Fault]) {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        if self.faults != faults {
            report::faults(&faults, self.revisions.borrow().number);
            self.faults = faults;
        }
    }
}
