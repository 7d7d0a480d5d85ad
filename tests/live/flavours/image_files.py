"""Images with any configuration (creation date, history, environment), without a build: docker
archives."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.live.flavours.knock import knock

_PASSWD = "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nweb:x:101:101::/:/bin/false\n"
_GROUP = "root:x:0:\ndisk:x:6:\nweb:x:101:\n"
_PROGRAMS = ("httpd", "sleep", "true", "sh", "wget", "nc", "ls", "awk", "cat", "grep", "id")


@dataclass(frozen=True)
class TestImage:
    """An image of busybox: its reference, what its configuration says, and when it was made."""

    __test__ = False  # no test class, whatever pytest thinks of the name

    reference: str
    config: Mapping[str, Any] = field(default_factory=dict)
    created: datetime | None = None
    made_by: str = "COPY rootfs / # made by the tests"
    layer_note: str = ""
    """Another note makes another layer, and so another image of the same name."""
    groups: str = _GROUP
    """Its /etc/group."""


def docker_archive(images: Iterable[TestImage], target: Path) -> None:
    """Write what `podman load` takes."""
    manifest = []
    with tarfile.open(target, "w") as archive:
        for image in images:
            layer = _layer(image.layer_note, image.groups)
            digest = hashlib.sha256(layer).hexdigest()
            config = _config(image, digest)
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            files = {f"{digest}.tar": layer, name: config}
            for path, content in files.items():
                if path not in archive.getnames():
                    _add(archive, path, content)
            entry = {
                "Config": name,
                "RepoTags": [image.reference],
                "Layers": [f"{digest}.tar"],
            }
            manifest.append(entry)
        _add(
            archive,
            "manifest.json",
            json.dumps(manifest).encode(),
        )


def _config(image: TestImage, digest: str) -> bytes:
    created = (image.created or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = {
        "created": created,
        "architecture": "amd64",
        "os": "linux",
        "config": image.config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": created, "created_by": image.made_by}],
    }
    return json.dumps(document).encode()


def _layer(note: str, groups: str) -> bytes:
    busybox = shutil.which("busybox")
    assert busybox, "see missing_programs of tests.support.podman"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for directory, mode in (
            ("bin", 0o755),
            ("etc", 0o755),
            ("tmp", 0o1777),
            ("data", 0o755),
            ("srv", 0o777),
        ):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        _add(
            archive,
            "bin/busybox",
            Path(busybox).read_bytes(),
            0o755,
        )
        _add(archive, "bin/knock", knock(), 0o755)
        _add(
            archive, "bin/rise", knock(), 0o4755, owner=101
        )  # whoever runs it is that user, if allowed
        for program in _PROGRAMS:
            link = tarfile.TarInfo(f"bin/{program}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        _add(archive, "etc/passwd", _PASSWD.encode())
        _add(archive, "etc/group", groups.encode())
        _add(archive, "srv/note", f"{note}\n".encode())
    return buffer.getvalue()


def _add(
    archive: tarfile.TarFile,
    path: str,
    content: bytes,
    mode: int = 0o644,
    owner: int = 0,
) -> None:
    entry = tarfile.TarInfo(path)  # time 0, so the same bytes each time
    entry.size, entry.mode, entry.uid, entry.gid = len(content), mode, owner, owner
    archive.addfile(entry, io.BytesIO(content))
