use tollgate_auth::{AcceptedSpec, AllowSpec, AuthSpec, ScalarSpec, ScopesSpec};

use super::listed;

/// How callers prove who they are.
pub(crate) fn auth(auth: &AuthSpec) -> String {
    match auth {
        AuthSpec::None => "anybody may call".to_owned(),
        AuthSpec::AnyOf(methods) => format!("callers by {}", listed(methods, "or")),
        AuthSpec::Optional(methods) => format!("callers by {}, or nobody", listed(methods, "or")),
    }
}

/// What they must have been granted, each as it follows `needs`.
pub(crate) fn allow(allow: &AllowSpec) -> Vec<String> {
    let AllowSpec { scopes, groups, claims, when } = allow;
    let mut needs = match scopes {
        ScopesSpec::All(all) => all.iter().map(|scope| format!("scope {scope}")).collect(),
        ScopesSpec::Any { any } => vec![format!("one of the scopes {}", listed(any, "or"))],
    };
    if let Some(groups) = groups {
        needs.push(format!("to be in group {}", listed(groups, "or")));
    }
    needs.extend(claims.iter().map(|(name, value)| format!("claim {name} = {}", accepted(value))));
    needs.extend(when.iter().map(|when| format!("`{when}` to hold")));
    needs.into_iter().map(|need| format!("needs {need}")).collect()
}

fn accepted(value: &AcceptedSpec) -> String {
    match value {
        AcceptedSpec::Text(text) => text.clone(),
        AcceptedSpec::Number(number) => number.to_string(),
        AcceptedSpec::Truth(truth) => truth.to_string(),
        AcceptedSpec::AnyOf(values) => listed(&values.iter().map(scalar).collect::<Vec<_>>(), "or"),
    }
}

fn scalar(value: &ScalarSpec) -> String {
    match value {
        ScalarSpec::Text(text) => text.clone(),
        ScalarSpec::Number(number) => number.to_string(),
        ScalarSpec::Truth(truth) => truth.to_string(),
    }
}
