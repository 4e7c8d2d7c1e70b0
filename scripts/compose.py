#!/usr/bin/env python3
"""Runs the stack of `envoy/docker-compose.yaml`.

    compose.py up PROFILE       starts it, and waits until it is well
    compose.py down             ends it, and forgets what it kept
    compose.py test [--skip]    tests it; with --skip it is no failure that there
                                is no Docker engine
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from engine import NoEngine, compose_command, engine, is_there
from setup import ROOT, install, output

FILE = os.path.join("envoy", "docker-compose.yaml")
CONFIG = os.path.join("envoy", "compose", "config")
PROJECT = "tollgate"
PROFILES = ["minimal", "full"]
PATIENCE_SECONDS = 180
IMAGES = {
    "minimal": ["control-plane", "backend", "envoy"],
    "full": ["control-plane", "backend", "envoy", "redis", "postgres", "provider", "prometheus"],
}
# End-to-end tests that ask nothing but what the stack has: one Envoy, one control
# plane with the stack's arguments, and no file but the configuration.
SUITE = ["authorisation", "conditions", "forgeries", "headers", "keys", "limits", "paths"]

# Its key set is fetched without encryption, for which the backend would have to be
# on the control plane's own loopback.
UNENCRYPTED = "unknown_keys_cause_no_fetches"


def main():
    os.chdir(ROOT)
    action, *rest = sys.argv[1:] or ["help"]
    try:
        if action == "up" and rest and rest[0] in PROFILES:
            up(rest[0])
        elif action == "down":
            run(stack(*PROFILES) + ["down", "--volumes", "--remove-orphans"])
        elif action == "test":
            require_programs()
            with engine():
                test()
        else:
            sys.exit(__doc__)
    except NoEngine as why:
        print(f"no Docker engine: {why}", flush=True)
        sys.exit(0 if "--skip" in rest else 1)


def up(profile):
    if not is_there():
        raise NoEngine("none answers at DOCKER_HOST or its usual place; start one")
    images(profile, "release")
    start(profile)
    port = os.environ.get("GATEWAY_PORT") or "8080"
    print(f"\nThe gateway is at http://127.0.0.1:{port}; examples/quickstart/README.md has the curl lines.")
    print("`make compose-down` ends it.")


def require_programs():
    """What is packed into images, and what breaks networks."""
    packages = {"prometheus": "prometheus", "tc": "iproute2", "iptables": "iptables", "nsenter": "util-linux"}
    missing = [package for program, package in packages.items() if not shutil.which(program)]
    if missing:
        install(missing)


def test():
    images("full", os.environ.get("PROFILE") or "debug")
    with tempfile.TemporaryDirectory() as folder, stack_for_tests(os.path.join(folder, "config")):
        tests(["compose"], ["--ignored", "--nocapture"])
        host = "{{range .IPAM.Config}}{{.Gateway}}{{end}}"
        edge = output(["docker", "network", "inspect", "--format", host, f"{PROJECT}_edge"])
        os.environ["BACKEND_HOST"] = edge.strip()
        # The suite has files of its own.
        os.remove(os.path.join(folder, "config", "full", "provider.yaml"))
        tests(SUITE, ["--skip", UNENCRYPTED])
    print(open(os.path.join("target", "compose", "report.md")).read())


@contextlib.contextmanager
def stack_for_tests(config):
    """Beside one that somebody uses, with a configuration that tests replace."""
    global PROJECT
    PROJECT += "-test"
    shutil.copytree(CONFIG, config)
    # Containers read it as somebody else.
    os.chmod(os.path.dirname(config), 0o755)
    os.environ.update(
        TOLLGATE_STACK=PROJECT,
        TOLLGATE_CONFIG=config,
        GATEWAY_PORT=str(free_port()),
        ADMIN_PORT=str(free_port()),
        CONTROL_SUBNET="172.31.220",
        BACKEND_HOST="",
    )
    try:
        start("full")
        run(["docker", "exec", container("control-plane"), "tollgate", "tenants", "create", "acme", "--tier", "pro"])
        yield
    finally:
        subprocess.run(stack("full") + ["down", "--volumes", "--remove-orphans"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def tests(names, options):
    chosen = [word for name in names for word in ("--test", name)]
    run(["cargo", "test", "-p", "tollgate-e2e", *chosen, "--", "--test-threads", "1", *options])


def start(profile):
    run(["sh", "envoy/compose/certificates.sh", "target/compose"])
    run(stack(profile) + ["up", "--detach", "--remove-orphans"])
    wait()


def images(profile, build):
    run([sys.executable, "scripts/images.py", "--profile", build, *IMAGES[profile]])


def stack(*profiles):
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    return [*compose_command(), "--project-name", PROJECT, "--file", FILE, *chosen]


def wait():
    """What `up --wait` does, which docker-compose 1.29 does not know."""
    for _ in range(PATIENCE_SECONDS):
        states = health()
        if states and all(state == "healthy" for state in states.values()):
            return
        time.sleep(1)
    unwell = ", ".join(f"{name} is {state}" for name, state in states.items() if state != "healthy")
    sys.exit(f"compose: after {PATIENCE_SECONDS} s {unwell}; see `docker logs`")


def health():
    ids = (output(["docker", "ps", "--all", "--quiet", "--filter", label()]) or "").split()
    found = json.loads(output(["docker", "inspect", *ids]) or "[]") if ids else []
    return {one["Name"].lstrip("/"): one["State"].get("Health", {}).get("Status", "running") for one in found}


def container(service):
    return output(["docker", "ps", "--quiet", "--filter", f"label=com.docker.compose.service={service}", "--filter", label()]).strip()


def label():
    return f"label=com.docker.compose.project={PROJECT}"


def run(command):
    done = subprocess.run(command)
    if done.returncode != 0:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
