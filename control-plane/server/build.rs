//! Puts the descriptors of Envoy's messages, which `envoy-types` brings along
//! but does not offer, where `src/render.rs` can include them.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = envoy_types()?.join("src/generated/types.bin");
    fs::copy(descriptors, PathBuf::from(env::var("OUT_DIR")?).join("envoy.bin"))?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    Ok(())
}

/// The folder of the crate, wherever cargo has it from.
fn envoy_types() -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version=1", "--filter-platform", &env::var("TARGET")?])
        .current_dir(env::var("CARGO_MANIFEST_DIR")?)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata.get("packages").and_then(|packages| packages.as_array());
    let packages = packages.ok_or("cargo metadata lists no packages")?;
    let package = packages
        .iter()
        .find(|package| package.get("name").is_some_and(|name| name == "envoy-types"));
    let manifest = package.and_then(|package| package.get("manifest_path")?.as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    Ok(folder.ok_or("cargo metadata does not know envoy-types")?.to_owned())
}
