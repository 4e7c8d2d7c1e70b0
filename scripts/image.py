"""Container images of single files, without a build engine: one layer and its
configuration, as `docker load` and `podman load` take them."""

import hashlib
import io
import json
import os
import platform
import re
import tarfile

from setup import output

# Files have no other time: equal content is to give equal images.
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
CREATED = "1970-01-01T00:00:00Z"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
# Root for the system's own files, and whom images run as.
USERS = "root:x:0:0:root:/:/sbin/nologin\nnobody:x:{user}:{user}:nobody:/:/sbin/nologin\n"
GROUPS = "root:x:0:\nnobody:x:{user}:\n"


class Image:
    def __init__(self, name, version, user, is_bare=False):
        self.name = name
        self.tag = f"tollgate/{name}:{version}"
        self.entries = {}
        self.config = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "User": f"{user}:{user}"}
        if is_bare:
            return
        self.text("/etc/passwd", USERS.format(user=user))
        self.text("/etc/group", GROUPS.format(user=user))
        self.text("/etc/nsswitch.conf", "hosts: files dns\n")
        # What engines mount over has to be there where nothing can be written.
        for folder in ["/proc", "/sys", "/dev", "/run"]:
            self.folder(folder)
        self.folder("/tmp", mode=0o1777)

    def text(self, path, text, mode=0o644):
        self.put(path, tarfile.REGTYPE, mode, 0, text.encode(), None)

    def file(self, source, path, mode=None):
        mode = mode if mode is not None else os.stat(source).st_mode & 0o755
        self.put(path, tarfile.REGTYPE, mode, 0, None, os.path.realpath(source))

    def link(self, path, target):
        self.put(path, tarfile.SYMTYPE, 0o777, 0, target, None)

    def folder(self, path, owner=0, mode=0o755):
        self.put(path, tarfile.DIRTYPE, mode, owner, None, None)

    def put(self, path, kind, mode, owner, content, source):
        parent = os.path.dirname(path)
        if parent != "/" and parent not in self.entries:
            self.folder(parent)
        self.entries[path] = (kind, mode, owner, content, source)

    def seal(self):
        """Fixes the identity, and tells the size."""
        sink = Digest()
        self.write_layer(sink)
        self.layer = sink
        self.json = json.dumps(
            {
                "architecture": ARCHITECTURE,
                "os": "linux",
                "created": CREATED,
                "config": self.config,
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sink.hexdigest()}"]},
                "history": [{"created": CREATED, "created_by": "scripts/images.py"}],
            },
            sort_keys=True,
        ).encode()
        self.id = f"sha256:{hashlib.sha256(self.json).hexdigest()}"
        return sink.size

    def write(self, out):
        """As an archive; the layer goes straight through, and needs no room of its own."""
        name = f"{self.layer.hexdigest()}/layer.tar"
        config = f"{self.id.split(':')[1]}.json"
        manifest = json.dumps([{"Config": config, "RepoTags": [self.tag], "Layers": [name]}])
        for path, content in [(config, self.json), ("manifest.json", manifest.encode())]:
            out.write(header(path, tarfile.REGTYPE, 0o644, 0, len(content)).tobuf())
            out.write(padded(content))
        out.write(header(name, tarfile.REGTYPE, 0o644, 0, self.layer.size).tobuf())
        self.write_layer(out)
        out.write(bytes(-self.layer.size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE))

    def write_layer(self, out):
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as archive:
            for path, (kind, mode, owner, content, source) in sorted(self.entries.items()):
                entry = header(path.lstrip("/"), kind, mode, owner, 0)
                if kind == tarfile.SYMTYPE:
                    entry.linkname = content
                    archive.addfile(entry)
                elif kind == tarfile.DIRTYPE:
                    archive.addfile(entry)
                elif source:
                    entry.size = os.path.getsize(source)
                    with open(source, "rb") as file:
                        archive.addfile(entry, file)
                else:
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))


class Digest:
    """Takes bytes and keeps nothing of them."""

    def __init__(self):
        self.hash, self.size = hashlib.sha256(), 0

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)
        return len(data)

    def hexdigest(self):
        return self.hash.hexdigest()


def header(name, kind, mode, owner, size):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.mtime = kind, mode, size, EPOCH
    entry.uid = entry.gid = owner
    return entry


def padded(content):
    return content + bytes(-len(content) % tarfile.BLOCKSIZE)


def program(image, source, path):
    """A program, and every library that it is linked with, where it looks for them."""
    image.file(source, path, mode=0o755)
    for library in libraries(source):
        image.file(library, library, mode=0o755)


def libraries(source):
    # Nothing is linked with a program that is static.
    listed = output(["ldd", os.path.realpath(source)]) or ""
    return re.findall(r"(?:=> |^\s*)(/\S+) \(0x", listed, flags=re.MULTILINE)


def tree(image, source, path, keeps=lambda path: True):
    """A folder, with whatever its files are linked with."""
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(folder, name)
            if not keeps(file) or not os.path.exists(file):
                continue
            into = os.path.join(path, os.path.relpath(file, source))
            if name.endswith(".so"):
                program(image, file, into)
            else:
                image.file(file, into)
