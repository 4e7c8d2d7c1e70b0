#!/usr/bin/env python3
"""Packs what people install into target/dist/: the modules, the control plane,
examples, the JSON Schema, licences and a bill of materials; and the modules once
more as an OCI image layout, for those who pull them by `oci://`.

Equal sources give equal bytes, wherever they lie: no path of this machine and no
time but that of the last commit gets into them.
"""

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile

import bill
import filters
import oci
from setup import ROOT, output

DIST = os.path.join("target", "dist")
FOLDERS = ["examples", os.path.join("envoy", "drop-in")]
FILES = [
    "LICENSE",
    "CHANGELOG.md",
    "docs/configuration.md",
    "docs/keys.md",
    "docs/tollgate.schema.json",
    "envoy/bootstrap.yaml",
]


def main():
    os.chdir(ROOT)
    version = bill.version()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or output(["git", "log", "-1", "--format=%ct"]) or 0)
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    paths, binary = build()
    modules = {name: read(path) for name, path in paths.items()}
    name = f"tollgate-{version}-{platform.machine()}-{sys.platform}"
    entries = contents(modules, read(binary))
    entries["SHA256SUMS"] = (sums(entries), 0o644)
    path = os.path.join(DIST, f"{name}.tar.gz")
    with open(path, "wb") as file:
        file.write(packed(name, entries, epoch))
    for one in [path, *written(modules)]:
        print(f"{hashlib.sha256(read(one)).hexdigest()}  {one}", flush=True)
    print(f"{DIST}/oci: an OCI image layout of {', '.join(sorted(modules))}")


def build():
    """Where the modules are, by name, and the control plane. In a folder of its own:
    other flags would build everything else anew."""
    os.environ["CARGO_TARGET_DIR"] = os.path.join(ROOT, "target", "dist-build")
    places = known_places()
    os.environ["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(f"--remap-path-prefix={place}={name}" for place, name in places)
    # Of C in other crates.
    os.environ["CFLAGS"] = " ".join(f"-ffile-prefix-map={place}={name}" for place, name in places)
    os.environ["CARGO_INCREMENTAL"] = "0"
    modules = {name.replace("_", "-"): path for name, path in filters.build(for_tests=[]).items()}
    command = ["cargo", "build", "--locked", "--release", "--package", "tollgate"]
    if subprocess.run(command).returncode != 0:
        sys.exit("dist: the control plane was not built")
    return modules, os.path.join(os.environ["CARGO_TARGET_DIR"], "release", "tollgate")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def known_places():
    """Where sources lie is nobody's business, and differs by machine."""
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
    sysroot = output(["rustc", "--print", "sysroot"]).strip()
    return [(ROOT, "/tollgate"), (home, "/cargo"), (sysroot, "/rust")]


def contents(modules, binary):
    entries = {"bin/tollgate": (binary, 0o755)}
    for name, module in modules.items():
        entries[f"filters/{name}.{hashlib.sha256(module).hexdigest()[:16]}.wasm"] = (module, 0o644)
    for path in sorted(FILES + [file for folder in FOLDERS for file in tracked(folder)]):
        entries[path] = (read(path), 0o755 if os.access(path, os.X_OK) else 0o644)
    packages = bill.packages()
    entries["sbom.cdx.json"] = (bill.cyclonedx(packages), 0o644)
    for path, text in bill.licences(packages):
        entries[f"licences/{path}"] = (text, 0o644)
    return entries


def tracked(folder):
    return (output(["git", "ls-files", folder]) or "").splitlines()


def sums(entries):
    lines = [f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, (content, _) in entries.items()]
    return "".join(sorted(lines, key=lambda line: line[66:])).encode()


def packed(name, entries, epoch):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=epoch) as stream:
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, (content, mode) in sorted(entries.items()):
                entry = tarfile.TarInfo(f"{name}/{path}")
                entry.size, entry.mode, entry.mtime = len(content), mode, epoch
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def written(modules):
    """The modules beside the archive, and their layout."""
    shutil.rmtree(os.path.join(DIST, "oci"), ignore_errors=True)
    oci.write(os.path.join(DIST, "oci"), modules, bill.version())
    for name, module in sorted(modules.items()):
        path = os.path.join(DIST, f"{name}.wasm")
        with open(path, "wb") as file:
            file.write(module)
        yield path


if __name__ == "__main__":
    os.makedirs(os.path.join(ROOT, DIST), exist_ok=True)
    main()
