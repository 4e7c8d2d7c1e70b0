//! A large configuration, made and followed in parts.

use std::path::Path;
use std::sync::mpsc::Sender;

use tollgate_model::{Gateway, Loaded};
use tollgate_store::StoreUnavailable;

use crate::clock::now;
use crate::event::Event;
use crate::fetch::Bodies;
use crate::input::{Input, Lag, Last, Made};
use crate::load::{Fault, Found, files, in_files, in_variables, urls, with_fetched};
use crate::news::News;
use crate::table::{Index, Table};
use crate::touches;

/// Whether the kernel tells of changes.
pub(super) enum Touches {
    /// Not yet; it would tell them here.
    From(Sender<Event>),
    Begun,
}

impl Touches {
    /// Where it cannot, looking has to do.
    pub(super) fn begin(&mut self, config: &Path) {
        if let Self::From(events) = self
            && touches::follow(folder_of(config), events.clone()).is_ok()
        {
            *self = Self::Begun;
        }
    }
}

/// The folder that is the configuration, or that it lies in.
fn folder_of(config: &Path) -> &Path {
    if config.is_dir() {
        return config;
    }
    let parent = config.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

impl Input {
    /// Follows a change of a large configuration, if it is one of APIs alone.
    pub(super) fn follow(&mut self) -> Result<Option<Made>, Vec<Fault>> {
        let Some(mut table) = self.table.take() else { return Ok(None) };
        let followed = self.follow_with(&mut table);
        self.table = Some(table);
        if !followed? {
            return Ok(None);
        }
        self.news = News::default();
        self.lag = Lag::None;
        self.made().map(Some)
    }

    pub(super) fn follow_with(&mut self, table: &mut Table) -> Result<bool, Vec<Fault>> {
        let (is_anything, deployment) = (!self.news.is_empty(), self.deployment()?);
        if is_anything {
            // What cannot be read is not compared.
            let then = self.ledger.kept_files(&self.news.files).ok();
            let then = then.filter(|_| table.is_kept());
            if !table.follow(&self.news, then.as_ref(), &deployment)? {
                return Ok(false);
            }
            self.ledger.remember(&self.news);
        }
        let is_followed = is_anything || self.lag == Lag::Followed;
        if self.lag == Lag::Stale || !is_followed {
            self.renew(table)?;
        }
        Ok(true)
    }

    /// Whether something else is written in the store than what is served.
    pub(super) fn on_stored(&mut self) -> bool {
        let Some(table) = &self.table else { return false };
        // What cannot be read now is what it was.
        let Ok(changes) = self.ledger.changes_since(table.sequence()) else { return false };
        self.news.take(changes);
        if self.is_pinned() {
            self.table = None;
            return true;
        }
        !self.news.is_empty() || self.last == Last::Unkept
    }

    /// Whether a rollback holds other files than those that lie there. To tell reads all
    /// of them, so what was found is remembered.
    fn is_pinned(&mut self) -> bool {
        let pin = self.ledger.pin().unwrap_or_default();
        let files = self.table.as_ref().and_then(|table| table.hash_of_files());
        let Some(pinned) = pin.zip(files) else { return false };
        if self.unpinned.as_ref() == Some(&pinned) {
            return false;
        }
        let is_pinned = self.ledger.beside_files().is_ok_and(|beside| beside.is_none());
        self.unpinned = (!is_pinned).then_some(pinned);
        is_pinned
    }

    /// Something that the configuration names is another.
    fn renew(&mut self, table: &mut Table) -> Result<(), Vec<Fault>> {
        let (general, loaded, warnings) = self.general(table.index(), None)?;
        self.needs_store(&general)?;
        let deployment = self.deployment()?;
        table.renew(general, loaded, &deployment);
        table.warnings = warnings;
        Ok(())
    }

    pub(super) fn make_in_parts(&mut self, index: Index) -> Result<Made, Vec<Fault>> {
        let config = self.config.clone();
        let watched = Some(&*config).filter(|_| self.table.is_none());
        let (general, loaded, warnings) = self.general(&index, watched)?;
        self.needs_store(&general)?;
        let deployment = self.deployment()?;
        let mut table = Table::new(index, general, loaded, &deployment)?;
        table.warnings = warnings;
        self.table = Some(Box::new(table));
        self.news = News::default();
        self.lag = Lag::None;
        self.touches.begin(&self.config);
        self.watch.leave_config();
        self.made()
    }

    /// What holds for all APIs, with as few of them as there have to be.
    /// `watched`: the configuration, unless a table looks at it.
    fn general(
        &mut self,
        index: &Index,
        watched: Option<&Path>,
    ) -> Result<(Gateway, Loaded, Vec<String>), Vec<Fault>> {
        let references = index.workspace.references();
        let module_file = self.module.file().map(Path::to_owned);
        self.watch.at(watched, files(&references).chain(module_file).collect());
        self.keys.follow(&urls(&references));
        self.await_keys();
        let found: Found =
            in_files(&references).into_iter().chain(in_variables(&references)).collect();
        let compile = |bodies: &Bodies| index.general(&with_fetched(&found, bodies));
        let (general, warnings) = self.compile(&compile)?;
        Ok((general, with_fetched(&found, &self.keys.good()), warnings))
    }

    /// Keeps what is made, where routes come in pieces.
    pub(crate) fn keep(&mut self) -> Option<Result<u64, StoreUnavailable>> {
        self.table.as_mut()?.keep(&self.ledger)
    }

    /// What its table comes to.
    fn made(&self) -> Result<Made, Vec<Fault>> {
        let Some(table) = &self.table else { return Err(Vec::new()) };
        let gateway = table.whole();
        let expired = gateway.expired(now()).map(ToString::to_string);
        let told = table.warnings.iter().cloned().chain(expired);
        let warnings = told.chain(table.notices().cloned()).collect();
        let front = self.fronts.next(&gateway)?;
        let snapshot = table.snapshot.clone();
        let routes = table.routes();
        Ok(Made { whole: None, snapshot, routes, warnings, front })
    }
}
