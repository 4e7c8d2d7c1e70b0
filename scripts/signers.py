#!/usr/bin/env python3
"""Gets others who sign requests and tokens, for the tests, into .tools/signers.

A virtual environment of its own, without a pip in it: the one that setup.py
finds installs into it. Does nothing when it is all there.
"""

import os
import shutil
import subprocess
import sys

from setup import ROOT, output, pip, say, stop

SIGNERS = os.path.join(ROOT, ".tools", "signers")
PYTHON = os.path.join(SIGNERS, "bin", "python")
REQUIREMENT = os.path.join(ROOT, "scripts", "signers.txt")
# Written last: a copy of what was asked for.
DONE = os.path.join(SIGNERS, "installed.txt")


def main():
    with open(REQUIREMENT) as file:
        wanted = file.read()
    if is_done(wanted):
        return
    say("fetching botocore, cryptography, http-message-signatures and joserfc (25 MB)")
    shutil.rmtree(SIGNERS, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", "--without-pip", SIGNERS]).returncode != 0:
        stop(
            "Python's venv does not work; install it with `apt-get install python3-venv` "
            "(Debian, Ubuntu)"
        )
    install()
    with open(DONE, "w") as file:
        file.write(wanted)


def is_done(wanted):
    try:
        with open(DONE) as file:
            return file.read() == wanted and output([PYTHON, "-c", "import cryptography"]) is not None
    except OSError:
        return False


def install():
    folder = output([PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-cache-dir"]
    command = pip() + ["install", "--quiet", *options, "--target", folder, "-r", REQUIREMENT]
    # A folder of our own needs no advice about the system's packages.
    environment = os.environ | {"PIP_ROOT_USER_ACTION": "ignore"}
    if subprocess.run(command, env=environment).returncode != 0:
        stop("pip could not fetch what scripts/signers.txt names")


if __name__ == "__main__":
    main()
