/// One count of one limit, as all Envoys call it: a hash that nobody can make
/// two of.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key(pub u128);

/// One Envoy from its start to its end: a random number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instance(pub u128);
