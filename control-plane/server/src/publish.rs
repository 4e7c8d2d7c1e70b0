use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use tokio::sync::watch;
use tollgate_model::Gateway;
use tollgate_xds::{Deployment, Snapshot, translate};

use crate::fetch::{Fetched, shown};
use crate::keys::KeySets;
use crate::load::{Fault, Written};
use crate::revision::{Changes, Revision};
use crate::watch::Watch;
use crate::{Module, report};

/// A change is seen within this time, and read after as long again.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the publisher waits for, besides changes of files.
#[derive(Debug)]
pub(crate) enum Event {
    /// A key set, or why there is none.
    Fetched(Fetched),
    /// The process ends.
    Stop,
}

/// Turns what is written into what is served, at every change.
///
/// It has a thread of its own, because it reads files and compiles them.
pub(crate) struct Publisher {
    revisions: watch::Sender<Arc<Revision>>,
    input: Input,
    /// The faults of the last attempt, as they were logged.
    faults: Vec<String>,
}

/// Everything that a revision is made of.
struct Input {
    config: PathBuf,
    module: Module,
    watch: Watch,
    keys: KeySets,
    inbox: Receiver<Event>,
    stopping: bool,
}

// === impl Publisher ===

impl Publisher {
    /// Publishes the first revision, which has to be good.
    pub(crate) fn start(
        config: &Path,
        module: Module,
        events: Sender<Event>,
        inbox: Receiver<Event>,
    ) -> Result<(Self, watch::Receiver<Arc<Revision>>), Vec<Fault>> {
        let (config, watch) = (config.to_owned(), Watch::new(config));
        let keys = KeySets::new(events);
        let mut input = Input { config, module, watch, keys, inbox, stopping: false };
        let snapshot = input.load()?;
        report::published(1, &Changes::between(&Snapshot::default(), &snapshot));
        let (revisions, receiver) = watch::channel(Arc::new(Revision::new(1, snapshot)));
        Ok((Self { revisions, input, faults: Vec::new() }, receiver))
    }

    /// Publishes every good change until it is told to stop.
    pub(crate) fn run(mut self) {
        while !self.input.stopping {
            if self.input.changed() {
                self.attempt();
            }
        }
    }

    /// Publishes what is written now, if all of it is good.
    fn attempt(&mut self) {
        match self.input.load() {
            Ok(snapshot) => self.publish(snapshot),
            Err(faults) => self.hold_back(&faults),
        }
    }

    fn publish(&mut self, snapshot: Snapshot) {
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
        self.revisions.send_replace(Arc::new(Revision::new(number, snapshot)));
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

// === impl Input ===

impl Input {
    /// Waits a moment. True if there is something to read.
    fn changed(&mut self) -> bool {
        match self.inbox.recv_timeout(LOOK_EVERY) {
            Ok(event) => self.on_event(event),
            Err(RecvTimeoutError::Timeout) => self.watch.changed(),
            Err(RecvTimeoutError::Disconnected) => self.on_event(Event::Stop),
        }
    }

    fn on_event(&mut self, event: Event) -> bool {
        match event {
            Event::Fetched(fetched) => self.keys.take(fetched),
            Event::Stop => {
                self.stopping = true;
                false
            }
        }
    }

    fn load(&mut self) -> Result<Snapshot, Vec<Fault>> {
        let written = Written::read(&self.config)?;
        let module_file = self.module.file().map(Path::to_owned);
        self.watch.also(written.files().chain(module_file).collect());
        self.keys.follow(&written.urls());
        self.await_keys();
        let gateway = self.compile(&written)?;
        let module = self.module.resolve().map_err(|fault| vec![fault.into()])?;
        Ok(translate(&gateway, &Deployment { module }))
    }

    /// Waits until every url has answered or failed once, so that a new issuer
    /// does not begin with refusals. An answer has a time limit of its own.
    fn await_keys(&mut self) {
        while self.keys.are_awaited() && !self.stopping {
            match self.inbox.recv() {
                Ok(event) => self.on_event(event),
                Err(_) => return,
            };
        }
    }

    /// A key set that does not fit must not hold back a good configuration, nor
    /// another issuer's keys: where the newest sets do not fit together, each
    /// is tried by itself beside those known to be good.
    fn compile(&mut self, written: &Written) -> Result<Gateway, Vec<Fault>> {
        let newest = self.keys.newest();
        if let Ok(gateway) = written.compile(&newest) {
            self.keys.adopt(newest);
            return Ok(gateway);
        }
        let mut used = self.keys.good();
        let mut gateway = written.compile(&used)?;
        for (url, body) in newest {
            if used.get(&url) == Some(&body) {
                continue;
            }
            let mut candidate = used.clone();
            candidate.insert(url.clone(), body);
            match written.compile(&candidate) {
                Ok(better) => (gateway, used) = (better, candidate),
                Err(faults) => {
                    let why = faults.first().map(ToString::to_string).unwrap_or_default();
                    report::no_keys(shown(&url), &why, used.contains_key(&url));
                }
            }
        }
        self.keys.adopt(used);
        Ok(gateway)
    }
}
