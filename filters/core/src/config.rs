use serde::de::DeserializeOwned;

use crate::{Filter, Seed};

/// Reads a filter's configuration and compiles it.
///
/// The one way in from bytes to a policy: unknown fields, wrong types and
/// values that make no sense are all refused here, with the path to the field.
pub fn parse<F: Filter>(bytes: &[u8], seed: Seed) -> Result<F, ConfigError<F::Error>> {
    let spec: F::Spec = read(bytes)?;
    F::compile(spec, seed).map_err(ConfigError::Invalid)
}

fn read<T: DeserializeOwned, E: std::error::Error>(bytes: &[u8]) -> Result<T, ConfigError<E>> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let spec = serde_path_to_error::deserialize(&mut json)?;
    json.end().map_err(ConfigError::TrailingData)?;
    Ok(spec)
}

/// Why a filter's configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError<E: std::error::Error> {
    /// The bytes are not the JSON that the filter expects.
    #[error("{}: {}", .0.path(), .0.inner())]
    Syntax(#[from] serde_path_to_error::Error<serde_json::Error>),

    /// A second value follows the first.
    #[error("unexpected data after the configuration: {0}")]
    TrailingData(#[source] serde_json::Error),

    /// Well formed, but it makes no sense.
    #[error(transparent)]
    Invalid(E),
}
