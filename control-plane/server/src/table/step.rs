//! One change of a large configuration: checked, and then served or forgotten.

use std::collections::BTreeSet;

use tollgate_callers::{Differences, diff};
use tollgate_model::{Change, Gateway};
use tollgate_xds::{Deployment, replace_general, translate_pieces};

use super::reader::{self, Instead, Reader};
use super::served::Known;
use super::{Index, Table, general_of};
use crate::guard::Routes;
use crate::load::Fault;
use crate::news::News;

/// A change that is good.
pub(super) struct Step {
    change: Change,
    now: Instead,
    /// What of its APIs was before, where that is to be told.
    before: Option<Before>,
    /// What it touches, as it is then.
    pub(super) after: Gateway,
    /// How many routes there were.
    pub(super) routes: Routes,
}

/// What APIs were before a change of them.
struct Before {
    gateway: Gateway,
    apis: BTreeSet<String>,
}

// === impl Step ===

impl Step {
    /// What it changes, as it was.
    pub(super) fn before(&self) -> Option<&Gateway> {
        self.before.as_ref().map(|before| &before.gateway)
    }
}

// === impl Table ===

impl Table {
    /// Checks a change. None if it has to be checked together with everything else.
    /// `then`: how what has changed was read before, if that is to be compared.
    pub(super) fn step(
        &mut self,
        news: &News,
        then: Option<&Instead>,
    ) -> Result<Option<Step>, Vec<Fault>> {
        let (now, routes) = (reader::now(news)?, self.routes());
        let names: BTreeSet<String> = now.keys().cloned().collect();
        let Some(mut change) = self.change(&names, &now)? else { return Ok(None) };
        let mut before = None;
        if let Some(then) = then {
            before = self.before(change, then);
            match self.change(&names, &now)? {
                Some(again) => change = again,
                None => return Ok(None),
            }
        }
        match self.after(&mut change, &now) {
            Ok(after) => Ok(Some(Step { change, now, before, after, routes })),
            Err(faults) => {
                self.index.workspace.undo(change);
                Err(Fault::all_written(faults))
            }
        }
    }

    fn change(
        &mut self,
        names: &BTreeSet<String>,
        now: &Instead,
    ) -> Result<Option<Change>, Vec<Fault>> {
        let Index { workspace, objects, .. } = &mut self.index;
        let reader = Reader { objects, instead: now };
        workspace.change(names, &|name| reader.read(name)).map_err(Fault::all_written)
    }

    /// How what a change touches was; the change is forgotten.
    fn before(&mut self, change: Change, then: &Instead) -> Option<Before> {
        let Self { index: Index { workspace, objects, .. }, loaded, .. } = self;
        let apis = change.part.apis.union(&change.removed).cloned().collect();
        let everything = change.is_general();
        workspace.undo(change);
        let reader = Reader { objects, instead: then };
        let read = |name: &str| reader.read(name);
        let gateway = workspace.compile(&apis, everything, &read, loaded).ok()?;
        Some(Before { gateway: of_apis(gateway, &apis), apis })
    }

    /// What a change touches, as it is then.
    fn after(
        &self,
        change: &mut Change,
        now: &Instead,
    ) -> Result<Gateway, Vec<tollgate_model::Fault>> {
        let Index { workspace, objects, .. } = &self.index;
        let reader = Reader { objects, instead: now };
        let read = |name: &str| reader.read(name);
        let told = |api: &str| self.asked.get(api).cloned();
        let gateway = workspace.compile_change(change, &told, &read, &self.loaded)?;
        Ok(of_apis(gateway, &change.part.apis))
    }

    /// What a change changes for callers.
    pub(super) fn differences(&self, step: &Step) -> Differences {
        let Some(Before { gateway: before, apis }) = &step.before else {
            return Differences::default();
        };
        let mut after = of_apis(step.after.clone(), apis);
        // A host is not gone while others have it.
        let hosts = before.hosts.keys().filter(|host| self.index.workspace.has_host(host));
        for host in hosts {
            after.hosts.entry(host.clone()).or_default();
        }
        diff(before, &after)
    }

    /// Forgets a change.
    pub(super) fn take_back(&mut self, step: Step) {
        self.index.workspace.undo(step.change);
    }

    /// Serves a change; `difference` is what that changes for callers.
    pub(super) fn take(
        &mut self,
        news: &News,
        Step { change, now, after, .. }: Step,
        difference: &str,
        deployment: &Deployment,
    ) {
        if change.is_general() {
            self.general = general_of(after.clone());
        }
        translate_pieces(&mut self.snapshot, &change.part.pieces, &after);
        for api in &change.part.apis {
            self.know(api, Known::of(api, &after));
        }
        self.forget_gone(&change);
        let lookup = self.index.lookup();
        if change.is_general() || lookup != self.lookup {
            self.lookup = lookup;
            replace_general(&mut self.snapshot, &self.general, Some(&self.lookup), deployment);
        }
        for (key, body) in &news.objects {
            match body {
                Some(body) => drop(self.index.objects.insert(key.clone(), body.clone())),
                None => drop(self.index.objects.remove(key)),
            }
        }
        self.index.sequence = self.index.sequence.max(news.sequence);
        if let Some(kept) = &mut self.kept {
            kept.follow(news, &now, difference);
        }
    }
}

/// Without those that were only there because there has to be one.
fn of_apis(mut gateway: Gateway, apis: &BTreeSet<String>) -> Gateway {
    for routes in gateway.hosts.values_mut() {
        routes.retain(|route| apis.contains(&route.api));
    }
    gateway.hosts.retain(|_, routes| !routes.is_empty());
    gateway.contracts.retain(|api, _| apis.contains(api));
    gateway
}
