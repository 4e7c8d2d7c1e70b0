#!/usr/bin/env python3
"""Builds the filters as wasm modules and has Envoy check each.

A module lies under the hash of its own bytes, `target/filters/NAME.HASH.wasm`,
so a running Envoy never sees one change; `target/filters/NAME.wasm` points to
the newest. The check is the drop-in configuration of the same name,
`envoy/drop-in/NAME/envoy.yaml`.

With `--tests` there is one more, which never ships: the gateway that traps when
a test tells it to.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVOY = os.environ.get("ENVOY") or os.path.join(ROOT, ".tools", "envoy")
FILTERS = ["gateway", "auth", "rate-limit", "transform"]
# By the drop-in configuration that it is checked with.
FOR_TESTS = {"trapping": "gateway"}
MODULES = os.path.join("target", "filters")


def main():
    os.chdir(ROOT)
    os.makedirs(MODULES, exist_ok=True)
    for_tests = list(FOR_TESTS) if "--tests" in sys.argv[1:] else []
    built = build(for_tests)
    for name in FILTERS + for_tests:
        publish(name, built[name.replace("-", "_")])


def build(for_tests):
    """Builds all modules; cargo skips what has not changed."""
    packages = [part for name in FILTERS for part in ("--package", f"tollgate-{name}")]
    features = [part for name in for_tests for part in ("--features", f"tollgate-gateway/{name}")]
    done = subprocess.run(
        ["cargo", "build", "--examples", "--profile", "wasm", "--target", "wasm32-wasip1"]
        + ["--message-format", "json-render-diagnostics"]
        + packages
        + features,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        stop("the modules were not built")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    artifacts = [message for message in messages if message["reason"] == "compiler-artifact"]
    return {
        artifact["target"]["name"].replace("-", "_"): file
        for artifact in artifacts
        if artifact["target"]["kind"] == ["example"]
        for file in artifact["filenames"]
        if file.endswith(".wasm")
    }


def publish(name, built):
    with open(built, "rb") as file:
        module = file.read()
    digest = hashlib.sha256(module).hexdigest()
    final = os.path.join(MODULES, f"{name}.{digest[:16]}.wasm")
    if not os.path.exists(final):
        # It gets its name only once Envoy has accepted it.
        candidate = final + ".new"
        with open(candidate, "wb") as file:
            file.write(module)
        check(name, candidate)
        os.replace(candidate, final)
    point(os.path.join(MODULES, f"{name}.wasm"), os.path.basename(final))
    print(f"{name:<12} {len(module) / 1024:>7.0f} KiB  sha256 {digest}  {final}", flush=True)


def check(name, module):
    drop_in = FOR_TESTS.get(name, name)
    path = os.path.join("envoy", "drop-in", drop_in, "envoy.yaml")
    with open(path) as file:
        config = file.read()
    link = os.path.join(MODULES, f"{drop_in}.wasm")
    if link not in config:
        stop(f"{path} does not name {link}")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(config.replace(link, module))
        file.flush()
        command = [ENVOY, "--mode", "validate", "--log-level", "error", "-c", file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        os.remove(module)
        stop(f"Envoy refuses {module} under {path}:\n{done.stdout}")


def point(link, target):
    temporary = f"{link}.{os.getpid()}.new"
    os.symlink(target, temporary)
    os.replace(temporary, link)


def stop(text):
    sys.exit(f"filters: {text}")


if __name__ == "__main__":
    main()
