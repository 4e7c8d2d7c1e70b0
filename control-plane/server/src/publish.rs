use std::sync::Arc;

use tokio::sync::watch;
use tollgate_model::Gateway;
use tollgate_store::StoreUnavailable;
use tollgate_xds::Snapshot;

use crate::delivery::Deliveries;
use crate::input::{Input, Last, Made};
use crate::ledger::Whole;
use crate::load::Fault;
use crate::precheck::Precheck;
use crate::report;
use crate::revision::{Changes, Revision};
use crate::watch::Look;

/// Turns what is written into what is served, at every change.
///
/// It has a thread of its own, because it reads files and compiles them.
pub(crate) struct Publisher {
    revisions: watch::Sender<Arc<Revision>>,
    deliveries: Deliveries,
    input: Input,
    precheck: Option<Precheck>,
    /// The faults of the last attempt, as they were logged, and how the files looked that
    /// had them.
    faults: Vec<String>,
    faulty: Look,
    /// What was logged about the keys of the last revision.
    warnings: Vec<String>,
    /// What was published last, and its hash, if anything is kept of it.
    kept: Option<(String, Gateway)>,
    /// How many routes were published last, and from which files if that is known.
    routes: usize,
    files: Option<String>,
}

/// What a publisher works with.
pub(crate) struct Means {
    pub(crate) input: Input,
    pub(crate) deliveries: Deliveries,
    pub(crate) precheck: Option<Precheck>,
    /// What was served before the process began, if that was kept.
    pub(crate) last: Option<Snapshot>,
}

// === impl Publisher ===

impl Publisher {
    /// Publishes the first revision, which has to be good.
    pub(crate) fn start(
        Means { mut input, deliveries, precheck, last }: Means,
    ) -> Result<(Self, watch::Receiver<Arc<Revision>>), Vec<Fault>> {
        let Made { whole, snapshot, routes, warnings, front } = input.make()?;
        input.fronts.replace(front);
        report::warnings(&warnings);
        let published = match &whole {
            Some((whole, gateway)) => {
                input.ledger.publish(whole, input.ledger.newest().as_ref(), gateway)
            }
            None => input.keep(),
        };
        let published = published.transpose().map_err(|fault| vec![fault.into()])?;
        let number = published.unwrap_or(1);
        report::published(number, &Changes::between(&Snapshot::default(), &snapshot));
        let (revisions, receiver) = watch::channel(Arc::new(Revision::new(number, snapshot)));
        let files = hash_of_files(whole.as_ref());
        let kept = published.and(whole).map(|(whole, gateway)| (whole.hash(), gateway));
        let this = Self {
            revisions,
            deliveries,
            input,
            precheck,
            faults: Vec::new(),
            faulty: Look::new(),
            warnings,
            kept,
            routes: routes.count,
            files,
        };
        if let Some(last) = last {
            this.deliveries.know(&last);
            this.check(&last, &receiver.borrow().snapshot);
        }
        Ok((this, receiver))
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
        match self.input.make().and_then(|made| self.guarded(made)) {
            Ok(made) => {
                self.input.last = Last::Served;
                self.publish(made);
            }
            Err(faults) => {
                self.input.last = Last::Held;
                self.hold_back(&faults);
            }
        }
    }

    /// Nothing if other files would take too much away; the admin API sees to that
    /// itself, change by change.
    fn guarded(&self, made: Made) -> Result<Made, Vec<Fault>> {
        let files = hash_of_files(made.whole.as_ref());
        if files.is_none() || files != self.files {
            made.routes.may_follow(self.routes).map_err(|fault| vec![fault])?;
        }
        Ok(made)
    }

    fn publish(&mut self, Made { whole, snapshot, routes, warnings, front }: Made) {
        (self.routes, self.files) = (routes.count, hash_of_files(whole.as_ref()));
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
        let number = match whole {
            Some((whole, gateway)) => self.number(&whole, gateway, before.number),
            None => self.number_of_parts(),
        };
        let number =
            number.unwrap_or_else(|| before.number.saturating_add(u64::from(!changes.is_empty())));
        // One that only reads otherwise is waited for all the same.
        if changes.is_empty() && number == before.number {
            return;
        }
        report::published(number, &changes);
        let revision = Arc::new(Revision::new(number, snapshot));
        self.deliveries.published(&revision);
        self.check(&before.snapshot, &revision.snapshot);
        self.revisions.send_replace(revision);
    }

    /// Holds back what an Envoy at hand says it would refuse.
    fn check(&self, old: &Snapshot, new: &Snapshot) {
        let Some(precheck) = &self.precheck else { return };
        match precheck.faulty(old, new) {
            Ok(faulty) => faulty.iter().for_each(|one| {
                report::would_be_refused(one);
                self.deliveries.hold_back(one);
            }),
            Err(why) => report::not_prechecked(&why),
        }
    }

    /// The number under which it is kept; nothing if it is not.
    fn number(&mut self, whole: &Whole, gateway: Gateway, newest: u64) -> Option<u64> {
        let hash = whole.hash();
        if self.kept.as_ref().is_some_and(|(before, _)| *before == hash) {
            return Some(newest);
        }
        let last = self.kept.as_ref().map(|(_, gateway)| gateway);
        let kept = self.input.ledger.publish(whole, last, &gateway)?;
        let number = self.kept_as(kept)?;
        self.kept = Some((hash, gateway));
        Some(number)
    }

    /// Likewise, where routes come in pieces.
    fn number_of_parts(&mut self) -> Option<u64> {
        let kept = self.input.keep()?;
        self.kept = None;
        self.kept_as(kept)
    }

    /// It is served all the same, and kept when that is possible again.
    fn kept_as(&mut self, kept: Result<u64, StoreUnavailable>) -> Option<u64> {
        if let Err(fault) = &kept {
            report::not_kept(&fault.to_string());
            self.input.last = Last::Unkept;
        }
        kept.ok()
    }

    /// Faults are logged once, however often they are found in the same files; and of
    /// files that were written again, again.
    fn hold_back(&mut self, faults: &[Fault]) {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let look = self.input.look_of_all();
        if self.faults != faults || self.faulty != look {
            report::faults(&faults, self.revisions.borrow().number);
            (self.faults, self.faulty) = (faults, look);
        }
    }
}

fn hash_of_files(whole: Option<&(Whole, Gateway)>) -> Option<String> {
    whole.map(|(whole, _)| whole.hash_of_files().to_owned())
}
