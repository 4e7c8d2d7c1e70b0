//! Lists, for people and for programs.

use std::io::{self, Write};

use serde_json::Value;
use tollgate_core::Timestamp;

use crate::store::when::shown;

/// What stands for nothing in a table.
const NOTHING: &str = "-";
/// How far columns stand apart.
const GAP: usize = 2;

/// Prints rows below their headings, in columns.
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    out: &mut impl Write,
) -> io::Result<()> {
    let rows: Vec<_> = [headings.map(str::to_owned)].into_iter().chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().saturating_add(GAP).max(*width);
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<String>().trim_end())?;
    }
    Ok(())
}

/// Prints JSON.
pub(crate) fn json(value: &Value, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// What may be absent, in a table.
pub(crate) fn cell(value: Option<String>) -> String {
    value.unwrap_or_else(|| NOTHING.to_owned())
}

/// A time that may be absent, in a table.
pub(crate) fn time(time: Option<Timestamp>) -> String {
    cell(time.map(shown))
}
