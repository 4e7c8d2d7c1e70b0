"""A Docker engine: the one that is there, or one of our own that ends with us."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

from setup import install, output, say

# A first start sets up its networks.
PATIENCE_SECONDS = 60
# All images take half of it.
ROOM_BYTES = 1 << 30


class NoEngine(Exception):
    """Why there is none."""


@contextlib.contextmanager
def engine():
    """Runs what it is wrapped around with `docker` answering."""
    if is_there():
        yield
        return
    if os.geteuid() != 0:
        raise NoEngine("none answers, and only root can start one")
    if not shutil.which("dockerd"):
        install(["docker.io"])
    if not shutil.which("dockerd"):
        raise NoEngine("none answers, and dockerd is missing; install it with `apt-get install docker.io`")
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < ROOM_BYTES:
        raise NoEngine(f"{free >> 20} MiB are free where it would keep its images, and it needs {ROOM_BYTES >> 20}")
    # Outside the checkout, and gone with everything in it at the end.
    folder = tempfile.mkdtemp(prefix="tollgate-engine-")
    try:
        with started(folder):
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def started(folder):
    socket = f"unix://{folder}/docker.sock"
    log_path = os.path.join(folder, "log")
    command = ["dockerd", "--host", socket]
    for option in ["data-root", "exec-root", "pidfile"]:
        command += [f"--{option}", os.path.join(folder, option)]
    say("starting a Docker engine")
    with open(log_path, "w") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    os.environ["DOCKER_HOST"] = socket
    try:
        wait(daemon, log_path)
        yield
    finally:
        os.environ.pop("DOCKER_HOST")
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()


def wait(daemon, log_path):
    for _ in range(PATIENCE_SECONDS * 2):
        if daemon.poll() is None and is_there():
            return
        if daemon.poll() is not None:
            break
        time.sleep(0.5)
    with open(log_path) as log:
        lines = log.read().splitlines()
    raise NoEngine("dockerd does not start: " + (lines[-1] if lines else "it says nothing"))


def is_there():
    return bool(shutil.which("docker")) and output(["docker", "info", "--format", "{{.ID}}"]) is not None


def compose_command():
    """`docker compose`, or the program that was before it."""
    if output(["docker", "compose", "version"]):
        return ["docker", "compose"]
    if not shutil.which("docker-compose"):
        install(["docker-compose"])
    if not shutil.which("docker-compose"):
        raise NoEngine("there is neither `docker compose` nor docker-compose")
    return ["docker-compose"]
