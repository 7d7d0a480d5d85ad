"""Packages of programming languages, from what their installers leave in an image, as Trivy lists
them.

Python: METADATA and PKG-INFO. npm: package.json. Ruby: gemspecs. Go: the build information in each
    program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from hardentui.lib.image import Package
from hardentui.lib.image.tar import ArchiveEntry, Body

NOT_LISTED = (
    "only packages of distributions, pip, npm, gem and Go are listed, not other files in the image"
)
KINDS = frozenset({"pypi", "npm", "gem", "golang"})

_PYTHON = re.compile(r"(\.dist-info/METADATA|\.egg-info/PKG-INFO|\.egg-info)$")
_GEM = re.compile(r"/specifications/[^/]+\.gemspec$")
_GEM_FIELD = re.compile(
    r"""^\s*\w+\.(name|version|licenses?)\s*=\s*\[?["']([^"']+)["']""", re.MULTILINE
)
_LARGEST_TEXT = 1 << 20
_LONGEST = 200
_ELF = b"\x7fELF"
_GO = b"\xff Go buildinf:"
_GO_INLINE = 2
_GO_HEADER = 32  # bytes of magic, pointer size and flags; two strings follow
_GO_SENTINEL = 16
_CHUNK = 1 << 20
_LARGEST_GO = 4 << 20


def may_be_package(entry: ArchiveEntry) -> bool:
    """Whether a file may tell of packages, by its path and mode."""
    path = entry.path
    if path.endswith(("/package.json", ".gemspec", "/METADATA", "/PKG-INFO", ".egg-info")):
        return 0 < entry.size <= _LARGEST_TEXT and _text_kind(path) != ""
    return bool(entry.mode & 0o111) and entry.size > _CHUNK  # a Go program has more than a megabyte


def _text_kind(path: str) -> str:
    if path.endswith("/package.json"):
        return "npm"
    if _PYTHON.search(path):
        return "pypi"
    return "gem" if _GEM.search(path) else ""


def packages_of(path: str, body: Body) -> list[Package]:
    """The packages that a file tells of; none if it is not what its name says."""
    kind = _text_kind(path)
    if not kind:
        return list(_go(body))
    text = body.read(_LARGEST_TEXT).decode("utf-8", "replace")
    package = {"npm": _npm, "pypi": _python, "gem": _gem}[kind](text)
    return [package] if package else []


def _npm(text: str) -> Package | None:
    try:
        about = json.loads(text)
        name, version = about["name"], about["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    license = about.get("license")
    return _package(
        "npm",
        name,
        version,
        license if isinstance(license, str) else "",
    )


def _python(text: str) -> Package | None:
    fields: dict[str, str] = {}
    for line in text.partition("\n\n")[0].splitlines():
        name, colon, value = line.partition(": ")
        if colon and name in ("Name", "Version", "License"):
            fields.setdefault(name, value.strip())
    name = fields.get("Name", "").replace("_", "-").lower()  # as in its package URL; a dot stays
    return _package(
        "pypi",
        name,
        fields.get("Version"),
        fields.get("License", ""),
    )


def _gem(text: str) -> Package | None:
    fields: dict[str, str] = {}
    for name, value in _GEM_FIELD.findall(text):
        fields.setdefault(name.removesuffix("s"), value)
    return _package(
        "gem",
        fields.get("name"),
        fields.get("version"),
        fields.get("license", ""),
    )


def _go(body: Body) -> Iterator[Package]:
    """The modules that the Go compiler (1.18 and newer) wrote into a program, with its own version."""
    version, modules = _build_information(body)
    if version:
        yield Package(
            "golang",
            "stdlib",
            version.removeprefix("go").partition(" ")[0],
        )
    lines = [line.split("\t") for line in modules.splitlines()]
    for words, following in zip(lines, [*lines[1:], [""]], strict=False):
        replacement = following if following[0] == "=>" else words
        if words[0] not in ("mod", "dep") or len(replacement) < 3 or replacement[2] == "(devel)":
            continue
        if package := _package(
            "golang",
            replacement[1],
            replacement[2],
            "",
        ):
            yield package


def _build_information(body: Body) -> tuple[str, str]:
    """The version of Go and the list of modules; empty if there are none."""
    part = body.read(_CHUNK)
    if not part.startswith(_ELF):
        return "", ""
    while part:
        at = part.find(_GO)
        while at >= 0:
            if len(part) - at < _LARGEST_GO:
                part += body.read(_LARGEST_GO)
            if part[at + 15 : at + 16] and part[at + 15] & _GO_INLINE:
                version, rest = _string(part[at + _GO_HEADER :])
                modules, _ = _string(rest)
                if version.startswith(b"go"):
                    text = modules[_GO_SENTINEL:-_GO_SENTINEL]
                    return version.decode("utf-8", "replace"), text.decode("utf-8", "replace")
            at = part.find(_GO, at + 1)
        following = body.read(_CHUNK)
        part = part[-_GO_HEADER:] + following if following else b""
    return "", ""


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A string with its length before it, in groups of seven bits, and what follows."""
    length = 0
    for at, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            return data[at + 1 : at + 1 + length], data[at + 1 + length :]
    return b"", b""


def _package(
    kind: str,
    name: object,
    version: object,
    license: str,
) -> Package | None:
    if (
        not isinstance(name, str)
        or not isinstance(version, str)
        or not name.strip()
        or not version.strip()
    ):
        return None
    return Package(
        kind, name.strip()[:_LONGEST], version.strip()[:_LONGEST], license=license[:_LONGEST]
    )
