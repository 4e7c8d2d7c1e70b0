use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::scalar::{NotFinite, resolve};
use super::{FILE_BYTES_MAX, Node, Value};
use crate::fault::Faults;
use crate::path::Path;
use crate::place::Spot;

/// Deeper than anything that can be meant; what walks the tree recurses.
const DEPTH_MAX: usize = 32;

/// How many values a file may have, each counted wherever an alias repeats it:
/// a few lines of aliases to aliases would otherwise fill the memory.
const VALUES_MAX: usize = 1_000_000;

/// Makes a tree of the parser's events.
pub(super) struct Builder<'a> {
    file: Arc<str>,
    /// How many the file has. What ends with the file is found one line later.
    lines: usize,
    faults: &'a mut Faults,
    root: Option<Node>,
    /// What is being read, the innermost last.
    open: Vec<Open>,
    /// What aliases may refer to.
    anchors: HashMap<usize, Part>,
    values: usize,
}

/// A value that has been read to its end.
#[derive(Clone)]
struct Part {
    node: Node,
    /// How many values it has, itself included.
    values: usize,
    /// How many lists and mappings stand in each other in it, itself included.
    height: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    line: usize,
    anchor: usize,
    /// How many values there were before it.
    values_before: usize,
    /// The height of the highest part so far.
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Mapping {
        fields: Vec<(String, Node)>,
        lines: HashMap<String, usize>,
        /// The name whose value comes next, and its line.
        name: Option<(String, usize)>,
    },
}

/// Why reading cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("{bytes} bytes are more than {FILE_BYTES_MAX}; divide them into several files")]
    TooLarge { bytes: usize },
    #[error("byte 0x{byte:02x} at offset {offset} is not UTF-8; save the file as UTF-8")]
    NotUtf8 { byte: u8, offset: usize },
    #[error("not YAML: {0}; look at indentation, quotes and brackets here and just before")]
    Syntax(String),
    #[error("the file is empty; write `listeners`, `backends` and `apis`")]
    Empty,
    #[error("a second document starts here; write one document in a file")]
    SecondDocument,
    #[error("values nest more than {DEPTH_MAX} deep; nothing in this file has to")]
    TooDeep,
    #[error("more than {VALUES_MAX} values, aliases included; divide them into several files")]
    TooMany,
    #[error("the alias refers to a value that it is part of; write the value out")]
    Cycle,
    #[error("{0:?} is not a finite number; write digits, or put it in quotes")]
    NotFinite(String),
    #[error("the tag `{0}` is not understood; take it out")]
    Tag(String),
    #[error("a list or mapping cannot be the name of a field; write a string")]
    NameNotScalar,
    #[error("the name of a field is empty; write one before the colon")]
    NameEmpty,
}

impl<'a> Builder<'a> {
    pub(super) fn new(file: Arc<str>, lines: usize, faults: &'a mut Faults) -> Self {
        let (open, anchors) = (Vec::new(), HashMap::new());
        Self { file, lines, faults, root: None, open, anchors, values: 0 }
    }

    /// The whole document, if there was one and something in it.
    pub(super) fn finish(self) -> Option<Node> {
        self.root.filter(|root| !matches!(root.value, Value::Null))
    }

    pub(super) fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => Err(Stop::SecondDocument),
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), line)
            }
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::SequenceStart(anchor, tag) => {
                self.open(line, anchor, tag, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => self.open(line, anchor, tag, Content::mapping()),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        line: usize,
    ) -> Result<(), Stop> {
        let forced = is_string(tag)?;
        if let Some(name) = self.name_wanted() {
            return set_name(name, text, line);
        }
        self.count(1)?;
        let value = if forced || style != ScalarStyle::Plain {
            Value::String(text.to_owned())
        } else {
            resolve(text).map_err(|NotFinite| Stop::NotFinite(text.to_owned()))?
        };
        let node = self.node(line, value);
        self.add(anchor, Part { node, values: 1, height: 0 })
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), Stop> {
        if self.name_wanted().is_some() {
            return Err(Stop::NameNotScalar);
        }
        let part = self.anchors.get(&anchor).ok_or(Stop::Cycle)?;
        if DEPTH_MAX < self.open.len().saturating_add(part.height) {
            return Err(Stop::TooDeep);
        }
        let mut part = part.clone();
        self.count(part.values)?;
        // What is inside keeps its lines: they are what has to be mended.
        part.node.spot = self.spot(line);
        self.add(0, part)
    }

    fn open(
        &mut self,
        line: usize,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        content: Content,
    ) -> Result<(), Stop> {
        if let Some(tag) = tag {
            return Err(Stop::Tag(shown(&tag)));
        }
        if self.name_wanted().is_some() {
            return Err(Stop::NameNotScalar);
        }
        if DEPTH_MAX <= self.open.len() {
            return Err(Stop::TooDeep);
        }
        let values_before = self.values;
        self.count(1)?;
        self.open.push(Open { line, anchor, values_before, height: 0, content });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(Open { line, anchor, values_before, height, content }) = self.open.pop() else {
            return Ok(());
        };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Mapping { fields, .. } => Value::Mapping(fields),
        };
        let node = self.node(line, value);
        let values = self.values.saturating_sub(values_before);
        self.add(anchor, Part { node, values, height: height.saturating_add(1) })
    }

    /// Puts a value where it belongs.
    fn add(&mut self, anchor: usize, part: Part) -> Result<(), Stop> {
        self.remember(anchor, &part)?;
        let Part { node, height, .. } = part;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.height = open.height.max(height);
        let twice = open.content.add(node);
        if let Some((name, first, line)) = twice {
            let message = format!("written twice, first in line {first}; take one of them out");
            self.faults.push(&self.spot(line), &self.path().key(&name), message);
        }
        Ok(())
    }

    /// Anchors are numbered from 1; 0 is none. A copy is kept, so it counts.
    fn remember(&mut self, anchor: usize, part: &Part) -> Result<(), Stop> {
        if anchor != 0 {
            self.count(part.values)?;
            self.anchors.insert(anchor, part.clone());
        }
        Ok(())
    }

    fn count(&mut self, values: usize) -> Result<(), Stop> {
        self.values = self.values.saturating_add(values);
        if VALUES_MAX < self.values { Err(Stop::TooMany) } else { Ok(()) }
    }

    fn name_wanted(&mut self) -> Option<&mut Option<(String, usize)>> {
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(Content::Mapping { name, .. }) if name.is_none() => Some(name),
            _ => None,
        }
    }

    fn node(&self, line: usize, value: Value) -> Node {
        Node { spot: self.spot(line), value }
    }

    fn spot(&self, line: usize) -> Spot {
        Spot { file: Arc::clone(&self.file), line: line.min(self.lines) }
    }

    /// Of the list or mapping that is being read.
    fn path(&self) -> Path {
        let outer = self.open.split_last().map(|(_, outer)| outer).unwrap_or_default();
        outer.iter().fold(Path::default(), |path, open| match &open.content {
            Content::List(items) => path.index(items.len()),
            Content::Mapping { name, .. } => {
                name.as_ref().map_or(path.clone(), |(name, _)| path.key(name))
            }
        })
    }
}

impl Content {
    fn mapping() -> Self {
        Self::Mapping { fields: Vec::new(), lines: HashMap::new(), name: None }
    }

    /// Adds a value, or tells the name that is there already, with both lines.
    fn add(&mut self, node: Node) -> Option<(String, usize, usize)> {
        match self {
            Self::List(items) => items.push(node),
            Self::Mapping { fields, lines, name } => {
                let (name, line) = name.take()?;
                if let Some(first) = lines.get(&name) {
                    return Some((name, *first, line));
                }
                lines.insert(name.clone(), line);
                let spot = Spot { line, ..node.spot };
                fields.push((name, Node { spot, ..node }));
            }
        }
        None
    }
}

/// Names are strings however they look: `8080`, `no` and `true` are what they say.
fn set_name(slot: &mut Option<(String, usize)>, text: &str, line: usize) -> Result<(), Stop> {
    if text.is_empty() {
        return Err(Stop::NameEmpty);
    }
    *slot = Some((text.to_owned(), line));
    Ok(())
}

/// Whether a tag says that a scalar is a string. It is the only thing a tag may say.
fn is_string(tag: Option<&Tag>) -> Result<bool, Stop> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(true),
        Some(tag) => Err(Stop::Tag(shown(tag))),
    }
}

/// As it is written: `!!int` for what is `tag:yaml.org,2002:int` in full.
fn shown(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { tag.to_string() }
}
