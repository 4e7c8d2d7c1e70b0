//! The schema and the reference page are made from the types and kept fresh.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::PathBuf;

use tollgate_model::{Fault, Loaded, Reference, Source, read, reference, schema};

/// Compares a document with what it should be; with `UPDATE_GOLDEN=1`, writes it.
fn check(name: &str, expected: &str) {
    let path = docs().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == expected,
        "docs/{name} is not fresh; run `UPDATE_GOLDEN=1 cargo test -p tollgate-model --test documents`"
    );
}

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

#[test]
fn the_schema_is_fresh() {
    check("tollgate.schema.json", &format!("{:#}\n", schema()));
}

#[test]
fn the_reference_page_is_fresh() {
    check("configuration.md", &reference());
}

#[test]
fn every_field_is_described() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, definition) in definitions.iter().chain([(&"Tollgate".to_owned(), &schema)]) {
        assert!(definition["description"].is_string(), "{name}");
        for (field, property) in definition["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{field}");
        }
    }
}

#[test]
fn every_mapping_says_which_fields_it_has() {
    let schema = schema();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let open = definition["type"] == "object" && definition["additionalProperties"] != false;
        assert!(!open, "{name}");
    }
}

/// A file that an example names, with what is in it.
fn file(reference: Reference) -> Option<(Reference, Result<Vec<u8>, String>)> {
    let Reference::File(path) = &reference else { return None };
    let bytes = std::fs::read(path).map_err(|error| error.to_string());
    Some((reference, bytes))
}

#[test]
fn the_examples_of_the_page_are_a_gateway() {
    let page = reference();
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let bytes = blocks.collect::<String>().into_bytes();
    let draft = read(&[Source { name: "configuration.md".to_owned(), bytes }]).unwrap();
    let gateway = draft.compile(&Loaded::default()).unwrap();
    assert_eq!(gateway.contracts["orders"].operations.len(), 9);
}

#[test]
fn the_examples_of_the_repository_are_gateways() {
    let examples = docs().join("../examples");
    let mut count = 0;
    for folder in std::fs::read_dir(examples).unwrap() {
        let name = folder.unwrap().path().join("tollgate.yaml");
        let Ok(bytes) = std::fs::read(&name) else { continue };
        let name = name.to_string_lossy().into_owned();
        let draft = read(&[Source { name, bytes }]).unwrap();
        let loaded = draft.references().into_iter().filter_map(file).collect();
        let compiled = draft.compile(&Loaded(loaded));
        // Files that an example names may be made by a script of its own.
        let is_file = |fault: &Fault| fault.message.contains("cannot be read: No such file");
        let faults = compiled.err().unwrap_or_default().into_iter();
        assert_eq!(faults.filter(|fault| !is_file(fault)).collect::<Vec<_>>(), []);
        count += 1;
    }
    assert!(0 < count);
}
