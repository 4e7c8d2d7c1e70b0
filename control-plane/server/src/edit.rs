//! A change of one object by the admin API, where the configuration is large.
//!
//! Whoever follows that configuration has its index, so that is asked to make the
//! change: check what it touches, keep it, and serve it.

use std::sync::mpsc::SyncSender;

use serde_json::Value;
use tollgate_callers::Differences;
use tollgate_model::Site;
use tollgate_store::ChangeFailed;

use crate::load::Fault;

/// What somebody wants to change.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    /// The section, and the name there.
    pub(crate) key: (String, String),
    /// What it becomes; nothing deletes it.
    pub(crate) body: Option<String>,
    /// The number of its last change; 0 if it is to be new.
    pub(crate) sequence: u64,
    pub(crate) author: String,
    /// Where the author may write APIs; anywhere without.
    pub(crate) sites: Option<Vec<Site>>,
    /// Whether it is only told what would change.
    pub(crate) is_dry_run: bool,
}

/// An operator of some sites has no more APIs than this, each with no more routes.
const APIS_MAX: u32 = 100;
const ROUTES_MAX: usize = 1000;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Edited {
    /// Nothing if it was only told.
    pub(crate) revision: Option<u64>,
    pub(crate) differences: Differences,
}

/// Why nothing came of it.
#[derive(Debug)]
pub(crate) enum NotEdited {
    /// It would not be good.
    Faults(Vec<Fault>),
    /// The object is written in a file, at this place.
    Elsewhere(String),
    /// This route lies where the author may not write.
    Outside(String),
    /// It cannot be kept.
    Store(ChangeFailed),
    /// It has to be checked together with everything else.
    Together,
}

/// Where the answer is awaited.
pub(crate) type Reply = SyncSender<Result<Edited, NotEdited>>;

// === impl Edit ===

impl Edit {
    /// As it is kept.
    pub(crate) fn kept(&self) -> tollgate_store::Edit<'_> {
        let (kind, name) = (self.key.0.as_str(), self.key.1.as_str());
        let at_most = self.sites.as_ref().map(|_| APIS_MAX);
        tollgate_store::Edit {
            kind,
            name,
            body: self.body.as_deref(),
            sequence: self.sequence,
            at_most,
        }
    }

    /// That it has more routes than an operator of some sites may write.
    pub(crate) fn too_many_routes(&self) -> Option<String> {
        self.sites.as_ref()?;
        let body: Value = serde_json::from_str(self.body.as_deref()?).ok()?;
        let routes = body.get("routes")?.as_object()?.len();
        (ROUTES_MAX < routes).then(|| {
            format!(
                "apis.{}.routes: {routes} are more than the {ROUTES_MAX} that an API of this \
                 operator may have; divide it into several",
                self.key.1
            )
        })
    }

    /// Whether it is one of an API.
    pub(crate) fn is_of_api(&self) -> bool {
        self.key.0 == "apis"
    }
}
