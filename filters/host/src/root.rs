use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use tollgate_core::{ConfigError, Filter, parse};

use crate::abi::{self, Status};
use crate::envoy::Envoy;
use crate::seed::{self, NoSeed};
use crate::stream::Stream;

/// A filter as its requests share it: one worker, so one request at a time.
pub(crate) type Shared<F> = Rc<RefCell<F>>;

/// One plugin configuration on one worker.
pub(crate) struct Root<F> {
    filter: Option<Shared<F>>,
}

/// Why a plugin was not configured.
#[derive(Debug, thiserror::Error)]
enum Unconfigured<E: std::error::Error> {
    #[error("the configuration cannot be read: {0}")]
    Unreadable(#[from] Status),
    #[error(transparent)]
    NoSeed(#[from] NoSeed),
    #[error(transparent)]
    Refused(#[from] ConfigError<E>),
}

// === impl Root ===

impl<F> Default for Root<F> {
    fn default() -> Self {
        Self { filter: None }
    }
}

impl<F> Context for Root<F> {}

impl<F: Filter + 'static> RootContext for Root<F> {
    /// False makes Envoy refuse the configuration and keep the one it has.
    fn on_configure(&mut self, _bytes: usize) -> bool {
        let configured = configure::<F>().inspect_err(|fault| {
            abi::log_error(&format!("{}: {fault}", F::NAME));
        });
        self.filter = configured.ok().map(|filter| Rc::new(RefCell::new(filter)));
        self.filter.is_some()
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.filter.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn configure<F: Filter>() -> Result<F, Unconfigured<F::Error>> {
    let bytes = abi::configuration()?;
    let seed = seed::of_this_envoy(&mut Envoy)?;
    let filter = parse::<F>(&bytes, seed)?;
    filter.prepare(&mut Envoy);
    Ok(filter)
}
