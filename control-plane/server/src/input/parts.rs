//! A large configuration, made and followed in parts.

use std::path::Path;
use std::sync::mpsc::Sender;

use tollgate_model::{Gateway, Loaded};

use crate::clock::now;
use crate::event::Event;
use crate::input::{Input, Made};
use crate::keys::Bodies;
use crate::load::{Fault, Found, files, in_files, in_variables, urls, with_fetched};
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
        self.touched.clear();
        self.is_stale = false;
        self.made().map(Some)
    }

    fn follow_with(&mut self, table: &mut Table) -> Result<bool, Vec<Fault>> {
        let deployment = self.deployment()?;
        if !self.touched.is_empty() && !table.follow(&self.touched, &deployment)? {
            return Ok(false);
        }
        if self.is_stale || self.touched.is_empty() {
            self.renew(table)?;
        }
        Ok(true)
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
        self.touched.clear();
        self.is_stale = false;
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
