use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use tollgate_support::Postgres;

/// What a command answered: its exit code, standard output, standard error.
pub(crate) type Answer = (i32, String, String);

/// A folder in which commands are typed, for a store that is not there yet.
pub(crate) struct Shell {
    folder: tempfile::TempDir,
    pub(crate) variables: Vec<(&'static str, String)>,
    _postgres: Option<Arc<Postgres>>,
}

/// Runs each test once for each kind of store.
macro_rules! both {
    ($($(#[$meta:meta])* fn $name:ident($shell:ident: &Shell) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all")]
            use super::*;

            fn check($shell: &crate::shell::Shell) $body

            #[test]
            fn sqlite() {
                check(&crate::shell::Shell::sqlite());
            }

            #[test]
            fn postgres() {
                check(&crate::shell::Shell::postgres());
            }
        }
    )*};
}
pub(crate) use both;

/// Times and made up parts of keys, as the tests expect them.
pub(crate) fn masked(text: &str) -> String {
    let mask = |word: &str| match word {
        _ if word.starts_with("20") && word.ends_with('Z') => "TIME".to_owned(),
        _ if word.starts_with("tg_") && word.ends_with('…') => "tg_XXXX…".to_owned(),
        _ => word.to_owned(),
    };
    let lines = text.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().map(mask).collect();
        words.join(" ") + "\n"
    });
    lines.collect()
}

// === impl Shell ===

impl Shell {
    pub(crate) fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new(), _postgres: None }
    }

    pub(crate) fn postgres() -> Self {
        let postgres = Postgres::shared().unwrap();
        let shell = Self::sqlite();
        let secret = shell.path("secret");
        fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
        let variables = vec![
            ("TOLLGATE_STORE", postgres.database().unwrap()),
            ("TOLLGATE_KEY_HASH_SECRET", format!("file:{}", secret.display())),
        ];
        Self { variables, _postgres: Some(postgres), ..shell }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// What runs `tollgate`; words are divided by blanks.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.current_dir(self.folder.path()).args(line.split_whitespace());
        command.env_remove("TOLLGATE_STORE").env_remove("TOLLGATE_KEY_HASH_SECRET");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, line: &str) -> Answer {
        let Output { status, stdout, stderr } = self.command(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// What is printed by a command that goes well.
    pub(crate) fn out(&self, line: &str) -> String {
        let (code, out, err) = self.run(line);
        assert_eq!(code, 0, "{line}: {err}");
        out
    }

    /// What is said by a command that goes well and prints nothing.
    pub(crate) fn notes(&self, line: &str) -> String {
        let (code, out, err) = self.run(line);
        assert_eq!((code, out.as_str()), (0, ""), "{line}: {err}");
        err
    }

    /// What is said by a command that fails.
    pub(crate) fn error(&self, line: &str) -> String {
        let (code, out, err) = self.run(line);
        assert_eq!((code, out.as_str()), (1, ""), "{line}: {err}");
        err.trim_end().to_owned()
    }

    /// A list, as JSON.
    pub(crate) fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.out(&format!("{line} --json"))).unwrap()
    }
}
