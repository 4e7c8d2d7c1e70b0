//! Envoy's messages as JSON.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Map, Value};
use tollgate_auth::Secret;
use tollgate_model::{Gateway, Loaded, Source};
use tollgate_xds::{Deployment, IdentityFront, Kind, Snapshot, translate};

/// Every message of Envoy, by name: `envoy-types` brings the descriptors along,
/// but does not offer them.
static ENVOY: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        // Not offline: it names every platform's crates, and not all have come with the build.
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "envoy-types").unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let descriptors = manifest.parent().unwrap().join("src/generated/types.bin");
    let mut pool = DescriptorPool::decode(&*std::fs::read(descriptors).unwrap()).unwrap();
    pool.add_file_descriptor_proto(by_expression(&pool)).unwrap();
    pool
});

/// What Envoy knows and `envoy-types` does not: matching by an expression.
fn by_expression(pool: &DescriptorPool) -> FileDescriptorProto {
    let expression = pool.get_message_by_name("xds.type.v3.CelExpression").unwrap();
    let expr_match = FieldDescriptorProto {
        name: Some("expr_match".to_owned()),
        number: Some(1),
        label: Some(Label::Optional as i32),
        r#type: Some(Type::Message as i32),
        type_name: Some(format!(".{}", expression.full_name())),
        ..FieldDescriptorProto::default()
    };
    let message = |name: &str, field| DescriptorProto {
        name: Some(name.to_owned()),
        field,
        ..DescriptorProto::default()
    };
    FileDescriptorProto {
        name: Some("by_expression.proto".to_owned()),
        package: Some("xds.type.matcher.v3".to_owned()),
        syntax: Some("proto3".to_owned()),
        dependency: vec![expression.parent_file().name().to_owned()],
        message_type: vec![
            message("CelMatcher", vec![expr_match]),
            message("HttpAttributesCelMatchInput", Vec::new()),
        ],
        ..FileDescriptorProto::default()
    }
}

/// What Envoy is told for a configuration, or what is wrong with that.
pub(crate) fn snapshot_of(file: &str, text: &str) -> Result<Snapshot, String> {
    let gateway = gateway(file, text)?;
    let identity = Some(IdentityFront {
        address: ([127, 0, 0, 1], 18_002).into(),
        authorization: Secret("Bearer made-up".to_owned()),
        has_store: true,
    });
    let module = "/modules/gateway.0123456789abcdef.wasm".into();
    Ok(translate(&gateway, &Deployment { module, identity, sync: None, limits: None }))
}

fn gateway(file: &str, text: &str) -> Result<Gateway, String> {
    let source = Source { name: file.to_owned(), bytes: text.as_bytes().to_vec() };
    let told = |faults: Vec<tollgate_model::Fault>| {
        faults.iter().map(|fault| format!("{fault}\n")).collect::<String>()
    };
    tollgate_model::read(&[source]).map_err(told)?.compile(&Loaded::default()).map_err(told)
}

/// A resource as JSON, its members in the order of the alphabet.
pub(crate) fn json_of(kind: Kind, body: &[u8]) -> Value {
    let (_, name) = kind.type_url().rsplit_once('/').unwrap();
    let descriptor = ENVOY.get_message_by_name(name).unwrap();
    let message = DynamicMessage::decode(descriptor, body).unwrap();
    sorted(serde_json::to_value(message).unwrap())
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            let sorted = members.into_iter().map(|(name, value)| (name, sorted(value)));
            Value::Object(sorted.collect::<Map<_, _>>())
        }
        Value::Array(elements) => elements.into_iter().map(sorted).collect(),
        other => other,
    }
}
