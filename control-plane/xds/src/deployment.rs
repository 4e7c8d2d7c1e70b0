/// What the translation has to know of the machines that Envoy runs on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Deployment {
    /// The path of `gateway.wasm` as Envoy sees it. It should name the content
    /// (`gateway.0123456789abcdef.wasm`): Envoy takes a changed path for new
    /// code, and a changed file for nothing.
    pub module: String,
}
