use std::cell::RefCell;
use std::rc::Rc;

use tollgate_core::{ConfigError, Filter, parse};

use crate::abi::{self, Status};
use crate::envoy::{self, Envoy};
use crate::seed::{self, NoSeed};
use crate::stream::Shared;

/// Why a plugin was not configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unconfigured<E: std::error::Error> {
    #[error("the configuration cannot be read: {0}")]
    Unreadable(#[from] Status),
    #[error(transparent)]
    NoSeed(#[from] NoSeed),
    #[error(transparent)]
    Refused(#[from] ConfigError<E>),
}

/// Compiles what the operator wrote for this plugin.
pub(crate) fn configure<F: Filter>() -> Result<Shared<F>, Unconfigured<F::Error>> {
    let bytes = abi::configuration()?;
    let seed = seed::of_this_envoy(&mut Envoy)?;
    let mut filter = parse::<F>(&bytes, seed)?;
    filter.prepare(&mut Envoy);
    if let Some(period) = filter.tick_period() {
        abi::tick_every(envoy::millis(period))?;
    }
    Ok(Rc::new(RefCell::new(filter)))
}
