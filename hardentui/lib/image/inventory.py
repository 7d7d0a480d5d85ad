"""The inventory of an image from the stream of `GET /images/ID/get?format=docker-archive`.

Nothing is unpacked to disk and nothing is run. The layers come before the list that gives
their order, so each is read into a small summary first; at the end the summaries are stacked
from the lowest up, and what a higher layer hides is marked as deleted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from hardentui.lib.image import ImageFile, ImageInventory, LayerSize
from hardentui.lib.image.accounts import weak
from hardentui.lib.image.layers import MOST_FOUND, Budget, Layer, read_layer
from hardentui.lib.image.packages import Database
from hardentui.lib.image.tar import ByteSource, Damaged, entries

_MOST_PARTS = 4096
_MOST_LAYERS = 512
_LONGEST_MANIFEST = 8 << 20
V = TypeVar("V")
_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")


def read_inventory(
    source: ByteSource,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImageInventory:
    """Read an image archive to its end.

    Args:
        source: the archive as a stream; read once, from front to back.
        cancelled: called between files; if true, the rest is left out and `gaps` says so.

    Returns:
        The inventory. Faults of the archive are listed in `gaps`; nothing is raised for them.
    """
    budget = Budget(cancelled=cancelled)
    layers: dict[str, Layer] = {}
    manifest: bytes | None = None
    gaps: list[str] = []
    try:
        for part, (entry, body) in enumerate(entries(source)):
            if part >= _MOST_PARTS or len(layers) >= _MOST_LAYERS:
                gaps.append("the archive has more parts than is plausible")
                break
            if entry.kind == "file" and entry.path == "/manifest.json":
                if entry.size > _LONGEST_MANIFEST:
                    gaps.append("the list of layers is longer than is plausible")
                manifest = body.read(_LONGEST_MANIFEST)
            elif entry.kind == "file" and (
                entry.path.endswith(".tar") or entry.path.startswith("/blobs/")
            ):
                layers[entry.path.lstrip("/")] = read_layer(body, budget)
    except Damaged as error:
        gaps.append(f"the archive: {error}")
    order = _order(manifest, layers, gaps)
    for number, name in enumerate(order, 1):
        if layers[name].gap:
            gaps.append(f"layer {number}: {layers[name].gap}")
    return _combined([(name, layers[name]) for name in order], gaps)


def _order(
    manifest: bytes | None,
    layers: Mapping[str, Layer],
    gaps: list[str],
) -> list[str]:
    """Names of the layers, lowest first; without a readable list, in the order of the archive."""
    try:
        names = json.loads(manifest or b"")[0]["Layers"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        gaps.append("the archive does not give the order of its layers")
        return list(layers)
    known = [name for name in _texts(names) if name in layers]
    if not isinstance(names, list) or len(known) != len(names):
        gaps.append("a layer of the image is not in the archive")
    return known[:_MOST_LAYERS]


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _combined(
    layers: list[tuple[str, Layer]],
    gaps: list[str],
) -> ImageInventory:
    by_category: dict[str, list[ImageFile]] = {}
    for at, (_, layer) in enumerate(layers):
        above = [higher for _, higher in layers[at + 1 :]]
        for category, file in layer.notable:
            deleted = any(higher.hides(file.path) for higher in above)
            if deleted and category != "credential":
                # deleted files cannot be started; only their contents can still be extracted
                continue
            by_category.setdefault(category, []).append(
                replace(file, layer=at + 1, deleted=deleted)
            )
    texts = _in_image(layers, lambda layer: layer.texts)
    databases = _in_image(layers, lambda layer: layer.databases)
    languages = _in_image(layers, lambda layer: layer.languages)
    packages, uncounted = _counts(databases)

    def files(category: str) -> tuple[ImageFile, ...]:
        return tuple(by_category.get(category, ())[:MOST_FOUND])

    return ImageInventory(
        release=_release(texts),
        packages=packages,
        uncounted=uncounted,
        installed=(
            *(package for database in databases.values() for package in database.packages),
            *(package for told in languages.values() for package in told),
        ),
        tools=files("tool"),
        shells=files("shell"),
        remote_logins=files("login"),
        privileged_files=files("privileged"),
        world_writable=files("writable"),
        credentials=files("credential"),
        weak_accounts=weak(texts),
        layers=tuple(
            LayerSize(
                ascii(name.removesuffix(".tar"))[1:81],
                layer.size,
                layer.count,
            )
            for name, layer in layers
        ),
        gaps=tuple(gaps),
    )


def _in_image(
    layers: list[tuple[str, Layer]],
    of: Callable[[Layer], dict[str, V]],
) -> dict[str, V]:
    """Path -> what the layers tell of it, as the finished image shows it."""
    seen: dict[str, V] = {}
    for _, layer in layers:
        seen = {path: told for path, told in seen.items() if not layer.hides(path)} | of(layer)
    return seen


def _counts(databases: Mapping[str, Database]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Kind of database -> number of packages, and the kinds that cannot be counted."""
    packages: dict[str, int] = {}
    unread: list[str] = []
    for path, database in databases.items():
        kind = next((kind for kind in ("dpkg", "apk", "rpm") if kind in path), "")
        if not database.readable:
            unread.append(kind)
        elif kind:
            packages[kind] = packages.get(kind, 0) + database.count
    return packages, tuple(dict.fromkeys(unread))


def _release(texts: Mapping[str, str]) -> dict[str, str]:
    """Fields of os-release; /etc comes before /usr/lib."""
    text = next((texts[path] for path in _OS_RELEASE if path in texts), "")
    fields: dict[str, str] = {}
    for line in text.splitlines()[:200]:
        name, equals, value = line.strip().partition("=")
        if equals and name.isidentifier():
            fields[name] = value.strip().strip("\"'")
    return fields
