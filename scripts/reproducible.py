#!/usr/bin/env python3
"""Builds what people install twice, from two clean clones in folders of different
names, and says whether the bytes are the same.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

from setup import ROOT

# Of different lengths: a path that gets into a module shifts what follows it.
FOLDERS = ["one", "another-folder"]
IMAGES = ["control-plane", "filters"]


def main():
    with tempfile.TemporaryDirectory(prefix="tollgate-dist-") as base:
        folders = [os.path.join(base, folder) for folder in FOLDERS]
        # Both of one commit, whatever is committed while the first is built.
        for folder in folders:
            run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder])
        first, second = (sums(folder) for folder in folders)
    for path in sorted(first | second):
        same = first.get(path) == second.get(path)
        print(f"{'same     ' if same else 'DIFFERENT'}  {first.get(path, 'missing'):<64}  {path}")
    sys.exit(0 if first == second else "reproducible: two builds of one commit differ")


def sums(folder):
    """The sum of each file that `make dist` packs in a clone at `folder`, and of our
    images."""
    print(f"building in {folder}", flush=True)
    run([sys.executable, os.path.join(folder, "scripts", "dist.py")])
    images = os.path.join(folder, "target", "images")
    run([sys.executable, os.path.join(folder, "scripts", "images.py"), "--output", images, *IMAGES])
    found = {f"image {name}": digest(os.path.join(images, f"{name}.tar")) for name in IMAGES}
    [archive] = glob.glob(os.path.join(folder, "target", "dist", "*.tar.gz"))
    with tarfile.open(archive) as packed:
        name = next(one for one in packed.getnames() if one.endswith("/SHA256SUMS"))
        lines = packed.extractfile(name).read().decode().splitlines()
    found["archive"] = digest(archive)
    shutil.rmtree(folder)
    return found | {path: sum for sum, path in (line.split("  ", 1) for line in lines)}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def run(command):
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    done = subprocess.run(command, env=environment)
    if done.returncode != 0:
        sys.exit(f"reproducible: {' '.join(command)} ended with {done.returncode}")


if __name__ == "__main__":
    main()
