"""Tests the stack of `envoy/docker-compose.yaml`: small, with an Envoy of another
image; whole, with faults; and with the end-to-end suite.

It runs beside a stack that somebody uses, with a configuration that tests replace.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import engine
from compose import Stack, images, run
from setup import install, output

CONFIG = os.path.join("envoy", "compose", "config")
PROJECT = "tollgate-test"
# What holds of the small stack as well.
OF_BOTH = [
    "containers_may_do_little_and_are_reached_nowhere_else",
    "the_quick_start_works_as_written",
    "what_only_reads_of_the_admin_interface_is_reached",
]
# End-to-end tests of one Envoy and one control plane. The others start several,
# give them other arguments or files, or an Envoy without a control plane.
SUITE = [
    "authorisation",
    "backends",
    "budgets",
    "callers",
    "changes",
    "conditions",
    "forgeries",
    "grpc",
    "headers",
    "keys",
    "limits",
    "paths",
    "routing",
]
# Counts of days and months. The small stack has them from the first request on; the
# whole one has a store, which lends them and keeps them from one test to the next.
WITHOUT_STORE = [
    "costs::",
    "examples::the_example_of_a_month",
    "examples::the_example_of_costs",
    "examples::the_example_of_tiers",
    "limits_by_header_and_month_count_beside_each_other",
]
# Tests of those files that ask for what the stack does not have.
NOT_HERE = {
    *WITHOUT_STORE,
    # Keys are fetched without encryption from the control plane's own loopback alone.
    "keys_are_fetched_and_followed_when_they_change",
    "unknown_keys_cause_no_fetches",
    # Among the faults of tests/e2e/tests/compose.
    "a_backend_that_changed_meanwhile_is_live_after_a_reconnect",
    "requests_go_on_while_the_control_plane_is_gone",
    # What Envoy knows is asked of its admin interface, which there tells less.
    "on_demand::",
    # A name of loopback; the stack's own backends have names, by which they are found.
    "backends::backends_are_found_by_name",
    # Programs on loopback, which fail or go on for long as no container would.
    "broken::",
    "streams::a_stream_ends_at_the_age_of_its_route_whatever_it_says",
    "streams::a_stream_ends_that_says_nothing_for_as_long_as_its_route_lets_it",
    # Files of the test would have to be in a container.
    "secure::backends_are_verified_by_authority_and_name",
    "http3::",
    # Another module than the one that ships.
    "traps::",
    "hard::workers_that_end_with_tokens_admit_nothing_more_and_lose_few",
    # Measures the processes that it started.
    "many_changes_fail_no_request_and_leave_nothing_in_memory",
    # Another bootstrap.
    "connections::an_envoy_has_as_many_connections_as_it_may_and_closes_others_at_once",
    # A store of the test's own.
    "lasting::",
    # Two gateways beside each other.
    "shards::pieces_route_as_the_whole_does",
}
# What the official image says of itself: somebody else, and a program of its own
# before Envoy, which ours need not have.
AS_PUBLISHED = "tollgate/envoy-as-published:1.40.0"
LAYOUT = ["USER 101", 'ENTRYPOINT ["/docker-entrypoint.sh"]', 'CMD ["envoy", "-c", "/etc/envoy/envoy.yaml"]']


def main():
    require_programs()
    with engine.engine():
        commands = engine.compose_commands()
        images("full", os.environ.get("PROFILE") or "debug")
        with tempfile.TemporaryDirectory() as folder:
            surround(folder)
            small(Stack(PROJECT, commands[-1]))
            whole(Stack(PROJECT, commands[0]), folder)
    with open(os.path.join("target", "compose", "report.md")) as report:
        print(report.read())


def require_programs():
    """What is packed into images, what reads the file, and what breaks networks."""
    packages = {"prometheus": "prometheus", "tc": "iproute2", "iptables": "iptables", "nsenter": "util-linux"}
    missing = [package for program, package in packages.items() if not shutil.which(program)]
    if missing:
        install(missing)


def surround(folder):
    """What the file leaves open."""
    # Containers read it as somebody else.
    os.chmod(folder, 0o755)
    shutil.copytree(CONFIG, os.path.join(folder, "config"))
    os.environ.update(
        TOLLGATE_STACK=PROJECT,
        TOLLGATE_CONFIG=os.path.join(folder, "config"),
        GATEWAY_PORT=str(free_port()),
        ADMIN_PORT=str(free_port()),
        CONTROL_SUBNET="10.219.32",
        BACKEND_HOST="",
    )


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def small(stack):
    say("the small stack, with an Envoy image that is laid out as the official one", stack)
    os.environ["ENVOY_IMAGE"] = as_published()
    try:
        with running(stack, "minimal"):
            runs = output(["docker", "inspect", "--format", "{{.Config.Image}}", stack.container("envoy")])
            if runs.strip() != AS_PUBLISHED:
                sys.exit(f"compose: Envoy is of the image {runs.strip()}, not ENVOY_IMAGE")
            tests(["compose"], ["--ignored", "--exact", *OF_BOTH])
            find_backends(stack)
            tests(["limits"], WITHOUT_STORE)
    finally:
        del os.environ["ENVOY_IMAGE"]
        output(["docker", "image", "rm", AS_PUBLISHED])


def as_published():
    container = output(["docker", "create", "tollgate/envoy:1.40.0"]).strip()
    changes = [word for change in LAYOUT for word in ("--change", change)]
    run(["docker", "commit", *changes, container, AS_PUBLISHED])
    output(["docker", "rm", container])
    return AS_PUBLISHED


def whole(stack, folder):
    say("the whole stack, and its faults", stack)
    with running(stack, "full"):
        command(stack, "tenants", "create", "acme", "--tier", "pro")
        tests(["compose"], ["--ignored", "--nocapture"])
        say("the end-to-end suite", stack)
        outlives_its_container(stack, folder)
        suite(stack, folder)


def outlives_its_container(stack, folder):
    """The store does; and from now on tests empty the relay's cache, which would
    tell Envoy what the test before was about."""
    os.environ["RELAY_CACHE"] = os.path.join(folder, "relay")
    os.mkdir(os.environ["RELAY_CACHE"])
    os.chmod(os.environ["RELAY_CACHE"], 0o777)
    run(["docker", "rm", "--force", stack.container("postgres")])
    stack.up("full")
    if "acme" not in command(stack, "tenants", "list"):
        sys.exit("compose: the store has forgotten a tenant with its container")


def find_backends(stack):
    """Those of tests are outside."""
    gateway = "{{range .IPAM.Config}}{{.Gateway}}{{end}}"
    edge = output(["docker", "network", "inspect", "--format", gateway, f"{stack.project}_edge"])
    os.environ["BACKEND_HOST"] = edge.strip()


def suite(stack, folder):
    find_backends(stack)
    # The suite has files of its own.
    os.remove(os.path.join(folder, "config", "full", "provider.yaml"))
    tests(SUITE, [word for name in sorted(NOT_HERE) for word in ("--skip", name)])


@contextlib.contextmanager
def running(stack, profile):
    try:
        stack.up(profile)
        yield
    finally:
        down = stack.compose(["minimal", "full"], "down", "--volumes", "--remove-orphans")
        subprocess.run(down, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def command(stack, *words):
    """What `tollgate` prints in the control plane's container."""
    whole = ["docker", "exec", stack.container("control-plane"), "tollgate", *words]
    printed = output(whole)
    return printed if printed is not None else sys.exit(f"compose: `{' '.join(whole)}` failed")


def tests(names, options):
    chosen = [word for name in names for word in ("--test", name)]
    run(["cargo", "test", "-p", "tollgate-e2e", *chosen, "--", "--test-threads", "1", *options])


def say(what, stack):
    version = (output([*stack.command, "version", "--short"]) or "").strip()
    print(f"\n=== {what} (Compose {version})", flush=True)
