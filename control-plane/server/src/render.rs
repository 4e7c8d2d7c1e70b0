use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};
use tollgate_xds::{Kind, Resource, Snapshot};

/// Every message of Envoy, by name.
static ENVOY: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| {
    DescriptorPool::decode(include_bytes!(concat!(env!("OUT_DIR"), "/envoy.bin")).as_slice()).ok()
});

/// A snapshot in Envoy's own JSON, in the order in which it is pushed.
pub(crate) fn snapshot(snapshot: &Snapshot) -> Value {
    let of = |kind| snapshot.of(kind).map(move |(name, body)| resource(kind, name, body));
    Kind::ALL.into_iter().flat_map(of).collect()
}

fn resource(kind: Kind, name: &str, resource: &Resource) -> Value {
    let Resource { version, body, needs, origin, envoys } = resource;
    let url = kind.type_url();
    // As text, if it is no message that is known: better than nothing.
    let body = message(url, body).unwrap_or_else(|| body.escape_ascii().to_string().into());
    let configuration = plugin_configuration(&body);
    let mut whole = json!({
        "type": url, "name": name, "version": version, "origin": origin, "needs": needs,
        "resource": body,
    });
    let groups: Vec<&str> = envoys.groups().collect();
    if let Some(whole) = whole.as_object_mut() {
        whole.extend(configuration.map(|one| ("configuration".to_owned(), one)));
        whole.extend((!groups.is_empty()).then(|| ("envoys".to_owned(), json!(groups))));
    }
    whole
}

/// What a plugin is told, which stands in its resource as bytes.
fn plugin_configuration(extension: &Value) -> Option<Value> {
    let base64 = extension.pointer("/typedConfig/config/configuration/value")?.as_str()?;
    serde_json::from_slice(&STANDARD.decode(base64).ok()?).ok()
}

fn message(type_url: &str, body: &[u8]) -> Option<Value> {
    let (_, name) = type_url.rsplit_once('/')?;
    let descriptor = ENVOY.as_ref()?.get_message_by_name(name)?;
    let message = DynamicMessage::decode(descriptor, body).ok()?;
    serde_json::to_value(message).ok()
}
