use tollgate_core::{Host, Seed, SharedDataUnavailable};

const KEY: &str = "tollgate.seed";

/// Why there is no seed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSeed {
    #[error("the seed cannot be kept: {0}")]
    Shared(#[from] SharedDataUnavailable),
    #[error("no random bytes can be had: {0}")]
    Random(#[from] getrandom::Error),
    #[error(
        "the shared value {KEY:?} has {0} bytes and is not a seed; give this filter a vm_id of its own"
    )]
    NotOurs(usize),
}

/// The seed of this Envoy: drawn by whichever virtual machine starts first, in
/// practice the one on the main thread, and the same for all that follow.
pub(crate) fn of_this_envoy(host: &mut dyn Host) -> Result<Seed, NoSeed> {
    let (found, version) = host.load(KEY.as_bytes())?;
    if let Some(bytes) = found {
        return read(&bytes);
    }
    let seed = draw()?;
    if host.store(KEY.as_bytes(), &seed.0, version)? {
        return Ok(seed);
    }
    let (found, _) = host.load(KEY.as_bytes())?;
    read(&found.unwrap_or_default())
}

fn read(bytes: &[u8]) -> Result<Seed, NoSeed> {
    bytes.try_into().map(Seed).map_err(|_| NoSeed::NotOurs(bytes.len()))
}

fn draw() -> Result<Seed, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(Seed(bytes))
}
