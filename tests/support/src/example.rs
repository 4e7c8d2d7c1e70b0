use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::Built;
use crate::built::root;

/// An example, or another folder, done as its README or another page tells a reader to.
///
/// In the page's blocks marked `console`, a line that begins with `$ ` is a
/// command for the shell (one that ends in `\` goes on in the next), and each
/// line below it is the beginning of a line that the command must print:
///
/// ```console
/// $ curl -i http://127.0.0.1:8080/orders/7
/// HTTP/1.1 401 Unauthorized
/// ```
///
/// All commands share one shell at the top of the repository, so a variable that
/// one sets is there for those after it. `tollgate` is the built one.
#[derive(Debug)]
pub struct Example {
    folder: PathBuf,
    page: String,
    ports: Vec<(u16, u16)>,
    variables: Vec<(String, String)>,
}

/// A command, and what must stand in what it prints.
#[derive(Debug, Default, Eq, PartialEq)]
struct Step {
    command: String,
    expected: Vec<String>,
}

/// Longer than any README makes its reader wait.
const SECONDS_MAX: &str = "180";

/// Stands between what one command prints and what the next does.
const MARK: &str = "=== end of a step ===";

// === impl Example ===

impl Example {
    /// The example of this name.
    pub fn of(name: &str) -> Self {
        Self::at(&format!("examples/{name}"))
    }

    /// What lies in this folder of the repository.
    pub fn at(folder: &str) -> Self {
        let (page, ports, variables) = ("README.md".to_owned(), Vec::new(), Vec::new());
        Self { folder: root().join(folder), page, ports, variables }
    }

    /// Follows another page of the folder.
    #[must_use]
    pub fn page(mut self, name: &str) -> Self {
        name.clone_into(&mut self.page);
        self
    }

    /// Has another port of loopback where the example's files name this one.
    #[must_use]
    pub fn port(mut self, written: u16, instead: u16) -> Self {
        self.ports.push((written, instead));
        self
    }

    /// Sets a variable of the shell's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One of its files, with the ports that were chosen.
    pub fn file(&self, name: &str) -> Result<String> {
        let path = self.folder.join(name);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(self.ports.iter().fold(text, |text, (written, instead)| {
            let named = |host: &str, port: &u16| format!("{host}:{port}");
            text.replace(&named("127.0.0.1", written), &named("127.0.0.1", instead))
                .replace(&named("localhost", written), &named("localhost", instead))
        }))
    }

    /// Does what the page says, and tells how many commands that were.
    pub async fn follow(&self, built: &Built) -> Result<usize> {
        let steps = steps(&self.file(&self.page)?);
        let page = self.folder.join(&self.page);
        ensure!(!steps.is_empty(), "{} has no console blocks", page.display());
        let mut command = self.shell(&steps, built)?;
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let mut printed = out.split(MARK);
        for step in &steps {
            let printed = printed.next().unwrap_or_default();
            step.check(printed).with_context(|| format!("{}\n{err}", page.display()))?;
        }
        ensure!(printed.count() == 1, "the shell ended early ({}):\n{out}\n{err}", output.status);
        Ok(steps.len())
    }

    fn shell(&self, steps: &[Step], built: &Built) -> Result<Command> {
        let script: Vec<_> =
            steps.iter().map(|step| format!("{}\necho; echo '{MARK}'\n", step.command)).collect();
        let mut path = OsString::from(built.tollgate.parent().unwrap_or(Path::new("/")));
        path.push(":");
        path.push(std::env::var_os("PATH").context("there is no PATH")?);
        let mut command = Command::new("timeout");
        command.args([SECONDS_MAX, "sh", "-c", &script.concat()]);
        command.current_dir(root()).env("PATH", path).envs(self.variables.iter().cloned());
        Ok(command)
    }
}

// === impl Step ===

impl Step {
    fn check(&self, printed: &str) -> Result<()> {
        let Self { command, expected } = self;
        for expected in expected {
            ensure!(
                printed.lines().any(|line| line.starts_with(expected.as_str())),
                "`{command}` did not print `{expected}`, but:\n{printed}"
            );
        }
        Ok(())
    }
}

fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut is_console, mut goes_on) = (false, false);
    for line in readme.lines() {
        if line.starts_with("```") {
            (is_console, goes_on) = (line == "```console", false);
        } else if is_console {
            goes_on = take(line, goes_on, &mut steps);
        }
    }
    steps
}

/// Whether the next line belongs to the command too.
fn take(line: &str, goes_on: bool, steps: &mut Vec<Step>) -> bool {
    if let Some(command) = line.strip_prefix("$ ") {
        steps.push(Step { command: command.to_owned(), expected: Vec::new() });
        return command.ends_with('\\');
    }
    let Some(step) = steps.last_mut() else { return false };
    if goes_on {
        step.command.push('\n');
        step.command.push_str(line);
        return line.ends_with('\\');
    }
    step.expected.extend(Some(line.trim_end().to_owned()).filter(|line| !line.is_empty()));
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_what_they_print_are_told_apart() {
        let readme = "# x\n```sh\n$ not this\n```\n```console\n$ A=1\n$ curl -i \\\n  a\nHTTP/1.1 200 OK\n\n{\n```\n$ nor this\n";
        let step = |command: &str, expected: &[&str]| Step {
            command: command.to_owned(),
            expected: expected.iter().map(|&line| line.to_owned()).collect(),
        };
        let expected = [step("A=1", &[]), step("curl -i \\\n  a", &["HTTP/1.1 200 OK", "{"])];
        assert_eq!(steps(readme), expected);
    }

    #[test]
    fn what_is_not_printed_is_an_error() {
        let [step] = &steps("```console\n$ curl x\nHTTP/1.1 200\n```")[..] else { panic!() };
        step.check("\nHTTP/1.1 200 OK\r\n").unwrap();
        let error = step.check("HTTP/1.1 401\n").unwrap_err().to_string();
        assert_eq!(error, "`curl x` did not print `HTTP/1.1 200`, but:\nHTTP/1.1 401\n");
    }
}
