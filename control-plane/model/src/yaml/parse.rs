use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScanError};

use super::builder::{Builder, Stop};
use super::{FILE_BYTES_MAX, Node};
use crate::fault::Faults;
use crate::path::Path;
use crate::place::Spot;

/// Reads a file. Duplicate fields are faults but no reason to stop; `None` is.
pub(crate) fn parse(name: &str, bytes: &[u8], faults: &mut Faults) -> Option<Node> {
    let file = Arc::from(name);
    let (line, stop) = match tree(&file, bytes, faults) {
        Ok(root) => return Some(root),
        Err(at) => at,
    };
    faults.push(&Spot { file, line: line.max(1) }, &Path::default(), stop.to_string());
    None
}

fn tree(file: &Arc<str>, bytes: &[u8], faults: &mut Faults) -> Result<Node, (usize, Stop)> {
    if FILE_BYTES_MAX < bytes.len() {
        return Err((1, Stop::TooLarge { bytes: bytes.len() }));
    }
    let text = str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().count().max(1);
    let mut builder = Builder::new(Arc::clone(file), lines, faults);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error, lines))?;
        let line = span.start.line().min(lines);
        if event == Event::StreamEnd {
            break;
        }
        builder.event(event, line).map_err(|stop| (line, stop))?;
    }
    builder.finish().ok_or((1, Stop::Empty))
}

fn not_utf8(bytes: &[u8], offset: usize) -> (usize, Stop) {
    let (before, rest) = bytes.split_at_checked(offset).unwrap_or((bytes, &[]));
    let line = before.split(|byte| *byte == b'\n').count();
    (line, Stop::NotUtf8 { byte: rest.first().copied().unwrap_or_default(), offset })
}

fn syntax(error: &ScanError, lines: usize) -> (usize, Stop) {
    (error.marker().line().min(lines), Stop::Syntax(error.info().to_owned()))
}
