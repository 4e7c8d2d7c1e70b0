"""An OCI image layout of wasm modules, each by its name: what `oci://` finds in a
registry once it was copied there, for example with `oras cp` or `skopeo copy`."""

import hashlib
import json
import os

# The convention of Istio, Envoy Gateway and others for proxy-wasm modules.
CONFIG = "application/vnd.module.wasm.config.v1+json"
LAYER = "application/vnd.module.wasm.content.layer.v1+wasm"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def write(folder, modules, version):
    os.makedirs(os.path.join(folder, "blobs", "sha256"))
    manifests = [manifest(folder, name, module, version) for name, module in sorted(modules.items())]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
    put(os.path.join(folder, "index.json"), encoded(index))
    put(os.path.join(folder, "oci-layout"), encoded({"imageLayoutVersion": "1.0.0"}))


def manifest(folder, name, module, version):
    layer = blob(folder, LAYER, module)
    # Found by its title where it is pulled as a file.
    layer["annotations"] = {"org.opencontainers.image.title": "plugin.wasm"}
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(folder, CONFIG, b"{}"),
        "layers": [layer],
        "annotations": {
            "org.opencontainers.image.title": f"tollgate-{name}",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    }
    found = blob(folder, MANIFEST, encoded(content))
    found["annotations"] = {"org.opencontainers.image.ref.name": name}
    return found


def blob(folder, kind, content):
    digest = hashlib.sha256(content).hexdigest()
    put(os.path.join(folder, "blobs", "sha256", digest), content)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def encoded(value):
    return json.dumps(value, sort_keys=True).encode()


def put(path, content):
    with open(path, "wb") as file:
        file.write(content)
