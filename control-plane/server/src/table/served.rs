//! What comes of a part of a large configuration.

use std::collections::BTreeSet;

use tollgate_model::{Gateway, Part};
use tollgate_xds::{Kind, Snapshot, translate_pieces};

use super::Table;
use crate::load::Fault;

/// What Envoys are told of some pieces, and what is to be known of the APIs in them.
pub(super) struct Served {
    snapshot: Snapshot,
    notes: Vec<(String, Notes)>,
}

/// What is to be known of an API.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// For whom the tokens are that its backends get.
    pub(super) audiences: BTreeSet<String>,
    /// What is not to be forgotten.
    pub(super) notices: Vec<String>,
    /// By what callers are told how their limits stand: its id.
    pub(super) asked: Option<String>,
}

// === impl Notes ===

impl Notes {
    pub(super) fn of(api: &str, gateway: &Gateway) -> Self {
        let contract = gateway.contracts.get(api);
        let operations = contract.into_iter().flat_map(|contract| &contract.operations);
        let audiences = operations.filter_map(|one| one.access.token_audience.clone());
        let own = format!("apis.{api}.");
        let notices = gateway.notices.iter().filter(|notice| notice.path.starts_with(&own));
        let (audiences, notices) = (audiences.collect(), notices.map(ToString::to_string));
        Self { audiences, notices: notices.collect(), asked: gateway.asked_id(api) }
    }

    fn is_empty(&self) -> bool {
        self.audiences.is_empty() && self.notices.is_empty() && self.asked.is_none()
    }
}

// === impl Table ===

impl Table {
    pub(super) fn served(&self, part: &Part) -> Result<Served, Vec<Fault>> {
        let gateway = self.index.compile(&part.apis, false, &self.loaded)?;
        let mut snapshot = Snapshot::default();
        translate_pieces(&mut snapshot, &part.pieces, &gateway);
        let notes = part.apis.iter().map(|api| (api.clone(), Notes::of(api, &gateway)));
        Ok(Served { snapshot, notes: notes.collect() })
    }

    pub(super) fn put(&mut self, Served { snapshot, notes }: Served) {
        for kind in Kind::ALL {
            let all = snapshot.of(kind);
            self.snapshot.extend(all.map(|(name, one)| (kind, name.clone(), one.clone())));
        }
        for (api, notes) in notes {
            self.note(api, notes);
        }
    }

    pub(super) fn note(&mut self, api: String, notes: Notes) {
        if notes.is_empty() {
            self.notes.remove(&api);
        } else {
            self.notes.insert(api, notes);
        }
    }
}
