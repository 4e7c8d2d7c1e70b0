"""Python environments of others' programs, for the tests, each in a folder of .tools."""

import os
import shutil
import subprocess
import sys

from setup import ROOT, output, pip, say, stop


def make(name, probe, what):
    """Installs what scripts/NAME.txt names into .tools/NAME, without a pip in it:
    the one that setup.py finds installs into it. Does nothing when it is all there.
    """
    folder = os.path.join(ROOT, ".tools", name)
    requirement = os.path.join(ROOT, "scripts", f"{name}.txt")
    with open(requirement) as file:
        wanted = file.read()
    if is_done(folder, probe, wanted):
        return
    say(f"fetching {what}")
    shutil.rmtree(folder, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder]).returncode != 0:
        stop(
            "Python's venv does not work; install it with `apt-get install python3-venv` "
            "(Debian, Ubuntu)"
        )
    install(python(folder), requirement)
    # Written last: a copy of what was asked for.
    with open(done(folder), "w") as file:
        file.write(wanted)


def python(folder):
    return os.path.join(folder, "bin", "python")


def done(folder):
    return os.path.join(folder, "installed.txt")


def is_done(folder, probe, wanted):
    try:
        with open(done(folder)) as file:
            same = file.read() == wanted
        return same and output([python(folder), "-c", f"import {probe}"]) is not None
    except OSError:
        return False


def install(python, requirement):
    folder = output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-cache-dir"]
    command = pip() + ["install", "--quiet", *options, "--target", folder, "-r", requirement]
    # A folder of our own needs no advice about the system's packages.
    environment = os.environ | {"PIP_ROOT_USER_ACTION": "ignore"}
    if subprocess.run(command, env=environment).returncode != 0:
        stop(f"pip could not fetch what {os.path.relpath(requirement, ROOT)} names")
