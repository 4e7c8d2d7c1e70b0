use tollgate_model::{Fault, Loaded, Source, document, read};

use crate::document::Document;
use crate::naming::{Names, slug};
use crate::operation::{Route, routes};
use crate::security::{Auth, Schemes};
use crate::server::{Server, server};
use crate::text;

/// What the document does not say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// What the API is called; its title by default.
    pub name: Option<String>,
    /// The hosts that it is offered under; all by default.
    pub hosts: Vec<String>,
    /// Where requests go: `HOST:PORT`. The document's first server by default.
    pub backend: Option<String>,
    /// The issuer of tokens, where the document names none.
    pub issuer: Option<String>,
    /// Whom tokens must be for.
    pub audience: Option<String>,
}

/// What was made of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Imported {
    /// The configuration.
    pub text: String,
    /// What could not be taken over, and what is to be filled in.
    pub notices: Vec<String>,
}

/// Why nothing could be made of it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum ImportFailed {
    #[error("{}", lines(.0))]
    Unreadable(Vec<Fault>),
    #[error("{0}: is no OpenAPI document of version 3.0 or 3.1; its field `openapi` says so")]
    NotOpenApi(String),
    #[error("{0}: has no operation that can be taken over; the notices say why")]
    Nothing(String, Vec<String>),
    #[error("what was made of it is not good:\n{}", lines(.0))]
    NotGood(Vec<Fault>),
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Everything that is written.
pub(crate) struct Draft {
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) hosts: Vec<String>,
    pub(crate) server: Server,
    pub(crate) schemes: Schemes,
    pub(crate) routes: Vec<Route>,
}

/// Makes a configuration of an OpenAPI document, in YAML or JSON.
pub fn import(source: &Source, options: &Options) -> Result<Imported, ImportFailed> {
    let root = document(source).map_err(ImportFailed::Unreadable)?;
    let document = Document::new(&root);
    if !document.is_supported() {
        return Err(ImportFailed::NotOpenApi(source.name.clone()));
    }
    let mut notices = Vec::new();
    let name = options.name.clone().unwrap_or_else(|| slug(document.title(), "api"));
    let server = server(document, options.backend.as_deref(), &mut notices);
    let schemes = Schemes::of(document, options, &mut notices);
    let routes = routes(document, &server, &schemes, &mut Names::default(), &mut notices);
    let hosts = if options.hosts.is_empty() { vec!["*".to_owned()] } else { options.hosts.clone() };
    let title = document.title().to_owned();
    let draft = Draft { title, name, hosts, server, schemes, routes };
    good(draft, notices, &source.name)
}

/// Leaves out the routes that the gateway would refuse, and tells why.
fn good(
    mut draft: Draft,
    mut notices: Vec<String>,
    document: &str,
) -> Result<Imported, ImportFailed> {
    loop {
        if draft.routes.is_empty() {
            return Err(ImportFailed::Nothing(document.to_owned(), notices));
        }
        let text = text::of(&draft);
        let faults = match faults(&text) {
            Ok(()) => {
                notices.extend(open(&draft.routes));
                return Ok(Imported { text, notices });
            }
            Err(faults) => faults,
        };
        let before = draft.routes.len();
        let prefix = format!("apis.{}.routes.", draft.name);
        for fault in &faults {
            let Some(rest) = fault.path.strip_prefix(&prefix) else { continue };
            let name = rest.split('.').next().unwrap_or_default();
            if let Some(place) = draft.routes.iter().position(|route| route.name == name) {
                let Route { call, .. } = draft.routes.remove(place);
                notices.push(format!("{call} is left out: {}", fault.message));
            }
        }
        if draft.routes.len() == before {
            return Err(ImportFailed::NotGood(faults));
        }
    }
}

fn open(routes: &[Route]) -> Option<String> {
    let open = routes.iter().filter(|route| route.auth == Auth::Anybody).count();
    (0 < open).then(|| format!("of {} routes {open} may be called by anybody", routes.len()))
}

fn faults(text: &str) -> Result<(), Vec<Fault>> {
    let bytes = text.as_bytes().to_vec();
    let draft = read(&[Source { name: "imported".to_owned(), bytes }])?;
    draft.compile(&Loaded::default()).map(drop)
}
