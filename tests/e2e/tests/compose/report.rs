use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Result;

use crate::callers::{EVERYBODY, Seen, Who};

/// What callers saw of each fault.
#[derive(Default)]
pub(crate) struct Report {
    rows: String,
    surprises: Vec<String>,
}

// === impl Report ===

impl Report {
    /// Notes what was seen, and whatever should not have been.
    pub(crate) fn add(
        &mut self,
        fault: &str,
        seen: &Seen,
        allowed: impl Fn(Who) -> &'static [u16],
    ) {
        let mut row = format!("| {fault} |");
        for (who, status) in seen {
            let is_expected = allowed(*who).contains(status);
            let shown = if *status == 0 { "no answer".to_owned() } else { status.to_string() };
            let _ = write!(row, " {shown}{} |", if is_expected { "" } else { " (!)" });
            if !is_expected {
                let allowed = allowed(*who);
                self.surprises
                    .push(format!("{fault}: {who:?} saw {status}, not one of {allowed:?}"));
            }
        }
        let _ = writeln!(io::stderr(), "{row}");
        self.rows.push_str(&row);
        self.rows.push('\n');
    }

    pub(crate) fn surprises(&self) -> Vec<String> {
        self.surprises.clone()
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let heads: Vec<_> = EVERYBODY.iter().map(|who| who.title()).collect();
        let line = "---|".repeat(EVERYBODY.len().saturating_add(1));
        let table = format!("| fault | {} |\n|{line}\n{}", heads.join(" | "), self.rows);
        let text = format!("# What callers saw while parts of the stack failed\n\n{table}");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(path, text)?)
    }
}

impl Who {
    fn title(self) -> &'static str {
        match self {
            Self::FileKey => "key of the file",
            Self::Jwt => "JWT",
            Self::KnownToken => "opaque token, known",
            Self::NewToken => "opaque token, new",
            Self::KnownKey => "key of the store, known",
            Self::NewKey => "key of the store, new",
            Self::InventedKey => "invented key",
            Self::Nobody => "no credential",
        }
    }
}
