//! A backend that answers each request with what it saw of it: `backend ADDRESS`.
//! `backend --health ADDRESS` asks one whether it is well.

#![expect(clippy::print_stdout, reason = "people read it")]

use std::env;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};
use tollgate_support::{Call, Upstream};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [address] => serve(parse(address)?).await,
        ["--health", address] => ask(parse(address)?).await,
        _ => bail!("write `backend ADDRESS` or `backend --health ADDRESS`"),
    }
}

fn parse(address: &str) -> Result<SocketAddr> {
    address.parse().with_context(|| format!("{address:?} is not an address with a port"))
}

async fn serve(address: SocketAddr) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let upstream = Upstream::at(address).await?;
    println!("listening on {}", upstream.address());
    terminate.recv().await;
    Ok(())
}

async fn ask(address: SocketAddr) -> Result<()> {
    let answer = Call::get("localhost", "/health").send(address).await?;
    ensure!(answer.status == 200, "{address}: answers {}", answer.status);
    Ok(())
}
