"""The flavours of flavours.txt; its head says how a line is read."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.live.flavours.model import BOTH, CREATED, EXITED, Flavour, Place, ids

_FILE = Path(__file__).with_name("flavours.txt")
_WORDS = ("command", "beside")
_SENTENCES = (*_WORDS, "after", "pod", "then", "tries:", "unknown:", "probe:")
_IDS = ("free", "infra_bad", "closes", "beside_bad")


def read_flavours() -> Iterator[Flavour]:
    """Every flavour of the file, in its order."""
    shared = ""
    for line in _FILE.read_text().splitlines():
        if line.startswith("@"):
            shared = line.removeprefix("@")
        elif line and not line.startswith("#"):
            columns = [column.strip() for column in line.split("|", 3)] + [""] * 3
            yield _flavour(*columns[:3], settings=[*_items(shared), *_items(columns[3])])


def _flavour(
    name: str,
    bad: str,
    options: str,
    *,
    settings: list[str],
) -> Flavour:
    made: dict[str, Any] = {
        "bad_on": {},
        "probes": {},
        "tries": {},
        "unknown": {},
        "without": ids(""),
    }
    for setting in settings:
        key, equals, value = setting.partition("=")
        kind, _, check = key.partition(":")
        if kind == "probe":
            made["probes"][check] = tuple(value.split(" ", 1))
        elif kind in ("tries", "unknown"):
            made[kind][check] = value
        elif key in BOTH and equals:
            made["bad_on"][key] = _listed(value)
        elif key in BOTH:
            made["engines"] = (key,)
        elif key.startswith("-"):
            made["without"] |= ids(key.removeprefix("-"))
        elif key in (CREATED, EXITED):
            made["state"] = key
        elif key in _WORDS:
            made[key] = tuple(shlex.split(value))
        elif key == "after":
            made[key] = (tuple(shlex.split(value)),)
        elif key == "pod":
            made[key] = _filled(value)
        else:
            made[key] = _listed(value) if key in _IDS else value if equals else True
    return Flavour(
        name,
        ids(bad),
        _filled(options),
        **made,
    )


def _items(text: str) -> Iterator[str]:
    for part in text.split(" ; "):
        yield from [part.strip()] if part.strip().startswith(_SENTENCES) else part.split()


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


def _filled(text: str) -> Callable[[Place], tuple[str, ...]]:
    words = shlex.split(text)

    def fill(place: Place) -> tuple[str, ...]:
        api = place.socket.rpartition("/")[0]
        bench = api.rpartition("/")[0]
        values = {
            "{directory}": place.directory,
            "{address}": place.address,
            "{socket}": place.socket,
        }
        values |= {
            "{port}": str(20000 + place.number),
            "{api}": api,
            "{bench}": bench,
        }
        values |= {
            "{storage}": f"{bench}/root",
            "{low}": values["{port}"] if place.rootless else "80",
        }
        return tuple(_replaced(word, values) for word in words)

    return fill


def _replaced(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word
