//! How Envoy is told its routes.

use std::collections::BTreeSet;

use crate::at::At;
use crate::fault::Faults;
use crate::spec::RoutingFile;

pub(super) fn routing(root: &At<'_>, faults: &mut Faults) -> RoutingFile {
    let file = root.get("routing").and_then(|at| at.read::<RoutingFile>(faults));
    file.unwrap_or_default()
}

/// The APIs whose routes need not be there before they are asked for.
pub(super) fn on_demand(root: &At<'_>, faults: &mut Faults) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, api) in root.fields("apis") {
        if api.get("on_demand").and_then(|at| at.read(faults)) == Some(true) {
            names.insert(name.to_owned());
        }
    }
    names
}
