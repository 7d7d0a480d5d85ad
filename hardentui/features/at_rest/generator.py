"""What the Quadlet generator says of a unit at rest: our port of it, for the Podman that reads it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from msgspec.structs import astuple

from hardentui.features.at_rest.services import Refusal, Span
from hardentui.features.at_rest.sources import UNITS, SourceFile
from hardentui.features.at_rest.unit_files import header_of
from hardentui.lib.quadlet import translate
from hardentui.model.podman_version import Version
from hardentui.quadlet.read.templates import as_unit, is_template
from hardentui.systemd.unit_text import QUADLET, UnitText
from hardentui.visible import visible

_WORD = re.compile(r"[\w.@%-]+")
_SECTIONS = {
    ".volume": "Volume",
    ".network": "Network",
    ".image": "Image",
    ".build": "Build",
    ".pod": "Pod",
    ".container": "Container",
}


def refusal_of(
    files: Sequence[SourceFile],
    beside: Mapping[str, str],
    version: Version,
    *,
    rootless: bool,
    alone: bool,
) -> Refusal | None:
    """Why a unit is refused; None if it is not.

    Args:
        files: the unit with its drop-ins.
        beside: file name -> text of the units that it may refer to.
        alone: only this file was named, so what it refers to may lie elsewhere.
    """
    first = files[0]
    units = _referred_to(files, beside, alone=alone)
    units |= {
        f"{first.name}.d/{number:05}.conf": file.text for number, file in enumerate(files[1:])
    }
    units[first.name] = as_unit(first.text)
    made = translate(
        units,
        version=astuple(version),
        rootless=rootless,
        directory=first.directory,
        devices=frozenset(),
    )
    error = made.refused.get(first.name)
    if error is None:
        return None
    sentence = visible(error.why or error.title, 300)
    place = _place(files, error.why)
    if "{{" in place.file.text[place.start : place.end] and is_template(first.text):
        return None  # of what is put in there the generator may say another thing
    return Refusal(sentence, place)


def _referred_to(
    files: Sequence[SourceFile],
    beside: Mapping[str, str],
    *,
    alone: bool,
) -> dict[str, str]:
    """The units that these files refer to, and those that such a unit refers to."""
    units: dict[str, str] = {}
    texts = [file.text for file in files]
    while texts:
        for name in set(_WORD.findall(texts.pop())):
            suffix = posixpath.splitext(name)[1]
            if suffix not in UNITS or name in units or name == files[0].name:
                continue
            if name in beside:
                units[name] = beside[name]
                texts.append(beside[name])
            elif alone and suffix in _SECTIONS:
                units[name] = f"[{_SECTIONS[suffix]}]\n"
    return units


def _place(files: Sequence[SourceFile], why: str) -> Span:
    """The last line whose key, or a word of whose value, the sentence names."""
    said = set(_WORD.findall(why)) - {"Container", "Pod", files[0].name}
    for file in reversed(files):
        for line in reversed(UnitText(file.text, QUADLET).assignments):
            if line.key in said or said & set(_WORD.findall(line.value)):
                return Span(file, line.start, line.offsets[-1])
    return header_of(
        files,
        _SECTIONS.get(posixpath.splitext(files[0].name)[1], ""),
    )
