//! What the filter reads of routes and hosts.

use envoy_types::pb::envoy::config::core::v3::Metadata;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};

/// Whose metadata it is.
const NAMESPACE: &str = "tollgate";

/// The group of routes that serve nothing, which no operation has.
const NO_GROUP: &str = "@";

/// The name of the route by which a piece says that it has no other.
pub(crate) const NOWHERE: &str = "=nowhere";

/// A route's name: which contract its requests are under, which of its groups
/// the route serves, and what it is to people. Reading the name costs the
/// filter half of what reading a route's metadata costs.
pub(crate) fn name_of_route(contract: &str, group: Option<&str>, label: &str) -> String {
    format!("{contract} {} {label}", group.unwrap_or(NO_GROUP))
}

/// The name of the route by which callers ask for their limits: the contracts
/// whose limits they are, and, where the group stands in others, that it is this
/// one.
pub(crate) fn name_of_own_limits(contracts: &[&str]) -> Option<String> {
    let (first, others) = contracts.split_first()?;
    let words = [*first, OWN_LIMITS].into_iter().chain(others.iter().copied());
    Some(words.collect::<Vec<_>>().join(" "))
}

/// No backend can have the name.
const OWN_LIMITS: &str = "=limits";

/// The contracts of a host's routes: ids and texts.
pub(crate) fn of_host(contracts: impl Iterator<Item = (String, String)>) -> Metadata {
    let fields = contracts.map(|(id, text)| (id, value(Kind::StringValue(text))));
    namespace("contracts", Kind::StructValue(Struct { fields: fields.collect() }))
}

fn namespace(field: &str, kind: Kind) -> Metadata {
    let fields = Struct { fields: [(field.to_owned(), value(kind))].into() };
    Metadata { filter_metadata: [(NAMESPACE.to_owned(), fields)].into(), ..Metadata::default() }
}

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}
