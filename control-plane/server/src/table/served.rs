//! What comes of a part of a large configuration.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_model::{Gateway, Part};
use tollgate_xds::{Kind, Snapshot, translate_pieces};

use super::Table;
use crate::load::Fault;

/// What Envoys are told of some pieces, and what is to be known of the APIs in them.
pub(super) struct Served {
    snapshot: Snapshot,
    known: Vec<(String, Known)>,
}

/// What is to be known of an API, where there is something.
#[derive(Debug)]
pub(super) struct Known {
    notes: Option<Notes>,
    /// By what callers are told how their limits stand: its id.
    asked: Option<String>,
}

/// What goes with the snapshot.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// For whom the tokens are that its backends get.
    pub(super) audiences: BTreeSet<String>,
    /// What is not to be forgotten.
    pub(super) notices: Vec<String>,
}

// === impl Known ===

impl Known {
    pub(super) fn of(api: &str, gateway: &Gateway) -> Self {
        let notes = Some(Notes::of(api, gateway)).filter(|notes| !notes.is_empty());
        Self { notes, asked: gateway.asked_id(api) }
    }
}

// === impl Notes ===

impl Notes {
    fn of(api: &str, gateway: &Gateway) -> Self {
        let contract = gateway.contracts.get(api);
        let operations = contract.into_iter().flat_map(|contract| &contract.operations);
        let audiences = operations.filter_map(|one| one.access.token_audience.clone());
        let own = format!("apis.{api}.");
        let notices = gateway.notices.iter().filter(|notice| notice.path.starts_with(&own));
        Self { audiences: audiences.collect(), notices: notices.map(ToString::to_string).collect() }
    }

    fn is_empty(&self) -> bool {
        self.audiences.is_empty() && self.notices.is_empty()
    }
}

// === impl Table ===

impl Table {
    pub(super) fn served(&self, part: &Part) -> Result<Served, Vec<Fault>> {
        let gateway = self.index.compile(&part.apis, false, &self.loaded)?;
        let mut snapshot = Snapshot::default();
        translate_pieces(&mut snapshot, &part.pieces, &gateway);
        let known = part.apis.iter().map(|api| (api.clone(), Known::of(api, &gateway)));
        Ok(Served { snapshot, known: known.collect() })
    }

    pub(super) fn put(&mut self, Served { snapshot, known }: Served) {
        for kind in Kind::ALL {
            let all = snapshot.of(kind);
            self.snapshot.extend(all.map(|(name, one)| (kind, name.clone(), one.clone())));
        }
        for (api, known) in known {
            self.know(&api, known);
        }
    }

    pub(super) fn know(&mut self, api: &str, Known { notes, asked }: Known) {
        set(&mut self.notes, api, notes);
        set(&mut self.asked, api, asked);
    }

    pub(super) fn forget(&mut self, api: &str) {
        self.know(api, Known { notes: None, asked: None });
    }
}

fn set<V>(all: &mut BTreeMap<String, V>, name: &str, value: Option<V>) {
    match value {
        Some(value) => drop(all.insert(name.to_owned(), value)),
        None => drop(all.remove(name)),
    }
}
