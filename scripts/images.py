#!/usr/bin/env python3
"""Builds the container images and loads them into the Docker engine.

Ours are made of nothing but a program, the libraries it is linked with and
certificates. The others (Envoy, and the servers around it) are made likewise of
what is installed here, so that the stack of `envoy/docker-compose.yaml` runs
where no registry can be reached.

Equal files give equal images: times are fixed and entries are sorted. An image
that the engine has already is not loaded again.

    images.py [--profile PROFILE] [--output FOLDER] [NAME …]

Our programs are those of `target/PROFILE`, or with the profile `packed` built as what
`make dist` packs, so that equal sources give equal images wherever they lie.
"""

import argparse
import functools
import glob
import os
import shutil
import subprocess
import sys

import dist
from image import Image, program, tree
from setup import ROOT, output

VERSION = "0.1.0"
NOBODY = 65532
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def main():
    arguments = parse()
    os.chdir(ROOT)
    known = {**ours(arguments.profile), **others()}
    for name in arguments.names or known:
        if name not in known:
            stop(f"{name} is no image; there are {', '.join(known)}")
        make(known[name](), arguments.output)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--profile", default=dist.PROFILE, help="which build of our programs is packed")
    parser.add_argument("--output", help="writes NAME.tar there, for `docker load`, and needs no engine")
    parser.add_argument("names", nargs="*", metavar="NAME")
    return parser.parse_args()


def make(image, folder):
    size = image.seal()
    if folder:
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"{image.name}.tar"), "wb") as file:
            image.write(file)
    else:
        load(image)
    print(f"{image.tag:<32} {size / 1024 / 1024:>7.1f} MiB  {image.id}", flush=True)


def load(image):
    before = (output(["docker", "image", "inspect", "--format", "{{.Id}}", image.tag]) or "").strip()
    if before == image.id:
        return
    with subprocess.Popen(["docker", "load"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as docker:
        image.write(docker.stdin)
    if docker.returncode != 0:
        stop(f"the Docker engine did not take {image.tag}")
    if before:
        # Unless a container still runs it.
        output(["docker", "image", "rm", before])


def ours(profile):
    shipped = functools.cache(lambda: dist.shipped(profile))
    target = os.path.join(os.environ.get("CARGO_TARGET_DIR") or "target", "release" if profile == dist.PROFILE else profile)
    return {
        "control-plane": lambda: control_plane(shipped()[1]),
        "filters": lambda: modules(shipped()[0]),
        "backend": lambda: backend(target),
    }


def control_plane(tollgate):
    image = Image("control-plane", VERSION, user=NOBODY)
    program(image, tollgate, "/usr/bin/tollgate")
    image.file(CERTIFICATES, CERTIFICATES)
    image.folder("/var/lib/tollgate", owner=NOBODY)
    image.config["Entrypoint"] = ["tollgate"]
    image.config["Cmd"] = ["serve", "/etc/tollgate/tollgate.yaml"]
    image.config["WorkingDir"] = "/var/lib/tollgate"
    return image


def modules(paths):
    image = Image("filters", VERSION, user=NOBODY, is_bare=True)
    for name, path in paths.items():
        # Under both names: the short one says which is the newest.
        target = dist.by_content(name, dist.read(path))
        image.file(path, f"/filters/{target}", mode=0o644)
        image.link(f"/filters/{name}.wasm", target)
    return image


def backend(target):
    image = Image("backend", VERSION, user=NOBODY)
    program(image, os.path.join(target, "backend"), "/usr/bin/backend")
    image.config["Entrypoint"] = ["backend"]
    image.config["Cmd"] = ["0.0.0.0:9000"]
    return image


def others():
    return {
        "envoy": envoy,
        "provider": provider,
        "redis": redis,
        "postgres": postgres,
        "prometheus": prometheus,
    }


def envoy():
    image = Image("envoy", "1.40.0", user=NOBODY)
    program(image, os.environ.get("ENVOY") or os.path.join(ROOT, ".tools", "envoy"), "/usr/local/bin/envoy")
    shell(image)
    image.config["Entrypoint"] = ["envoy"]
    return image


def provider():
    image = Image("provider", VERSION, user=NOBODY)
    program(image, found("node", "nodejs"), "/usr/bin/node")
    image.file("tests/support/oidc/server.mjs", "/provider/server.mjs")
    tree(image, ".tools/oidc", "/provider/modules")
    image.config["Entrypoint"] = ["node", "/provider/server.mjs"]
    return image


def redis():
    image = Image("redis", VERSION, user=NOBODY)
    for name in ["redis-server", "redis-cli"]:
        program(image, found(name, "redis-server"), f"/usr/bin/{name}")
    image.config["Entrypoint"] = ["redis-server"]
    return image


def postgres():
    image = Image("postgres", VERSION, user=NOBODY)
    folder = os.path.dirname(os.path.dirname(os.path.realpath(postgres_program())))
    for name in ["postgres", "initdb", "pg_isready"]:
        program(image, os.path.join(folder, "bin", name), os.path.join(folder, "bin", name))
    tree(image, os.path.join(folder, "lib"), os.path.join(folder, "lib"), keeps=is_needed_by_postgres)
    share = output([os.path.join(folder, "bin", "pg_config"), "--sharedir"])
    share = share.strip() if share else folder.replace("/lib/", "/share/")
    tree(image, share, share, keeps=lambda path: not path.endswith((".mo", ".control")) or "plpgsql" in path)
    # The one time zone that there is without the system's list of them.
    image.file("/usr/share/zoneinfo/UTC", "/usr/share/zoneinfo/UTC")
    shell(image)
    image.file("envoy/compose/postgres.sh", "/usr/bin/docker-entrypoint.sh", mode=0o755)
    image.folder("/var/lib/postgresql/data", owner=NOBODY, mode=0o700)
    image.config["Entrypoint"] = ["docker-entrypoint.sh"]
    image.config["Env"] = [f"PATH={folder}/bin:/usr/bin:/bin", "PGDATA=/var/lib/postgresql/data"]
    return image


def postgres_program():
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    return programs[-1] if programs else found("postgres", "postgresql")


def is_needed_by_postgres(path):
    """Not the compiler for queries, which is larger than all the rest."""
    return path.endswith(("dict_snowball.so", "plpgsql.so"))


def prometheus():
    image = Image("prometheus", VERSION, user=NOBODY)
    program(image, found("prometheus", "prometheus"), "/usr/bin/prometheus")
    shell(image)
    image.folder("/prometheus", owner=NOBODY)
    image.config["Entrypoint"] = ["prometheus"]
    return image


def shell(image):
    """By which health is asked for, as it is in the official images."""
    program(image, found("bash", "bash"), "/bin/bash")
    image.link("/bin/sh", "bash")


def found(name, package):
    path = shutil.which(name)
    if not path:
        stop(f"{name} is missing; install it with `apt-get install {package}` (Debian, Ubuntu)")
    return path


def stop(text):
    sys.exit(f"images: {text}")


if __name__ == "__main__":
    main()
