#!/usr/bin/env python3
"""Writes the resources by which Istio and Envoy Gateway take each filter, out of
what is pasted into an Envoy: `envoy/drop-in/NAME/filter.yaml`.

With `--check` it writes nothing, and says which of them are not up to date.
"""

import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What stands there until somebody has the module in a registry of their own.
IMAGE = "oci://registry.example/tollgate/{name}:0.1.0"
SHA256 = "0" * 64
# The gateway's contracts stand in Envoy's routes, which neither lets one write.
FILTERS = ["auth", "rate-limit", "transform"]
# Where in Istio's chain each belongs.
PHASES = {"auth": "AUTHN", "rate-limit": "AUTHZ", "transform": "STATS"}

ISTIO = """\
# The {name} filter at Istio's ingress gateway. Written by scripts/kubernetes.py;
# the image and its hash are yours, docs/drop-in.md says how.
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: tollgate-{name}
  namespace: istio-system
spec:
  selector: {{ matchLabels: {{ istio: ingressgateway }} }}
  url: {image}
  sha256: "{sha256}"
  imagePullPolicy: IfNotPresent
  phase: {phase}
  pluginName: tollgate.{name}
  # Not FAIL_OPEN, which lets everything pass once a module has crashed.
  failStrategy: FAIL_RELOAD
  pluginConfig:
{config}
"""

ENVOY_GATEWAY = """\
# The {name} filter on every route of a Gateway. Written by scripts/kubernetes.py;
# the image and its hash are yours, docs/drop-in.md says how.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata:
  name: tollgate-{name}
spec:
  targetRefs:
  - {{ group: gateway.networking.k8s.io, kind: Gateway, name: public }}
  wasm:
  - name: tollgate.{name}
    # True lets everything pass once a module has crashed.
    failOpen: false
    code:
      type: Image
      image:
        url: {bare_image}
        sha256: "{sha256}"
    config:
{config}
"""


def main():
    stale = []
    for name in FILTERS:
        for file, text in resources(name).items():
            path = os.path.join("envoy", "drop-in", name, file)
            if "--check" not in sys.argv[1:]:
                put(path, text)
            elif read(path) != text:
                stale.append(path)
    if stale:
        sys.exit(f"kubernetes: not up to date: {', '.join(stale)}; run scripts/kubernetes.py")


def resources(name):
    config = json.loads(pasted(read(os.path.join("envoy", "drop-in", name, "filter.yaml"))))
    image = IMAGE.format(name=name)
    values = {
        "name": name,
        "image": image,
        "bare_image": image.removeprefix("oci://"),
        "sha256": SHA256,
        "phase": PHASES[name],
    }
    return {
        "istio.yaml": ISTIO.format(config=block(config, 4), **values),
        "envoy-gateway.yaml": ENVOY_GATEWAY.format(config=block(config, 6), **values),
    }


def pasted(text):
    """The document under `value: |`."""
    return re.search(r"value: \|\n((?: {10}.*\n?)+)", text)[1]


def block(value, indent):
    """JSON is YAML too."""
    return "\n".join(" " * indent + line for line in json.dumps(value, indent=2).splitlines())


def read(path):
    try:
        with open(os.path.join(ROOT, path)) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def put(path, text):
    with open(os.path.join(ROOT, path), "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
