//! A configuration that is kept, so that a change of an API costs what the API is
//! large.
//!
//! What is kept of APIs is an index: in which file each stands, and which pieces
//! of routes it has a part in. To check some pieces, the APIs in them are read
//! again and compiled as if there were no others; so a fault is the same however
//! it is found, and all of a large configuration is never in memory at once.

mod apis;
mod change;
mod entry;
mod general;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use tollgate_gateway::MatchSpec;

use self::apis::Apis;
pub use self::change::Change;
use self::entry::{Entry, Split, Unsplit, all_split, split};
use self::general::General;
use crate::draft::Draft;
use crate::fault::Faults;
use crate::gateway::ASKED_MAX;
use crate::piece::{Division, names_of_host};
use crate::schema::SCHEMA;
use crate::yaml::{Node, Value};
use crate::{
    Fault, Gateway, Loaded, Place, Reference, RoutePiece, Source, check, shape, side_by_side,
};

/// Reads a file by its name: what it is now, if it is there.
pub type Read<'a> = &'a (dyn Fn(&str) -> Option<Source> + Sync);

/// The index of a configuration, and what in it holds for all APIs.
#[derive(Debug)]
pub struct Workspace {
    /// All but the APIs.
    general: General,
    apis: Apis,
    limits_path: Option<String>,
    checked: AtomicU64,
}

/// A file, as it is kept.
struct Indexed {
    general: Node,
    mark: Option<u64>,
    apis: Vec<(String, Entry)>,
}

/// Pieces that are checked together, with every API that has a part in them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// The pieces.
    pub pieces: BTreeSet<RoutePiece>,
    /// The APIs.
    pub apis: BTreeSet<String>,
}

/// Enough routes to check together that what holds for all APIs is not read for each.
const PART_ROUTES: usize = 1000;

// === impl Indexed ===

impl Indexed {
    fn of(name: &str, read: Read<'_>) -> Result<Self, Unsplit> {
        let source = read(name).ok_or(Unsplit::Together)?;
        let Split { general, mark, apis } = split(&source)?;
        let apis = apis.into_iter().map(|(api, node)| {
            let entry = Entry::of(name, &node);
            (api, entry)
        });
        Ok(Self { general, mark, apis: apis.collect() })
    }
}

// === impl Workspace ===

impl Workspace {
    /// Reads every file. None if there is anything that has to be told by reading
    /// them together, but for files that cannot be read at all.
    pub fn index<'n>(
        names: impl IntoIterator<Item = &'n str>,
        read: Read<'_>,
    ) -> Result<Option<Self>, Vec<Fault>> {
        let names: Vec<&str> = names.into_iter().collect();
        let indexed = side_by_side(&names, |name| Indexed::of(name, read));
        match all_split(indexed.into_iter()) {
            Ok(indexed) => Ok(Self::of(names.into_iter().zip(indexed))),
            Err(Unsplit::Together) => Ok(None),
            Err(Unsplit::Unreadable(faults)) => Err(faults),
        }
    }

    fn of<'n>(files: impl Iterator<Item = (&'n str, Indexed)>) -> Option<Self> {
        let (mut first, mut by_file) = (None, BTreeMap::new());
        let mut apis = Apis::default();
        for (name, Indexed { general, mark, apis: written }) in files {
            for (api, entry) in written {
                if apis.put(&api, Some(entry)).is_some() {
                    return None;
                }
            }
            first.get_or_insert_with(|| general.spot.clone());
            by_file.extend(mark.map(|mark| (name.to_owned(), (mark, general))));
        }
        let general = General::of(first?, by_file)?;
        let limits_path = check::limits_path(&general.whole);
        let checked = AtomicU64::default();
        let this = Self { general, apis, limits_path, checked };
        let agree = this.hosts().values().all(|host| this.agree(host.first_apis(usize::MAX)));
        agree.then_some(this)
    }

    /// Whether the routes come in pieces.
    pub fn is_divided(&self) -> bool {
        check::shards(&self.general.whole).divides(self.routes())
            || self.apis.iter().any(|(_, entry)| !entry.envoys.are_all())
    }

    fn hosts(&self) -> &BTreeMap<String, Division> {
        self.apis.hosts()
    }

    /// Whether some APIs are for the same Envoys.
    fn agree<'a>(&self, apis: impl IntoIterator<Item = &'a str>) -> bool {
        let entries = apis.into_iter().filter_map(|api| self.apis.get(api));
        let mut envoys = entries.map(|entry| &entry.envoys);
        let first = envoys.next();
        envoys.all(|others| Some(others) == first)
    }

    /// How many routes there are, each once for each host of its API.
    pub fn routes(&self) -> usize {
        self.hosts().values().map(Division::routes).sum()
    }

    /// How many APIs have been checked so far, each as often as it was.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// What has to be loaded before anything can be compiled.
    pub fn references(&self) -> Vec<Reference> {
        self.general.references()
    }

    /// Whether any API has this host.
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts().contains_key(host)
    }

    /// In which file an API is written.
    pub fn file_of(&self, api: &str) -> Option<&str> {
        self.apis.get(api).map(|entry| entry.file.as_str())
    }

    /// Where in its file that is.
    pub fn place_of(&self, api: &str, read: Read<'_>) -> Option<Place> {
        let apis = split(&read(self.file_of(api)?)?).ok()?.apis;
        let found = apis.iter().find(|(name, _)| name == api);
        found.map(|(_, node)| Place::from(&node.spot))
    }

    /// All APIs.
    pub fn apis(&self) -> impl Iterator<Item = &str> {
        self.apis.names().map(String::as_str)
    }

    /// The files in which something holds for all APIs.
    pub fn general_files(&self) -> impl Iterator<Item = &str> {
        self.general.files()
    }

    /// The APIs that may have a part in what becomes of requests to a host with this
    /// first segment, in small letters; at least one, if there is any of the host.
    pub fn apis_at(&self, host: &str, segment: &str) -> BTreeSet<String> {
        let mut names = names_of_host(host);
        let Some((host, division)) = names.find_map(|name| self.hosts().get_key_value(&name))
        else {
            return BTreeSet::new();
        };
        let apart = division.piece(host, Some(segment)).filter(|_| division.is_divided());
        let (host, is_whole) = (host.clone(), !division.is_divided());
        let piece = apart.unwrap_or(RoutePiece { host, segment: None, is_whole });
        let apis = division.apis_in(&piece).into_iter().chain(division.first_apis(1));
        apis.map(str::to_owned).collect()
    }

    /// The hosts with a star.
    pub fn wildcards(&self) -> impl Iterator<Item = &str> {
        self.hosts().keys().map(String::as_str).filter(|host| host.starts_with('*'))
    }

    /// Whether some routes may come when the first request does.
    pub fn has_on_demand(&self) -> bool {
        self.apis.has_on_demand()
    }

    /// Everything, a part at a time.
    pub fn parts(&self) -> Vec<Part> {
        let (mut parts, mut part, mut routes) = (Vec::new(), Part::default(), 0_usize);
        for piece in self.hosts().iter().flat_map(|(host, division)| self.pieces_of(host, division))
        {
            let apis = self.apis_of(&piece);
            let weights = apis.iter().filter_map(|api| self.apis.get(api)).map(Entry::routes);
            routes = routes.saturating_add(weights.sum());
            part.apis.extend(apis.into_iter().map(str::to_owned));
            part.pieces.insert(piece);
            if PART_ROUTES <= routes {
                parts.push(std::mem::take(&mut part));
                routes = 0;
            }
        }
        // Those without a host that could be read have to be told of, too.
        let homeless = self.apis.iter().filter(|(_, entry)| entry.is_homeless());
        part.apis.extend(homeless.map(|(api, _)| api.clone()));
        // Without any API there is a fault to be told.
        if !part.apis.is_empty() || parts.is_empty() {
            parts.push(part);
        }
        parts
    }

    fn pieces_of(&self, host: &str, division: &Division) -> Vec<RoutePiece> {
        division.pieces(host, self.limits_path.as_deref())
    }

    /// All APIs that have a part in a piece, also those whose limits are asked for there.
    fn apis_of(&self, piece: &RoutePiece) -> BTreeSet<&str> {
        let Some(division) = self.hosts().get(&piece.host) else { return BTreeSet::new() };
        let mut apis = division.apis_in(piece);
        if self.limits_path.as_deref().is_some_and(|path| piece.has_path(path)) {
            apis.extend(division.first_apis(ASKED_MAX));
        }
        apis
    }

    /// Checks some APIs, as if there were no others; and of what holds for all, with
    /// `everything`, also the backends that none of them names.
    pub fn compile(
        &self,
        apis: &BTreeSet<String>,
        everything: bool,
        read: Read<'_>,
        loaded: &Loaded,
    ) -> Result<Gateway, Vec<Fault>> {
        let compiled = self.compile_with(apis, everything, read, loaded);
        // A fault names what could be meant instead, of all that there is.
        if everything || compiled.is_ok() {
            return compiled;
        }
        self.compile_with(apis, true, read, loaded)
    }

    fn compile_with(
        &self,
        apis: &BTreeSet<String>,
        everything: bool,
        read: Read<'_>,
        loaded: &Loaded,
    ) -> Result<Gateway, Vec<Fault>> {
        // What holds for all is not checked without any.
        let is_any_there = apis.iter().any(|api| self.apis.has(api));
        let any = self.apis.names().take(usize::from(!is_any_there)).cloned();
        let written = self.written(&any.chain(apis.iter().cloned()).collect(), read);
        self.checked.fetch_add(written.len() as u64, Ordering::Relaxed);
        let words = (!everything).then(|| words(&written));
        let mut root = Node { spot: self.general.whole.spot.clone(), value: Value::Null };
        let mut fields: Vec<_> = self.general.whole.fields().to_vec();
        if let (Some(words), Some((_, backends))) =
            (&words, fields.iter_mut().find(|(name, _)| name == "backends"))
            && let Value::Mapping(all) = &mut backends.value
        {
            all.retain(|(name, _)| words.contains(name));
        }
        let spot = root.spot.clone();
        fields.push(("apis".to_owned(), Node { spot, value: Value::Mapping(written) }));
        root.value = Value::Mapping(fields);
        let mut faults = Faults::default();
        shape::hold(&SCHEMA, &mut root, &mut faults);
        let mut gateway = Draft::of(root, faults).compile(loaded)?;
        check::reserve(&mut gateway, &self.apis.critical().collect());
        Ok(gateway)
    }

    fn written(&self, apis: &BTreeSet<String>, read: Read<'_>) -> Vec<(String, Node)> {
        let files = apis.iter().filter_map(|api| Some(self.apis.get(api)?.file.as_str()));
        let files: BTreeSet<_> = files.collect();
        let written = files.into_iter().filter_map(|file| split(&read(file)?).ok());
        written.flat_map(|split| split.apis).filter(|(api, _)| apis.contains(api)).collect()
    }
}

/// Every text in some APIs: the names of their backends are among them.
fn words(written: &[(String, Node)]) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut left: Vec<&Node> = written.iter().map(|(_, node)| node).collect();
    while let Some(node) = left.pop() {
        if let Value::String(text) = &node.value {
            words.insert(text.clone());
        }
        words.extend(node.fields().iter().map(|(name, _)| name.clone()));
        left.extend(node.items());
        left.extend(node.fields().iter().map(|(_, node)| node));
    }
    words
}

/// The match of a route as far as its first segment is decided by it.
fn match_of(route: &Node) -> MatchSpec {
    let text = |name: &str| match &route.get("match")?.get(name)?.value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let (path, prefix, regex) = (text("path"), text("prefix"), text("regex"));
    MatchSpec { path, prefix, regex, ..MatchSpec::default() }
}
