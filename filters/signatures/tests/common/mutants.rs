//! A signed request with one thing changed, for each thing that could be.

use super::Sent;

/// Every mutant, with what was done to it. Of headers those in `covered`.
pub(crate) fn mutants(sent: &Sent, covered: &[String]) -> Vec<(String, Sent)> {
    let mut mutants = vec![
        ("another method".to_owned(), Sent { method: format!("{}X", sent.method), ..sent.clone() }),
        (
            "another host".to_owned(),
            Sent { authority: format!("x{}", sent.authority), ..sent.clone() },
        ),
    ];
    targets(sent, &mut mutants);
    headers(sent, covered, &mut mutants);
    bodies(sent, &mut mutants);
    mutants
}

fn targets(sent: &Sent, mutants: &mut Vec<(String, Sent)>) {
    let mut add = |what: String, target: String| {
        mutants.push((what, Sent { target, ..sent.clone() }));
    };
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    let mark = if query.is_empty() { "" } else { "?" };
    let and = if query.is_empty() { "" } else { "&" };
    add("a longer path".to_owned(), format!("{path}x{mark}{query}"));
    add("one parameter more".to_owned(), format!("{path}?{query}{and}x=y"));
    if query.is_empty() {
        return;
    }
    add("no query".to_owned(), path.to_owned());
    let parts: Vec<_> = query.split('&').collect();
    for (place, part) in parts.iter().enumerate() {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        for (what, part) in [
            (format!("{name} renamed"), format!("x{name}={value}")),
            (format!("{name} with another value"), format!("{name}={value}0")),
            (format!("{name} twice"), format!("{part}&{part}")),
        ] {
            let mut parts: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
            parts[place] = part;
            add(what, format!("{path}?{}", parts.join("&")));
        }
        let mut rest = parts.clone();
        rest.remove(place);
        let mark = if rest.is_empty() { "" } else { "?" };
        add(format!("{name} left out"), format!("{path}{mark}{}", rest.join("&")));
    }
}

fn headers(sent: &Sent, covered: &[String], mutants: &mut Vec<(String, Sent)>) {
    for (place, (name, value)) in sent.headers.iter().enumerate() {
        if !covered.contains(name) {
            continue;
        }
        let mut changed = sent.clone();
        changed.headers[place].1 = format!("{value}0");
        mutants.push((format!("{name} with another value"), changed));
        let mut missing = sent.clone();
        missing.headers.remove(place);
        mutants.push((format!("{name} left out"), missing));
        let mut twice = sent.clone();
        twice.headers.push((name.clone(), value.clone()));
        mutants.push((format!("{name} twice"), twice));
    }
}

fn bodies(sent: &Sent, mutants: &mut Vec<(String, Sent)>) {
    let longer = [&sent.body[..], b"x"].concat();
    mutants.push(("a longer body".to_owned(), Sent { body: longer, ..sent.clone() }));
    if let [first, rest @ ..] = &sent.body[..] {
        let other = [&[first ^ 1], rest].concat();
        mutants.push(("another body".to_owned(), Sent { body: other, ..sent.clone() }));
        mutants.push(("no body".to_owned(), Sent { body: Vec::new(), ..sent.clone() }));
    }
}
