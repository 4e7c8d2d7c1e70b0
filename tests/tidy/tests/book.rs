//! The manual, `docs/`, and every other page: links lead somewhere, code is what
//! it says, every refusal has its section, and what is generated is up to date.

#![expect(clippy::unwrap_used, reason = "a checkout that cannot be read is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use saphyr_parser::Parser;
use tollgate_tidy::{root, text_files};

/// Every page, by its path. Beside code lie only parts of pages.
fn pages() -> Vec<(String, String)> {
    text_files().into_iter().filter(|(path, _)| is_page(path)).collect()
}

fn is_page(path: &str) -> bool {
    !path.contains("/src/") && Path::new(path).extension().is_some_and(|found| found == "md")
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for (page, text) in pages() {
        for target in links(&text).filter(|target| !target.contains(':')) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { PathBuf::from(&page) } else { beside(&page, file) };
            if !leads_to(&root().join(path), heading) {
                broken.push(format!("{page}: {target}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// The targets of a page's links. What stands in code is none.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    let targets = prose.flat_map(|prose| prose.split("](").skip(1));
    targets.filter_map(|rest| rest.split(')').next())
}

/// A path that a page names, from the root.
fn beside(page: &str, file: &str) -> PathBuf {
    let mut path = PathBuf::from(page);
    path.pop();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

fn leads_to(path: &Path, heading: &str) -> bool {
    if heading.is_empty() {
        return path.exists();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| slug(line.trim_start_matches('#').trim())).any(|slug| slug == heading)
}

/// How a heading is linked to.
fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|&c| c.is_alphanumeric() || c == ' ' || c == '-' || c == '_');
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_page_of_the_manual_is_in_its_contents() {
    let contents = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let named: Vec<&str> = links(&contents).collect();
    let pages =
        pages().into_iter().filter_map(|(path, _)| Some(path.strip_prefix("docs/")?.to_owned()));
    let missing: Vec<_> =
        pages.filter(|page| page != "SUMMARY.md" && !named.contains(&&**page)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn code_is_what_it_says() {
    let mut wrong = Vec::new();
    for (page, text) in pages() {
        for (language, code) in blocks(&text) {
            let is_good = match language {
                "json" => serde_json::from_str::<serde_json::Value>(code).is_ok(),
                "yaml" => is_yaml(code),
                "sh" => is_shell(code),
                "console" => is_shell(&commands(code)),
                _ => true,
            };
            if !is_good {
                wrong.push(format!("{page}: this is no {language}:\n{code}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The fenced blocks of a page: their languages, and what stands in them.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'))
}

/// What is typed, without what is printed.
fn commands(code: &str) -> String {
    let mut goes_on = false;
    let typed = code.lines().filter(|line| {
        let is_typed = goes_on || line.starts_with("$ ");
        goes_on = is_typed && line.ends_with('\\');
        is_typed
    });
    let typed = typed.map(|line| line.strip_prefix("$ ").unwrap_or(line));
    typed.collect::<Vec<_>>().join("\n")
}

fn is_yaml(code: &str) -> bool {
    Parser::new_from_str(code).all(|event| event.is_ok())
}

fn is_shell(code: &str) -> bool {
    let mut shell = Command::new("sh").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    shell.wait().unwrap().success()
}

/// What callers are told is one page, with a section for each kind of refusal.
#[test]
fn every_refusal_has_its_section() {
    let catalogue = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let sections = catalogue.split("\n## ").skip(1).filter_map(|section| {
        let (name, rest) = section.split_once("\n\n")?;
        Some((name.to_owned(), rest.lines().next()?.to_owned()))
    });
    let written: BTreeMap<String, String> = sections.collect();
    let code = text_files().into_iter().filter(|(path, _)| is_filter_code(path));
    let replies = root().join("control-plane/xds/src/listener/replies.rs");
    let mut told = envoys(&std::fs::read_to_string(replies).unwrap());
    assert!(told.contains_key("backend-timeout"), "{told:?}");
    // Some names are Envoy's too; a filter says better what is the matter.
    told.extend(code.flat_map(|(_, text)| problems(&text)));
    assert!(told.contains_key("rate-limited"), "{told:?}");
    assert_eq!(written, told);
}

/// The problems that Envoy tells by itself: `(504, "backend-timeout", "…"),`.
fn envoys(code: &str) -> BTreeMap<String, String> {
    let rows = code.lines().filter_map(|line| line.trim().strip_prefix('('));
    let read = |row: &str| {
        let (status, rest) = row.split_once(", \"")?;
        let (name, rest) = rest.split_once("\", \"")?;
        let title = rest.strip_suffix("\"),")?;
        Some((name.to_owned(), format!("**{status}** {title}.")))
    };
    rows.filter_map(read).collect()
}

/// Operators look up what a field of a line in the access log is.
#[test]
fn every_field_of_the_access_log_is_explained() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let code = read("control-plane/xds/src/listener/access_log.rs");
    let (_, fields) = code.split_once("const FIELDS").unwrap();
    let (fields, _) = fields.split_once("];\n\n").unwrap();
    let fields =
        fields.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split('"').next());
    let manual = read("docs/operations.md");
    let (_, section) = manual.split_once("### The access log\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let explained = cells.flat_map(|cell| cell.trim_end_matches('`').split("`, `"));
    let (fields, explained): (BTreeSet<_>, BTreeSet<_>) = (fields.collect(), explained.collect());
    assert!(fields.contains("shadow"), "{fields:?}");
    assert_eq!(explained, fields);
}

fn is_filter_code(path: &str) -> bool {
    path.starts_with("filters/") && path.contains("/src/") && !path.ends_with("testing.rs")
}

/// Names of the problems that a file defines, each with its status and title as
/// the catalogue shows them.
fn problems(code: &str) -> Vec<(String, String)> {
    let defined = code.split("Problem {").skip(1);
    let read = |definition: &str| {
        let after = |label: &str| definition.split_once(label).map(|(_, rest)| rest);
        let text = |label: &str| Some(after(label)?.split('"').nth(1)?.to_owned());
        let status = after("status: ")?.split(',').next()?.to_owned();
        let is_one = status.parse::<u16>().is_ok();
        is_one.then_some((text("name: ")?, format!("**{status}** {}.", text("title: ")?)))
    };
    defined.filter_map(|rest| read(rest.split('}').next()?)).collect()
}

#[test]
fn resources_for_kubernetes_are_those_of_the_filters() {
    let mut script = Command::new("python3");
    let done =
        script.args(["scripts/kubernetes.py", "--check"]).current_dir(root()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Envoy in a container, or beside a relay, begins as every other does, but for addresses.
#[test]
fn the_other_bootstraps_are_the_one_that_ships() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let shipped = read("envoy/bootstrap.yaml");
    let others = ["compose", "relay"].map(|name| read(&format!("envoy/{name}/bootstrap.yaml")));
    let parts = [
        "cluster_manager",
        "stats_config",
        "layered_runtime",
        "dynamic_resources",
        "overload_manager",
    ];
    for part in parts.map(|name| format!("\n{name}:\n")) {
        let of = |text: &str| {
            let (_, rest) = text.split_once(&part).unwrap();
            rest.split("\n\n").next().unwrap().to_owned()
        };
        for other in &others {
            assert_eq!(of(other), of(&shipped), "{part}");
        }
    }
}

#[test]
fn links_headings_and_commands_are_read() {
    assert_eq!(links("[a](b.md) ```sh\n[c](d)\n``` [e](f#g)").collect::<Vec<_>>(), ["b.md", "f#g"]);
    assert_eq!(beside("docs/a.md", "../examples/x"), PathBuf::from("examples/x"));
    assert_eq!(slug("What must stay in"), "what-must-stay-in");
    assert_eq!(slug("`limits`: how often"), "limits-how-often");
    assert_eq!(commands("$ a \\\n  b\nprinted\n$ c\n"), "a \\\n  b\nc");
    assert!(!is_shell("if"));
    assert!(is_yaml("a: { b: [c, ...] }") && !is_yaml("a: { b: [c }"));
    let code = "const A: Problem =\n    Problem { status: 401, name: \"a-b\", title: \"No\" };";
    assert_eq!(problems(code), [("a-b".to_owned(), "**401** No.".to_owned())]);
}
