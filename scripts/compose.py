#!/usr/bin/env python3
"""Runs the stack of `envoy/docker-compose.yaml`.

    compose.py ready            says what it would not start for, before anything is built
    compose.py up PROFILE       starts it, and waits until it is well
    compose.py down             ends it, and forgets what it kept
    compose.py test [--skip]    tests it; with --skip it is no failure that there
                                is no Docker engine
"""

import json
import os
import socket
import subprocess
import sys
import time

import engine
from setup import ROOT, output

FILE = os.path.join("envoy", "docker-compose.yaml")
PROJECT = "tollgate"
PATIENCE_SECONDS = 180
IMAGES = {
    "minimal": ["control-plane", "backend", "envoy"],
    "full": ["control-plane", "backend", "envoy", "redis", "postgres", "provider", "prometheus"],
}
PORTS = {"GATEWAY_PORT": "8080", "ADMIN_PORT": "19000"}


class Stack:
    """The containers of a project, run by one of the programs that read the file."""

    def __init__(self, project, command):
        self.project = project
        self.command = command

    def up(self, profile):
        run(["sh", "envoy/compose/certificates.sh", "target/compose"])
        # docker-compose 1.29 does not know it.
        knows_wait = "--wait " in (output([*self.command, "up", "--help"]) or "")
        waits = ["--wait", "--wait-timeout", str(PATIENCE_SECONDS)] if knows_wait else []
        run(self.compose([profile], "up", "--detach", "--remove-orphans", *waits))
        self.wait()

    def down(self):
        run(self.compose(IMAGES, "down", "--volumes", "--remove-orphans"))

    def compose(self, profiles, *action):
        chosen = [word for profile in profiles for word in ("--profile", profile)]
        return [*self.command, "--project-name", self.project, "--file", FILE, *chosen, *action]

    def wait(self):
        """Until all are healthy."""
        states = {}
        for _ in range(PATIENCE_SECONDS):
            states = self.health()
            if states and all(state == "healthy" for state in states.values()):
                return
            time.sleep(1)
        unwell = ", ".join(f"{name} is {state}" for name, state in states.items() if state != "healthy")
        sys.exit(f"compose: after {PATIENCE_SECONDS} s {unwell or 'nothing runs'}; see `docker logs`")

    def health(self):
        ids = (output(["docker", "ps", "--all", "--quiet", "--filter", self.label()]) or "").split()
        found = json.loads(output(["docker", "inspect", *ids]) or "[]") if ids else []
        return {one["Name"].lstrip("/"): one["State"].get("Health", {}).get("Status", "running") for one in found}

    def container(self, service):
        """The id of its container, or nothing."""
        of_service = f"label=com.docker.compose.service={service}"
        return (output(["docker", "ps", "--quiet", "--filter", of_service, "--filter", self.label()]) or "").strip()

    def label(self):
        return f"label=com.docker.compose.project={self.project}"


def main():
    os.chdir(ROOT)
    action, *rest = sys.argv[1:] or ["help"]
    try:
        if action == "ready":
            ready()
        elif action == "up" and rest and rest[0] in IMAGES:
            up(rest[0])
        elif action == "down":
            Stack(PROJECT, engine.compose_command()).down()
        elif action == "test":
            import compose_test

            compose_test.main()
        else:
            sys.exit(__doc__)
    except engine.NoEngine as why:
        print(f"no Docker engine: {why}", flush=True)
        sys.exit(0 if "--skip" in rest else 1)


def ready():
    why_not = engine.why_not()
    if why_not:
        raise engine.NoEngine(why_not)
    stack = Stack(PROJECT, engine.compose_command())
    if not stack.container("envoy"):
        require_ports()
    return stack


def up(profile):
    stack = ready()
    images(profile, "release")
    stack.up(profile)
    print(f"\nThe gateway is at http://127.0.0.1:{port('GATEWAY_PORT')}; examples/quickstart/README.md has the curl lines.")
    print("`make compose-down` ends it.")


def require_ports():
    for variable in PORTS:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port(variable)))
            except OSError:
                taken = f"127.0.0.1:{port(variable)} is taken"
                sys.exit(f"compose: {taken}; end what listens there, or choose another: `make compose {variable}=…`")


def port(variable):
    return int(os.environ.get(variable) or PORTS[variable])


def images(profile, build):
    run([sys.executable, "scripts/images.py", "--profile", build, *IMAGES[profile]])


def run(command):
    done = subprocess.run(command)
    if done.returncode != 0:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
