mod edits;
mod parts;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use tokio::time::Instant;
use tollgate_auth::WhenStale;
use tollgate_identity::Front;
use tollgate_model::Gateway;
use tollgate_store::Pin;
use tollgate_xds::{Deployment, Snapshot, translate};

use crate::Module;
use crate::clock::now;
use crate::config::is_config;
use crate::event::Event;
use crate::fetch::Bodies;
use crate::guard::Routes;
use crate::input::parts::Touches;
use crate::keys::KeySets;
use crate::ledger::{Ledger, Whole};
use crate::load::{Fault, Written};
use crate::news::News;
use crate::sources::Fronts;
use crate::table::{Index, Table};
use crate::watch::{Look, Watch};

/// A change is seen within this time, and read after as long again.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Of the time, looking takes at most one part in so many.
const LOOKS_OF: u32 = 50;

/// What could not be kept is tried again after this time.
const KEEP_AGAIN: Duration = Duration::from_secs(5);

/// Everything that a revision is made of.
pub(crate) struct Input {
    pub(crate) ledger: Ledger,
    config: PathBuf,
    /// What was made last, all of it together, and when.
    made: Option<String>,
    made_at: Instant,
    /// What became of it.
    pub(crate) last: Last,
    module: Module,
    pub(crate) fronts: Fronts,
    watch: Watch,
    looked: Instant,
    keys: KeySets,
    /// Where routes come in pieces.
    table: Option<Box<Table>>,
    /// What of that has changed since it was served last.
    news: News,
    /// A rollback that holds nothing, where these files lie.
    unpinned: Option<(Pin, String)>,
    /// And what else.
    lag: Lag,
    /// Whether the kernel tells which files change.
    touches: Touches,
    /// How long the last look took.
    look_took: Duration,
    inbox: Receiver<Event>,
    is_over: bool,
}

/// What came of it.
pub(crate) struct Made {
    pub(crate) snapshot: Snapshot,
    /// All that it was made of; where routes come in pieces, nothing.
    pub(crate) whole: Option<(Whole, Gateway)>,
    pub(crate) routes: Routes,
    /// What is wrong with key sets that were fetched, which is nobody's fault here.
    pub(crate) warnings: Vec<String>,
    /// Who answers for what it knows.
    pub(crate) front: Front,
}

/// What became of what was made last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Last {
    Served,
    /// It is served, and the store could not be told of it.
    Unkept,
    /// It was at fault.
    Held,
}

/// By what a large configuration is another than what was made of it, but for news.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lag {
    None,
    /// What the admin API asked for: that is followed already, and has to be served.
    Followed,
    /// Something that files name, or all of it.
    Stale,
}

// === impl Input ===

impl Input {
    pub(crate) fn new(
        ledger: Ledger,
        module: Module,
        fronts: Fronts,
        events: Sender<Event>,
        inbox: Receiver<Event>,
    ) -> Self {
        let (watch, looked) = (Watch::new(ledger.config()), Instant::now());
        let (config, keys) = (ledger.config().to_owned(), KeySets::new(events.clone()));
        Self {
            ledger,
            config,
            made: None,
            made_at: looked,
            last: Last::Served,
            module,
            fronts,
            watch,
            looked,
            keys,
            table: None,
            news: News::default(),
            unpinned: None,
            lag: Lag::None,
            touches: Touches::From(events),
            look_took: Duration::ZERO,
            inbox,
            is_over: false,
        }
    }

    /// How all that is written looks now.
    pub(crate) fn look_of_all(&self) -> Look {
        self.watch.look_at(&self.config)
    }

    /// Whether the process was told to end.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Waits a moment. True if there is something to read.
    pub(crate) fn changed(&mut self) -> bool {
        // What comes must not keep the files from being looked at.
        let every = LOOK_EVERY.max(self.look_took.saturating_mul(LOOKS_OF));
        match self.inbox.recv_timeout(every.saturating_sub(self.looked.elapsed())) {
            Ok(event) => {
                let mut is_news = self.on_event(event);
                while let Ok(event) = self.inbox.try_recv() {
                    is_news |= self.on_event(event);
                }
                is_news
            }
            Err(RecvTimeoutError::Timeout) => self.look(),
            Err(RecvTimeoutError::Disconnected) => self.on_event(Event::Stop),
        }
    }

    /// Looks at all files. True if some of them have changed.
    fn look(&mut self) -> bool {
        self.looked = Instant::now();
        let mut is_news = self.watch.changed();
        self.is_stale_if(is_news);
        if let Some(table) = &mut self.table {
            let changed = table.look(&self.config);
            is_news |= !changed.is_empty();
            self.news.files.extend(changed);
        }
        is_news |= self.last == Last::Unkept && KEEP_AGAIN <= self.made_at.elapsed();
        self.look_took = self.looked.elapsed();
        is_news
    }

    fn is_stale_if(&mut self, is_news: bool) {
        if is_news {
            self.lag = Lag::Stale;
        }
    }

    fn on_event(&mut self, event: Event) -> bool {
        match event {
            Event::Fetched(fetched) => {
                let is_news = self.keys.take(fetched, Instant::now());
                self.is_stale_if(is_news);
                is_news
            }
            Event::Stored if self.table.is_some() => self.on_stored(),
            Event::Stored => {
                let is_news = self.is_stored_otherwise();
                self.is_stale_if(is_news);
                is_news
            }
            Event::Edit(edit, reply) => self.on_edit(&edit, &reply),
            Event::Ask(question) => self.on_question(question),
            Event::Touched(file) => self.on_touched(&file),
            Event::Stop => {
                self.is_over = true;
                false
            }
        }
    }

    /// The kernel says so when a file was written to its end: nothing has to settle. Of a
    /// small folder other files may be about to come, so that is looked at.
    fn on_touched(&mut self, file: &Path) -> bool {
        if self.table.is_some() {
            let is_ours = is_config(file);
            if is_ours {
                self.news.files.insert(file.display().to_string());
            }
            return is_ours;
        }
        let is_ours = !self.config.is_dir() && file.file_name() == self.config.file_name();
        let is_news = is_ours && self.watch.touched();
        self.is_stale_if(is_news);
        is_news
    }

    /// Whether something else is written than what was made last. A key that was
    /// made is no reason to compile everything again.
    fn is_stored_otherwise(&self) -> bool {
        // What cannot be read now is what it was.
        self.ledger.read().is_ok_and(|whole| match &self.made {
            Some(made) => self.last == Last::Unkept || *made != whole.hash(),
            None => whole.is_of_more_than_files(),
        })
    }

    /// Makes a snapshot of what is written now, if all of it is good.
    pub(crate) fn make(&mut self) -> Result<Made, Vec<Fault>> {
        self.made_at = Instant::now();
        if let Some(made) = self.follow()? {
            return Ok(made);
        }
        let beside = self.ledger.beside_files()?;
        let index = beside.map(|beside| Index::of(&self.config, beside)).transpose();
        let made = match index.map(Option::flatten) {
            Ok(Some(index)) => self.make_in_parts(index),
            Ok(None) => self.make_whole(),
            Err(faults) => Err(faults),
        };
        // What is at fault is not tried again before it is another.
        if let (Err(_), Some(table)) = (&made, &mut self.table) {
            table.try_in_vain();
        }
        made
    }

    fn deployment(&mut self) -> Result<Deployment, Vec<Fault>> {
        let module = self.module.resolve().map_err(|fault| vec![fault.into()])?;
        Ok(self.fronts.deployment(module))
    }

    /// Everything together, as it is best where it is little.
    fn make_whole(&mut self) -> Result<Made, Vec<Fault>> {
        let whole = self.ledger.read_or_remember()?;
        self.made = Some(whole.hash());
        let written = Written::of(whole.sources())?.with_variables();
        let module_file = self.module.file().map(Path::to_owned);
        self.watch.at(Some(&self.config), written.files().chain(module_file).collect());
        self.keys.follow(&written.urls());
        self.await_keys();
        let (gateway, mut warnings) = self.compile(&|bodies| written.compile(bodies))?;
        self.needs_store(&gateway)?;
        let expired = gateway.expired(now()).chain(&gateway.notices);
        warnings.extend(expired.map(ToString::to_string));
        let front = self.fronts.next(&gateway)?;
        let deployment = self.deployment()?;
        self.table = None;
        if !self.config.is_dir() {
            self.touches.begin(&self.config);
        }
        let snapshot = translate(&gateway, &deployment);
        let routes = Routes::of(&gateway);
        Ok(Made { snapshot, whole: Some((whole, gateway)), routes, warnings, front })
    }

    /// Whoever wants callers refused rather than served by what is old would be
    /// served without a word.
    fn needs_store(&self, gateway: &Gateway) -> Result<(), Vec<Fault>> {
        let sync = gateway.identity.sync.as_ref();
        let refuses = sync.is_some_and(|sync| sync.when_stale == WhenStale::Closed);
        if refuses && !self.fronts.has_store() { Err(vec![Fault::NoStore]) } else { Ok(()) }
    }

    /// Waits until every url has answered or failed once, so that a new issuer
    /// does not begin with refusals. An answer has a time limit of its own.
    fn await_keys(&mut self) {
        while self.keys.are_awaited() && !self.is_over {
            match self.inbox.recv() {
                Ok(event) => self.on_event(event),
                Err(_) => return,
            };
        }
    }

    /// A fetched set that is bad must not take the place of a good one, nor hold
    /// back another issuer's: if the newest are not all good, each is tried by
    /// itself beside those that are.
    fn compile(&mut self, compile: Compile<'_>) -> Result<(Gateway, Vec<String>), Vec<Fault>> {
        let newest = self.keys.newest();
        let mut gateway = compile(&newest)?;
        if gateway.warnings.is_empty() {
            self.adopt(newest);
            return Ok((gateway, Vec::new()));
        }
        let mut used = self.keys.good();
        let mut warnings = texts(&gateway);
        gateway = compile(&used)?;
        for (url, body) in newest {
            let mut candidate = used.clone();
            candidate.insert(url, body);
            let with = compile(&candidate)?;
            if with.warnings.len() <= gateway.warnings.len() {
                (gateway, used) = (with, candidate);
            }
        }
        self.adopt(used);
        warnings.extend(texts(&gateway));
        warnings.sort();
        warnings.dedup();
        Ok((gateway, warnings))
    }
}

impl Input {
    fn adopt(&mut self, keys: Bodies) {
        self.ledger.use_keys(keys.clone());
        self.keys.adopt(keys);
    }
}

/// Checks what is written with some key sets.
type Compile<'a> = &'a dyn Fn(&Bodies) -> Result<Gateway, Vec<Fault>>;

fn texts(gateway: &Gateway) -> Vec<String> {
    gateway.warnings.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;
