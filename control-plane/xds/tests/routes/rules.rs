//! What the manual says about which route serves a request.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_gateway::{MatchSpec, ValueSpec};
use tollgate_model::HostRoute;

use crate::Sent;

/// The first route that fits, letter case aside, unless the case is wrong.
pub(crate) fn serves(routes: &[HostRoute], sent: &Sent) -> Option<String> {
    let lower = |text: &str| text.to_ascii_lowercase();
    let fits = |route: &&HostRoute| {
        has_path(&route.matcher, &lower(&sent.path))
            && has_method(&route.matcher, sent)
            && conditions_hold(&route.matcher, sent)
    };
    let first = routes.iter().find(fits)?;
    has_path(&first.matcher, &sent.path).then(|| format!("{}/{}", first.api, first.route))
}

pub(crate) fn methods_instead(routes: &[HostRoute], sent: &Sent) -> Vec<String> {
    let fits = |route: &&HostRoute| {
        has_path(&route.matcher, &sent.path)
            && !has_method(&route.matcher, sent)
            && conditions_hold(&route.matcher, sent)
    };
    let methods = routes.iter().filter(fits).flat_map(|route| route.matcher.methods.clone());
    methods.collect::<BTreeSet<_>>().into_iter().collect()
}

fn has_method(spec: &MatchSpec, sent: &Sent) -> bool {
    spec.methods.is_empty() || spec.methods.iter().any(|method| method == sent.method)
}

fn conditions_hold(spec: &MatchSpec, sent: &Sent) -> bool {
    let query = match sent.query {
        "?v=1+%2b" | "?v=%31%20%2B" => Some("1 +"),
        "?v=2" => Some("2"),
        _ => None,
    };
    holds(&spec.headers, sent.version) && holds(&spec.query, query)
}

fn holds(conditions: &BTreeMap<String, ValueSpec>, value: Option<&str>) -> bool {
    conditions.values().all(|condition| match condition {
        ValueSpec::Exact(exact) => value == Some(exact.as_str()),
        ValueSpec::Present { present } => value.is_some() == *present,
        ValueSpec::Regex { .. } => panic!("not generated"),
    })
}

fn has_path(spec: &MatchSpec, path: &str) -> bool {
    let decoded = path.replace("%3a", ":");
    let sent: Vec<_> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
    if let Some(regex) = &spec.regex {
        let path = format!("/{}", sent.join("/"));
        let regex = regex::Regex::new(&format!("^(?:{regex})$")).unwrap();
        let with_slash = decoded.ends_with('/') && regex.is_match(&decoded);
        return with_slash || regex.is_match(&path);
    }
    let wanted = spec.path.as_deref().or(spec.prefix.as_deref()).unwrap();
    let wanted: Vec<_> = wanted.split('/').filter(|segment| !segment.is_empty()).collect();
    let long_enough =
        if spec.path.is_some() { wanted.len() == sent.len() } else { wanted.len() <= sent.len() };
    long_enough && wanted.iter().zip(&sent).all(|(w, s)| w == s || w.starts_with('{'))
}
