#!/usr/bin/python3
"""Packs folders into an image archive, without a registry or a container engine.

    archive.py OUTPUT --name NAME:TAG --layer FOLDER [--layer FOLDER ...]
        [--entrypoint WORD ...] [--command WORD ...] [--env NAME=VALUE ...] [--user UID] [--workdir PATH] [--stop-signal SIGNAL]
        [--label NAME=VALUE ...] [--compression 1..9]

OUTPUT is an OCI layout in a tar file, with docker's manifest.json besides: `ctr images import`, `docker load`, `podman
load` and `skopeo copy oci-archive:` all read it. Each folder becomes a layer; everything in it belongs to root, and times
are set to zero, so that the same files give the same image, whose digest is printed. Only the standard library is used.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import re
import sys
import tarfile
import tempfile

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
CREATED = "1970-01-01T00:00:00Z"


def full_name(name):
    """The name as a cluster spells it: with registry and tag (docker.io/library/busybox:latest)."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9_.-]+)?", name):
        sys.exit(f"archive: '{name}' is no image name; write lower case, as in session-operator/app:1")
    path, _, tag = name.rpartition(":") if ":" in name.rsplit("/", 1)[-1] else (name, "", "latest")
    first, _, rest = path.partition("/")
    if not rest:
        path = f"docker.io/library/{path}"
    elif "." not in first and ":" not in first and first != "localhost":
        path = f"docker.io/{path}"
    return f"{path}:{tag}"


class Blobs:
    """Content by digest, as files of one folder; large layers never have to fit in memory."""

    def __init__(self, folder, compression):
        self.folder = folder
        self.compression = compression
        self.sizes = {}

    def path(self, digest):
        return os.path.join(self.folder, digest)

    def add_bytes(self, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(self.path(digest), "wb") as file:
            file.write(data)
        self.sizes[digest] = len(data)
        return digest

    def add_json(self, value):
        return self.add_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())

    def add_layer(self, root):
        """Returns the digest of the compressed layer, and that of its content (the diff id)."""
        pending = os.path.join(self.folder, "pending")
        with open(pending, "wb") as raw:
            packed = HashingWriter(raw)
            with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=self.compression, mtime=0, filename="") as zipped:
                content = HashingWriter(zipped)
                with tarfile.open(fileobj=content, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                    add_tree(tar, root)
        digest = packed.hash.hexdigest()
        os.replace(pending, self.path(digest))
        self.sizes[digest] = os.path.getsize(self.path(digest))
        return digest, content.hash.hexdigest()

    def descriptor(self, media_type, digest, **more):
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": self.sizes[digest], **more}


class HashingWriter:
    """Passes bytes on and hashes them."""

    def __init__(self, target):
        self.target = target
        self.hash = hashlib.sha256()

    def write(self, data):
        self.hash.update(data)
        return self.target.write(data)

    def flush(self):
        self.target.flush()


def add_tree(tar, root):
    """Adds what is in a folder in the order of names, links before none of their targets."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted(files + folders):
            path = os.path.join(folder, name)
            entry = tar.gettarinfo(path, arcname=os.path.relpath(path, root))
            if entry is None:
                continue  # a socket
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = 0
            if entry.isreg():
                with open(path, "rb") as file:
                    tar.addfile(entry, file)
            else:
                tar.addfile(entry)
        folders[:] = [name for name in folders if name not in links]


def runtime(options):
    """What the image starts, in the words of the OCI configuration."""
    config = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *options.env]}
    for key, value in (
        ("Entrypoint", options.entrypoint), ("Cmd", options.command), ("User", options.user), ("WorkingDir", options.workdir),
        ("StopSignal", options.stop_signal),
    ):
        if value:
            config[key] = value
    if options.label:
        config["Labels"] = dict(label.split("=", 1) for label in options.label)
    return config


def pack(options, blobs):
    """Writes the archive, and replaces an older one only when complete. Returns the manifest's digest."""
    name = full_name(options.name)
    layers = [blobs.add_layer(root) for root in options.layer]
    config = blobs.add_json({
        "architecture": options.architecture, "os": "linux", "created": CREATED, "config": runtime(options),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{content}" for _, content in layers]},
        "history": [{"created": CREATED, "created_by": "scripts/kube/archive.py"} for _ in layers],
    })
    manifest = blobs.add_json({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": blobs.descriptor(CONFIG_TYPE, config),
        "layers": [blobs.descriptor(LAYER_TYPE, digest) for digest, _ in layers],
    })
    annotations = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
    files = {
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        "index.json": {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [blobs.descriptor(
                MANIFEST_TYPE, manifest, annotations=annotations, platform={"architecture": options.architecture, "os": "linux"})],
        },
        "manifest.json": [{
            "Config": f"blobs/sha256/{config}", "RepoTags": [name], "Layers": [f"blobs/sha256/{digest}" for digest, _ in layers]}],
    }
    pending = f"{options.output}.pending"
    with tarfile.open(pending, "w", format=tarfile.PAX_FORMAT) as tar:
        for path, value in files.items():
            data = json.dumps(value, sort_keys=True).encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
        for digest, size in sorted(blobs.sizes.items()):
            entry = tarfile.TarInfo(f"blobs/sha256/{digest}")
            entry.size, entry.mode = size, 0o644
            with open(blobs.path(digest), "rb") as file:
                tar.addfile(entry, file)
    os.replace(pending, options.output)
    return manifest


def main():
    parser = argparse.ArgumentParser(prog="archive.py", description="Packs folders into an image archive.")
    parser.add_argument("output")
    parser.add_argument("--name", required=True, help="as in session-operator/app:1")
    parser.add_argument("--layer", required=True, action="append", help="a folder; again for a layer on top")
    parser.add_argument("--entrypoint", action="append", default=[], help="one word; again for the next")
    parser.add_argument("--command", action="append", default=[], help="one word; again for the next")
    parser.add_argument("--env", action="append", default=[], help="NAME=VALUE")
    parser.add_argument("--user", default="", help="UID or UID:GID")
    parser.add_argument("--workdir", default="")
    parser.add_argument("--stop-signal", default="", help="as in SIGINT; SIGTERM where nothing is said")
    parser.add_argument("--label", action="append", default=[], help="NAME=VALUE")
    parser.add_argument("--compression", type=int, choices=range(1, 10), default=1, help="1, where an import unpacks it again at once, to 9")
    parser.add_argument("--architecture", default=ARCHITECTURES.get(platform.machine(), platform.machine()))
    options = parser.parse_args()
    for pair in options.env + options.label:
        if "=" not in pair:
            sys.exit(f"archive: '{pair}' has no value; write NAME=VALUE")
    for root in options.layer:
        if not os.path.isdir(root):
            sys.exit(f"archive: {root} is not a folder; name the folder whose content becomes a layer")
    folder = os.path.dirname(os.path.abspath(options.output))
    with tempfile.TemporaryDirectory(dir=folder) as work:
        print(f"sha256:{pack(options, Blobs(work, options.compression))}")


if __name__ == "__main__":
    main()
