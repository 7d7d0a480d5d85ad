"""The Ansible collection as an archive, as `ansible-galaxy collection build` makes it, without Ansible.

Its format: https://docs.ansible.com/ansible/latest/dev_guide/collections_galaxy_meta.html
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).resolve().parent.parent / "packaging" / "ansible"
_LEFT_OUT = ("galaxy.yml", "__pycache__")


def semantic(version: str) -> str:
    """A version of Python's as a semantic one: `1.2.0.dev3` is `1.2.0-dev.3`."""
    return re.sub(r"\.?(dev|a|b|rc)(\d*)$", r"-\1.\2", version).rstrip(".")


def collection(
    out: Path,
    version: str,
    epoch: int,
) -> Path:
    """`hardentui-podman-VERSION.tar.gz` in `out`; each file is of the time `epoch`."""
    text = (SOURCE / "galaxy.yml").read_text().replace("@VERSION@", semantic(version))
    galaxy: dict[str, Any] = yaml.safe_load(text)
    files = _files()
    listed = _json({"files": _listed(files), "format": 1})
    manifest = _json(_manifest(galaxy, listed))
    target = out / f"{galaxy['namespace']}-{galaxy['name']}-{galaxy['version']}.tar.gz"
    with (
        gzip.GzipFile(target, "wb", mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        content = {"MANIFEST.json": manifest, "FILES.json": listed, **files}
        for name, data in content.items():
            archive.addfile(_member(name, data, epoch), io.BytesIO(data or b""))
    return target


def _files() -> dict[str, bytes | None]:
    """Name -> content, of a folder None; a folder before what is in it."""
    licence = (SOURCE.parent.parent / "LICENSE").read_bytes()
    files: dict[str, bytes | None] = {"LICENSE": licence}
    for path in sorted(SOURCE.rglob("*")):
        name = str(path.relative_to(SOURCE))
        if not any(part in _LEFT_OUT for part in path.relative_to(SOURCE).parts):
            files[name] = None if path.is_dir() else path.read_bytes()
    return files


def _listed(files: dict[str, bytes | None]) -> list[dict[str, Any]]:
    listed = [_entry(".", None)]
    listed += [_entry(name, data) for name, data in files.items()]
    return listed


def _entry(name: str, data: bytes | None) -> dict[str, Any]:
    return {
        "name": name,
        "ftype": "dir" if data is None else "file",
        "chksum_type": None if data is None else "sha256",
        "chksum_sha256": None if data is None else hashlib.sha256(data).hexdigest(),
        "format": 1,
    }


def _manifest(galaxy: dict[str, Any], listed: bytes) -> dict[str, Any]:
    info = {
        "license": [],
        "dependencies": {},
        "repository": None,
        "documentation": None,
        "homepage": None,
        "issues": None,
        **{key: value for key, value in galaxy.items() if key != "build_ignore"},
    }
    return {
        "collection_info": info,
        "file_manifest_file": _entry("FILES.json", listed),
        "format": 1,
    }


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _member(
    name: str,
    data: bytes | None,
    epoch: int,
) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
    member.mode = 0o755 if data is None else 0o644
    member.size = len(data or b"")
    member.mtime = epoch
    member.uname = member.gname = "root"
    return member
