"""The bill of materials (CycloneDX 1.5) of what ships, and its licences, from
what cargo says: the crates that the control plane and the modules are built of."""

import glob
import hashlib
import json
import os
import re
import sys
import uuid

from setup import ROOT, WASM_TARGET, output

SHIPPED = {
    None: ["tollgate"],
    WASM_TARGET: ["tollgate-auth", "tollgate-gateway", "tollgate-host", "tollgate-rate-limit", "tollgate-transform"],
}
TEXTS = ["LICENSE*", "LICENCE*", "COPYING*", "COPYRIGHT*", "NOTICE*", "UNLICENSE*"]


def version():
    return next(one["version"] for one in metadata(None)["packages"] if one["name"] == "tollgate")


def packages():
    """By id: each with what it depends on."""
    found = {}
    for target, roots in SHIPPED.items():
        said = metadata(target)
        by_id = {one["id"]: one for one in said["packages"]}
        nodes = {node["id"]: node for node in said["resolve"]["nodes"]}
        waiting = [one["id"] for one in said["packages"] if one["name"] in roots]
        seen = set(waiting)
        while waiting:
            one = waiting.pop()
            needs = {need["pkg"] for need in nodes[one]["deps"] if is_shipped(need)}
            found.setdefault(one, (by_id[one], set()))[1].update(needs)
            waiting += needs - seen
            seen |= needs
    return found


def is_shipped(need):
    """What only builds or tests is not in what ships."""
    return any(kind["kind"] is None for kind in need["dep_kinds"])


def metadata(target):
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    said = output(command + ["--filter-platform", target or host()])
    if said is None:
        sys.exit("dist: `cargo metadata --locked` failed")
    return json.loads(said)


def host():
    lines = output(["rustc", "-vV"]).splitlines()
    return next(line.split(": ")[1] for line in lines if line.startswith("host: "))


def cyclonedx(packages):
    checksums = locked()
    components = [component(one, checksums) for one, _ in packages.values()]
    dependencies = [
        {"ref": purl(one), "dependsOn": sorted(purl(packages[need][0]) for need in needs)}
        for one, needs in packages.values()
    ]
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": "tollgate", "version": version(), "bom-ref": "tollgate"},
            "tools": [{"name": "scripts/bill.py"}],
        },
        "components": sorted(components, key=lambda one: one["bom-ref"]),
        "dependencies": sorted(dependencies, key=lambda one: one["ref"]),
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
    body["serialNumber"] = f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}"
    return json.dumps(body, indent=1, sort_keys=True).encode() + b"\n"


def component(one, checksums):
    found = {
        "type": "library",
        "bom-ref": purl(one),
        "name": one["name"],
        "version": one["version"],
        "purl": purl(one),
        "scope": "required",
    }
    if one["license"]:
        # Older crates divide alternatives by a slash.
        found["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", one["license"])}]
    checksum = checksums.get((one["name"], one["version"]))
    if checksum:
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return found


def purl(one):
    return f"pkg:cargo/{one['name']}@{one['version']}"


def locked():
    found, name, number = {}, None, None
    with open(os.path.join(ROOT, "Cargo.lock")) as file:
        for line in file:
            key, _, value = line.strip().partition(" = ")
            if key == "name":
                name = value.strip('"')
            elif key == "version":
                number = value.strip('"')
            elif key == "checksum":
                found[name, number] = value.strip('"')
    return found


def licences(packages):
    """The texts as their crates carry them; which one applies is in the bill. For
    those that carry none, where they come from."""
    silent = []
    for one, _ in packages.values():
        paths = texts(os.path.dirname(one["manifest_path"]))
        for path in paths:
            with open(path, "rb") as file:
                yield f"{one['name']}-{one['version']}/{os.path.basename(path)}", file.read()
        # Ours have the one at the top.
        if not paths and one["source"]:
            silent.append(f"{one['name']} {one['version']}: {one['license']}, {one['repository']}\n")
    yield "WITHOUT-TEXT", "".join(sorted(silent)).encode()


def texts(folder):
    found = {path for pattern in TEXTS for path in glob.glob(os.path.join(folder, pattern))}
    return sorted(path for path in found if os.path.isfile(path))
