//! Who may call.

use tollgate_auth::{AccessSpec, AuthSpec};
use tollgate_gateway::StageSpec;

use crate::words;

pub(super) fn diff(old: &AccessSpec, new: &AccessSpec) -> Vec<String> {
    let mut told = auth(&old.auth, &new.auth);
    let (before, after) = (words::allow(&old.allow), words::allow(&new.allow));
    told.extend(
        after.iter().filter(|need| !before.contains(need)).map(|need| format!("now {need}")),
    );
    let dropped = before.iter().filter(|need| !after.contains(need));
    told.extend(dropped.map(|need| format!("no longer {need}")));
    told
}

fn auth(old: &AuthSpec, new: &AuthSpec) -> Vec<String> {
    match (methods(old), methods(new)) {
        _ if old == new => Vec::new(),
        (_, None) => vec!["may now be called by anybody".to_owned()],
        (None, Some(_)) => vec![format!("is now for {}", words::auth(new))],
        (Some(before), Some(after)) => {
            let gone = before.iter().filter(|name| !after.contains(name));
            let come = after.iter().filter(|name| !before.contains(name));
            let gone = gone.map(|name| format!("no longer accepts {name}"));
            let mut told: Vec<String> = gone.collect();
            told.extend(come.map(|name| format!("now accepts {name} too")));
            match (old, new) {
                (AuthSpec::AnyOf(_), AuthSpec::Optional(_)) => {
                    told.push("may now be called by who shows nothing".to_owned());
                }
                (AuthSpec::Optional(_), AuthSpec::AnyOf(_)) => {
                    told.push("can no longer be called by who shows nothing".to_owned());
                }
                _ => {}
            }
            told
        }
    }
}

fn methods(auth: &AuthSpec) -> Option<&[String]> {
    match auth {
        AuthSpec::None => None,
        AuthSpec::AnyOf(methods) | AuthSpec::Optional(methods) => Some(methods),
    }
}

/// What only reports, and what refuses again.
pub(super) fn shadow(old: &[StageSpec], new: &[StageSpec]) -> Vec<String> {
    let softened = new.iter().filter(|stage| !old.contains(stage));
    let softened = softened.map(|stage| format!("no longer refuses by {}", name(*stage)));
    let hardened = old.iter().filter(|stage| !new.contains(stage));
    softened.chain(hardened.map(|stage| format!("now refuses by {}", name(*stage)))).collect()
}

fn name(stage: StageSpec) -> &'static str {
    match stage {
        StageSpec::Auth => "auth",
        StageSpec::Allow => "allow",
        StageSpec::Limits => "limits",
    }
}
