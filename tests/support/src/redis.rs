use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result};
use redis::{Client, Cmd, Connection, FromRedisValue};
use tempfile::TempDir;

use crate::free_port;
use crate::pausable::Pausable;

/// A real Redis of its own, which writes nothing to disk.
#[derive(Debug)]
pub struct RedisServer {
    server: Pausable,
    options: Vec<String>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts one on a free port, with further options as on its command line.
    /// `redis-server` must be there: `scripts/setup.py --tests`.
    pub async fn start(options: &[&str]) -> Result<Self> {
        let mut this = Self {
            server: Pausable::new("Redis", free_port()?),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            folder: tempfile::tempdir()?,
        };
        this.run().await?;
        Ok(this)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where it listens, as clients are told.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// What it answers to a command.
    pub fn ask<T: FromRedisValue>(&self, words: &[&[u8]]) -> Result<T> {
        Ok(command(words)?.query(&mut self.connect()?)?)
    }

    /// Sends a command, and does not wait for the answer.
    pub fn begin(&self, words: &[&[u8]]) -> Result<()> {
        Ok(self.connect()?.send_packed_command(&command(words)?.get_packed_command())?)
    }

    /// The name of everything that it holds.
    pub fn keys(&self) -> Result<Vec<Vec<u8>>> {
        self.ask(&[b"KEYS", b"*"])
    }

    fn connect(&self) -> Result<Connection> {
        Ok(Client::open(self.url())?.get_connection()?)
    }

    /// Starts it, empty, after it was killed.
    pub async fn run(&mut self) -> Result<()> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.server.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(self.folder.path());
        command.args(&self.options);
        self.server.run(command).await
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Stops it: connections stay, and nothing is answered.
    pub fn pause(&self) -> Result<()> {
        self.server.pause()
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<()> {
        self.server.resume()
    }
}

fn command(words: &[&[u8]]) -> Result<Cmd> {
    let (name, arguments) = words.split_first().context("no command")?;
    let mut command = redis::cmd(std::str::from_utf8(name)?);
    for argument in arguments {
        command.arg(*argument);
    }
    Ok(command)
}
