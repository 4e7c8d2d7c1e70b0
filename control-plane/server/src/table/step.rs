//! One change of a large configuration: checked, and then served or forgotten.

use std::collections::BTreeSet;

use tollgate_callers::{Differences, diff};
use tollgate_model::{Change, Gateway};
use tollgate_xds::{Deployment, replace_general, translate_pieces};

use super::Table;
use super::reader::{self, Instead, Reader};
use super::served::Notes;
use crate::guard::Routes;
use crate::load::Fault;
use crate::news::News;

/// A change that is good.
pub(super) struct Step {
    change: Change,
    now: Instead,
    /// What it touches, as it was, where that is to be told, and as it is then.
    pub(super) before: Option<Gateway>,
    pub(super) after: Gateway,
    /// How many routes there were.
    pub(super) routes: Routes,
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
        let (now, routes) = (reader::now(news), self.routes());
        let names: BTreeSet<String> = now.keys().cloned().collect();
        let Self { index, loaded, .. } = self;
        let (objects, workspace) = (&index.objects, &mut index.workspace);
        let reader = Reader { objects, instead: &now };
        let read_now = |name: &str| reader.read(name);
        let Some(mut change) = workspace.change(&names, &read_now) else { return Ok(None) };
        let mut before = None;
        if let Some(then) = then {
            let apis = change.part.apis.union(&change.removed).cloned().collect();
            let everything = change.is_general;
            workspace.undo(change);
            let reader = Reader { objects, instead: then };
            let read_then = |name: &str| reader.read(name);
            let compiled = workspace.compile(&apis, everything, &read_then, loaded).ok();
            before = compiled.map(|gateway| of_apis(gateway, &apis));
            match workspace.change(&names, &read_now) {
                Some(again) => change = again,
                None => return Ok(None),
            }
        }
        match workspace.compile(&change.part.apis, change.is_general, &read_now, loaded) {
            Ok(after) => {
                let after = of_apis(after, &change.part.apis);
                Ok(Some(Step { change, now, before, after, routes }))
            }
            Err(faults) => {
                workspace.undo(change);
                Err(faults.into_iter().map(Fault::Written).collect())
            }
        }
    }

    /// What a change changes for callers.
    pub(super) fn differences(&self, step: &Step) -> Differences {
        let Some(before) = &step.before else { return Differences::default() };
        let mut after = step.after.clone();
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
        if change.is_general {
            self.general = after.clone();
            self.general.hosts.clear();
            self.general.contracts.clear();
        }
        translate_pieces(&mut self.snapshot, &change.part.pieces, &after);
        for api in &change.part.apis {
            self.note(api.clone(), Notes::of(api, &after));
        }
        self.forget(&change);
        let lookup = self.index.lookup();
        if change.is_general || lookup != self.lookup {
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
