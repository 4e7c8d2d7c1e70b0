/// Who opened a stream.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Node {
    /// `node.id`.
    pub(crate) id: String,
    /// `node.cluster`.
    pub(crate) group: String,
}
