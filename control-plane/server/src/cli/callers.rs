//! What can be typed about what callers see, and how it is described.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

/// A request that is only thought of.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A YAML file, or a folder of them.
    pub config: PathBuf,
    /// The method.
    pub method: String,
    /// `https://HOST/PATH`, as callers write it.
    pub url: String,
    /// A header: `name: value`.
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// The body, for requests whose body is signed.
    #[arg(short, long, value_name = "BODY", default_value = "")]
    pub data: String,
    /// The address that it comes from.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub from: IpAddr,
    /// Print JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// Two configurations.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// What is written now: a YAML file, or a folder of them.
    pub old: PathBuf,
    /// What is to be written.
    pub new: PathBuf,
    /// Print JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// A document, and what it does not say.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The document, in YAML or JSON.
    pub document: PathBuf,
    /// What the API is called; its title by default.
    #[arg(long)]
    pub name: Option<String>,
    /// A host that it is offered under; all by default.
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Where requests go, by default to the document's first server.
    #[arg(long, value_name = "HOST:PORT")]
    pub backend: Option<String>,
    /// The issuer of tokens, where the document names none.
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Whom tokens must be for.
    #[arg(long)]
    pub audience: Option<String>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
