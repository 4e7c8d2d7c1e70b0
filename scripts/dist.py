#!/usr/bin/env python3
"""Packs what people install into target/dist/: the modules, the control plane, the
manual, examples, the JSON Schema, licences and a bill of materials; and the modules
once more as an OCI image layout, for those who pull them by `oci://`.

Equal sources give equal bytes, wherever they lie: no path of this machine and no
time but that of the last commit gets into them.

    dist.py [--profile PROFILE] [--output FOLDER]

Another profile than `packed` is for tests, which look at an archive of what they
have built already.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import posixpath
import re
import shutil
import subprocess
import sys
import tarfile

import bill
import filters
import oci
from setup import ROOT, output

# Of Cargo.toml.
PROFILE = "packed"
FOLDERS = ["docs", "examples", "envoy/drop-in", "envoy/mtls"]
FILES = ["LICENSE", "CHANGELOG.md", "envoy/bootstrap.yaml"]
# The page of the manual that is the archive's README.
README = "docs/installing.md"
# What a checkout has built, and an archive has or its reader has.
ELSEWHERE = [
    (re.compile(rb"^(#   )?make filters\n", re.MULTILINE), b""),
    (re.compile(rb"\.tools/envoy\b"), b"envoy"),
    (re.compile(rb"target/(filters|release)\b"), lambda found: {b"filters": b"filters", b"release": b"bin"}[found[1]]),
]


def main():
    arguments = parse()
    os.chdir(ROOT)
    os.makedirs(arguments.output, exist_ok=True)
    version = bill.version()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or output(["git", "log", "-1", "--format=%ct"]) or 0)
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    paths, binary = shipped(arguments.profile)
    modules = {name: read(path) for name, path in paths.items()}
    name = f"tollgate-{version}-{platform.machine()}-{sys.platform}"
    entries = contents(modules, read(binary))
    entries["SHA256SUMS"] = (sums(entries), 0o644)
    path = os.path.join(arguments.output, f"{name}.tar.gz")
    with open(path, "wb") as file:
        file.write(packed(name, entries, links(modules), epoch))
    for one in [path, *written(arguments.output, modules)]:
        print(f"{hashlib.sha256(read(one)).hexdigest()}  {one}", flush=True)
    print(f"{arguments.output}/oci: an OCI image layout of {', '.join(sorted(modules))}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--profile", default=PROFILE, help="which build of the control plane is packed")
    parser.add_argument("--output", default=os.path.join("target", "dist"), help="the folder that it is written to")
    return parser.parse_args()


def shipped(profile):
    """Where the modules are, by name, and the control plane."""
    if profile == PROFILE:
        return build()
    newest = {name: os.path.realpath(os.path.join(filters.MODULES, f"{name}.wasm")) for name in filters.FILTERS}
    return newest, os.path.join(os.environ.get("CARGO_TARGET_DIR") or "target", profile, "tollgate")


def build():
    """In a folder of its own:
    other flags would build everything else anew."""
    os.environ["CARGO_TARGET_DIR"] = os.path.join(ROOT, "target", "dist-build")
    places = known_places()
    os.environ["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(f"--remap-path-prefix={place}={name}" for place, name in places)
    # Of C in other crates.
    os.environ["CFLAGS"] = " ".join(f"-ffile-prefix-map={place}={name}" for place, name in places)
    os.environ["CARGO_INCREMENTAL"] = "0"
    modules = {name.replace("_", "-"): path for name, path in filters.build(for_tests=[]).items()}
    command = ["cargo", "build", "--locked", "--profile", PROFILE, "--package", "tollgate"]
    if subprocess.run(command).returncode != 0:
        sys.exit("dist: the control plane was not built")
    return modules, os.path.join(os.environ["CARGO_TARGET_DIR"], PROFILE, "tollgate")


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
        entries[f"filters/{by_content(name, module)}"] = (module, 0o644)
    for path in FILES + [file for folder in FOLDERS for file in tracked(folder)]:
        entries[path] = (elsewhere(path), 0o755 if os.access(path, os.X_OK) else 0o644)
    entries["README.md"] = (seen_from_above(README), 0o644)
    packages = bill.packages()
    entries["sbom.cdx.json"] = (bill.cyclonedx(packages), 0o644)
    for path, text in bill.licences(packages):
        entries[f"licences/{path}"] = (text, 0o644)
    return entries


def by_content(name, module):
    return f"{name}.{hashlib.sha256(module).hexdigest()[:16]}.wasm"


def links(modules):
    """Short names, by which examples name modules."""
    return {f"filters/{name}.wasm": by_content(name, module) for name, module in modules.items()}


def elsewhere(path):
    text = read(path)
    for written, instead in ELSEWHERE if path.endswith((".md", ".yaml")) else []:
        text = written.sub(instead, text)
    return text


def seen_from_above(page):
    """A page, with its links as they lead from the top."""
    lead = lambda found: b"](" + posixpath.normpath(posixpath.join(posixpath.dirname(page), found[1].decode())).encode()
    return re.sub(rb"\]\(([^):#][^):]*)(?=\))", lead, read(page))


def tracked(folder):
    return (output(["git", "ls-files", folder]) or "").splitlines()


def sums(entries):
    lines = [f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, (content, _) in entries.items()]
    return "".join(sorted(lines, key=lambda line: line[66:])).encode()


def packed(name, entries, links, epoch):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=epoch) as stream:
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted([*entries, *links]):
                entry = tarfile.TarInfo(f"{name}/{path}")
                entry.mtime = epoch
                if path in links:
                    entry.type, entry.linkname, content = tarfile.SYMTYPE, links[path], b""
                else:
                    content, entry.mode = entries[path]
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def written(folder, modules):
    """The modules beside the archive, and their layout."""
    shutil.rmtree(os.path.join(folder, "oci"), ignore_errors=True)
    oci.write(os.path.join(folder, "oci"), modules, bill.version())
    for name, module in sorted(modules.items()):
        path = os.path.join(folder, f"{name}.wasm")
        with open(path, "wb") as file:
            file.write(module)
        yield path


if __name__ == "__main__":
    main()
