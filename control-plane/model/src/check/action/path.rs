//! Other paths than the caller's.

use tollgate_gateway::MatchSpec;

use super::Judged;
use crate::at::At;
use crate::check::host;
use crate::check::route::{match_fault, path_parameters};
use crate::fault::Faults;
use crate::spec::RewriteSpec;
use crate::{PathRewrite, Piece};

/// Why another path or host was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidRewrite {
    #[error("has {0} and {1}; write only one of path, prefix and regex")]
    Several(&'static str, &'static str),
    #[error("has nothing in it; write one of path, prefix, regex and host")]
    Nothing,
    #[error("{0:?} is not a path; write one that begins with a slash, without query and blanks")]
    Path(String),
    #[error("{0:?} has a brace without its other one; write parameters as {{id}}")]
    Brace(String),
    #[error("no path parameter is named {0:?}; {1}")]
    Parameter(String, String),
    #[error("{0:?} is after the ninth parameter of the path; use regex")]
    Tenth(String),
    #[error("there is no `match.prefix` that this could stand for; write path or regex")]
    NoPrefix,
    #[error("`regex` and `substitution` belong together; write both, or none of them")]
    Alone,
    #[error("{0:?} has a backslash before neither a digit nor a backslash; write \\\\ for one")]
    Backslash(String),
    #[error("{substitution:?} speaks of group {group}, and `regex` has {groups}")]
    Group { substitution: String, group: u32, groups: u32 },
    #[error("{0:?} is not a host name; write one such as orders.internal")]
    Host(String),
}

/// The four fields, whoever has them.
pub(super) struct Written {
    pub(super) path: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) regex: Option<String>,
    pub(super) substitution: Option<String>,
}

/// Path and host.
pub(super) fn rewrite(
    route: &Judged<'_>,
    spec: RewriteSpec,
    faults: &mut Faults,
) -> (Option<PathRewrite>, Option<String>) {
    let RewriteSpec { path, prefix, regex, substitution, host } = spec;
    let Some(at) = route.at.get("rewrite") else { return (None, None) };
    if at.node.fields().is_empty() {
        at.fault(faults, InvalidRewrite::Nothing.to_string());
    }
    let written = Written { path, prefix, regex, substitution };
    (self::path(route, &at, written, faults), self::host(&at, host, faults))
}

pub(super) fn host(at: &At<'_>, host: Option<String>, faults: &mut Faults) -> Option<String> {
    let host = host?;
    if !host::is_host_name(&host) {
        at.get("host")?.fault(faults, InvalidRewrite::Host(host.clone()).to_string());
    }
    Some(host)
}

const PATHS: [&str; 3] = ["path", "prefix", "regex"];

pub(super) fn path(
    route: &Judged<'_>,
    at: &At<'_>,
    written: Written,
    faults: &mut Faults,
) -> Option<PathRewrite> {
    both_or_none(at, faults);
    let mut named = PATHS.into_iter().filter(|name| at.node.get(name).is_some());
    let field = named.next()?;
    if let Some(other) = named.next() {
        at.fault(faults, InvalidRewrite::Several(field, other).to_string());
        return None;
    }
    let Written { path, prefix, regex, substitution } = written;
    let checked = match (path, prefix, regex) {
        (Some(path), _, _) => whole(route, path),
        (None, Some(prefix), _) => beginning(route, prefix),
        (None, None, regex) => return found(route, at, regex?, substitution?, faults),
    };
    let at = at.get(field)?;
    checked.map_err(|invalid| at.fault(faults, invalid.to_string())).ok()
}

fn both_or_none(at: &At<'_>, faults: &mut Faults) {
    for (one, other) in [("regex", "substitution"), ("substitution", "regex")] {
        if let (Some(at), None) = (at.get(one), at.node.get(other)) {
            at.fault(faults, InvalidRewrite::Alone.to_string());
        }
    }
}

fn whole(route: &Judged<'_>, path: String) -> Result<PathRewrite, InvalidRewrite> {
    if !is_path(&path) {
        return Err(InvalidRewrite::Path(path));
    }
    let template = template(&path, &path_parameters(route.at))?;
    let takes = template.iter().any(|piece| matches!(piece, Piece::Parameter(_)));
    let matched = route.matcher.and_then(|matcher| matcher.path.clone()).filter(|_| takes);
    Ok(PathRewrite::Whole { matched, template })
}

/// A host in it, or a query, would be something else than a path.
fn is_path(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\');
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(fits)
}

fn template(path: &str, parameters: &[&str]) -> Result<Vec<Piece>, InvalidRewrite> {
    let brace = || InvalidRewrite::Brace(path.to_owned());
    let mut pieces = Vec::new();
    let mut rest = path;
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(brace)?;
        pieces.push(Piece::Text(text.to_owned()));
        pieces.push(Piece::Parameter(place(name, parameters)?));
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    let is_stray = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains('}'));
    if pieces.iter().any(is_stray) { Err(brace()) } else { Ok(pieces) }
}

/// Expressions have nine groups that can be spoken of.
fn place(name: &str, parameters: &[&str]) -> Result<u32, InvalidRewrite> {
    let place = parameters.iter().position(|parameter| *parameter == name).ok_or_else(|| {
        let has = match parameters {
            [] => "`match.path` has none".to_owned(),
            _ => format!("the path has {}", parameters.join(", ")),
        };
        InvalidRewrite::Parameter(name.to_owned(), has)
    })?;
    let place = u32::try_from(place).ok().and_then(|place| place.checked_add(1));
    place.filter(|place| *place <= 9).ok_or_else(|| InvalidRewrite::Tenth(name.to_owned()))
}

fn beginning(route: &Judged<'_>, prefix: String) -> Result<PathRewrite, InvalidRewrite> {
    if !is_path(&prefix) || prefix.contains(['{', '}']) {
        return Err(InvalidRewrite::Path(prefix));
    }
    let matched = match route.matcher {
        Some(MatchSpec { prefix: Some(matched), .. }) => matched.clone(),
        Some(_) => return Err(InvalidRewrite::NoPrefix),
        // It was at fault, and told.
        None => String::new(),
    };
    Ok(PathRewrite::Prefix { matched, prefix })
}

fn found(
    route: &Judged<'_>,
    at: &At<'_>,
    regex: String,
    substitution: String,
    faults: &mut Faults,
) -> Option<PathRewrite> {
    let matcher = MatchSpec { regex: Some(regex.clone()), ..MatchSpec::default() };
    if let Some(text) = match_fault(&matcher, route.known) {
        at.get("regex")?.fault(faults, text);
    } else if let Err(invalid) = holds(&substitution, groups(&regex)) {
        at.get("substitution")?.fault(faults, invalid.to_string());
    }
    Some(PathRewrite::Regex { regex, substitution })
}

/// How many groups an expression has that can be spoken of. It is one, that is known.
fn groups(regex: &str) -> u32 {
    let (mut groups, mut in_class) = (0_u32, false);
    let mut rest = regex.chars();
    while let Some(char) = rest.next() {
        match char {
            '\\' => drop(rest.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let after = rest.as_str();
                let is_named = after.starts_with("?P<") || after.starts_with("?<");
                groups = groups.saturating_add(u32::from(is_named || !after.starts_with('?')));
            }
            _ => {}
        }
    }
    groups
}

fn holds(substitution: &str, groups: u32) -> Result<(), InvalidRewrite> {
    let mut rest = substitution.chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            continue;
        }
        let next = rest.next();
        let group = next.and_then(|next| next.to_digit(10));
        if group.is_none() && next != Some('\\') {
            return Err(InvalidRewrite::Backslash(substitution.to_owned()));
        }
        if let Some(group) = group.filter(|group| groups < *group) {
            let substitution = substitution.to_owned();
            return Err(InvalidRewrite::Group { substitution, group, groups });
        }
    }
    Ok(())
}
