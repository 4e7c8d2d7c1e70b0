use crate::check;
use crate::fault::{Fault, Faults};
use crate::merge::merge;
use crate::path::Path;
use crate::place::Spot;
use crate::schema::SCHEMA;
use crate::yaml::{Node, Value};
use crate::{Gateway, Loaded, Reference, Source};
use crate::{shape, yaml};

/// What was read, before what it refers to has been loaded.
///
/// Faults found so far are kept until [`Draft::compile`], so that all of them
/// are told together.
#[derive(Debug)]
pub struct Draft {
    root: Node,
    faults: Faults,
}

/// Reads the files of one gateway.
///
/// An error is what no tree could be made of: not YAML, not UTF-8, too large.
pub fn read(sources: &[Source]) -> Result<Draft, Vec<Fault>> {
    let mut faults = Faults::default();
    if sources.is_empty() {
        let nowhere = Spot { file: ".".into(), line: 1 };
        faults.push(&nowhere, &Path::default(), "there is no file; write tollgate.yaml");
    }
    let roots: Vec<Option<Node>> =
        sources.iter().map(|source| mapping(source, &mut faults)).collect();
    let roots: Option<Vec<Node>> = roots.into_iter().collect();
    let Some(mut root) = roots.and_then(|roots| merge(roots, &mut faults)) else {
        return Err(faults.into_sorted());
    };
    shape::hold(&SCHEMA, &mut root, &mut faults);
    Ok(Draft { root, faults })
}

/// Reads a file that is no configuration, by the same rules and within the same bounds.
pub fn document(source: &Source) -> Result<serde_json::Value, Vec<Fault>> {
    let mut faults = Faults::default();
    let Source { name, bytes } = source;
    match yaml::parse(name, bytes, &mut faults) {
        Some(root) if faults.is_empty() => Ok(root.to_json()),
        _ => Err(faults.into_sorted()),
    }
}

pub(crate) fn mapping(source: &Source, faults: &mut Faults) -> Option<Node> {
    let Source { name, bytes } = source;
    let root = yaml::parse(name, bytes, faults)?;
    if let Value::Mapping(_) = root.value {
        return Some(root);
    }
    let spot = Spot { line: 1, ..root.spot };
    let message = "the file is not a mapping; write `listeners:`, `backends:` and `apis:`";
    faults.push(&spot, &Path::default(), message);
    None
}

impl Draft {
    pub(crate) fn of(root: Node, faults: Faults) -> Self {
        Self { root, faults }
    }

    /// What has to be loaded before the draft can be compiled.
    pub fn references(&self) -> Vec<Reference> {
        check::references(&self.root)
    }

    /// Checks everything, and tells every fault, sorted by place.
    pub fn compile(self, loaded: &Loaded) -> Result<Gateway, Vec<Fault>> {
        let Self { root, mut faults } = self;
        let gateway = check::gateway(&root, loaded, &mut faults);
        if faults.is_empty() { Ok(gateway) } else { Err(faults.into_sorted()) }
    }
}
