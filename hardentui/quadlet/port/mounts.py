"""`Mount=`: a CSV record whose source may be a unit."""

from __future__ import annotations

from hardentui.model.version import Version
from hardentui.quadlet.port.references import Units
from hardentui.quadlet.port.refusal import refused
from hardentui.quadlet.port.text import QuadletUnit

_KINDS_WITH_SOURCE = {
    "bind": Version(4, 5),
    "volume": Version(4, 5),
    "glob": Version(4, 7),
    "image": Version(5, 3),
    "artifact": Version(5, 7),
}
"""Kind of mount -> the first Podman whose generator handles its source."""
_NEVER = Version(999, 0)
_CSV = Version(4, 8)
_NO_CRASH = Version(5, 7)
_NO_SOURCE_NEEDED = Version(6, 0)
_VOLUME_BY_DEFAULT = Version(5, 6)


def mount_words(unit: QuadletUnit, units: Units) -> list[str]:
    """--mount and its argument for each word of Mount=."""
    make = _mount if unit.version >= _CSV else _plain_mount
    return [word for text in unit.own.words("Mount") for word in ("--mount", make(unit, units, text))]


def _plain_mount(unit: QuadletUnit, units: Units, text: str) -> str:
    """Before Podman 4.8: parts between commas; the kind comes first, the others in no defined order."""
    parts: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise refused(
                unit, f"it crashes on a mount with a word without `=`, and every Quadlet is lost: {text}"
            )
        if "=" in value:
            raise refused(unit, f"it loses what stands after the second `=` of a mount: {text}")
        parts[name] = value
    kind = parts.pop("type", "")
    if unit.version >= _KINDS_WITH_SOURCE.get(kind, _NEVER):
        name = "source" if "source" in parts else "src"
        if name in parts:
            parts[name] = units.source(unit, parts[name], mount=True)
    return ",".join([f"type={kind}", *(f"{name}={value}" for name, value in parts.items())])


def _mount(unit: QuadletUnit, units: Units, text: str) -> str:
    fields = _record(unit, text.replace("\r\n", "\n"))
    kind = _take_kind(unit, fields, text)
    if unit.version < _KINDS_WITH_SOURCE.get(kind, _NEVER):
        return text
    source, place = "", 0
    for number, field in enumerate(fields):
        name, equals, value = field.partition("=")
        if name in ("src", "source"):
            if not equals:
                raise refused(unit, "source parameter does not include a value")
            source, place = value, number
    if source:
        fields[place] = f"source={units.source(unit, source, mount=True)}"
    else:
        _check_without_source(unit, kind, text)
    return ",".join(_field(field) for field in (f"type={kind}", *fields))


def _take_kind(unit: QuadletUnit, fields: list[str], text: str) -> str:
    """The first `type=` with a plain value, which is removed from the fields."""
    for field in fields:
        name, _, value = field.partition("=")
        if name == "type" and "=" in field and "=" not in value:
            fields.remove(field)
            return value
    if unit.version < _VOLUME_BY_DEFAULT:
        raise refused(unit, f"incorrect mount format: it has no type= in {text}")
    return "volume"


def _field(text: str) -> str:
    """A field as Go's CSV writer formats it."""
    if text and (text == "\\." or text[0].isspace() or any(character in text for character in ',"\r\n')):
        return '"' + text.replace('"', '""') + '"'
    return text


def _check_without_source(unit: QuadletUnit, kind: str, text: str) -> None:
    if unit.version < _NO_CRASH:
        raise refused(
            unit, f"it crashes on a mount without a source, and every Quadlet of the host is lost: {text}"
        )
    if unit.version < _NO_SOURCE_NEEDED:
        raise refused(unit, f"a mount without a source: {text}")
    if kind != "volume":
        raise refused(unit, f"source parameter is required for mount type {kind}")


def _record(unit: QuadletUnit, text: str) -> list[str]:
    """The fields of one CSV record; quotes only around a whole field."""
    fields: list[str] = []
    at = 0
    while True:
        if text[at : at + 1] == '"':
            field, at = _quoted(unit, text, at + 1)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            field, at = text[at:end], end
            if "\n" in field:
                raise refused(unit, f"wrong number of fields in a mount with a line break: {text}")
            if '"' in field:
                raise refused(unit, f'parse error in a mount: bare " in a field: {text}')
        fields.append(field)
        if at >= len(text):
            return fields
        if text[at] != ",":
            raise refused(unit, f'parse error in a mount: extraneous or missing " in a field: {text}')
        at += 1


def _quoted(unit: QuadletUnit, text: str, at: int) -> tuple[str, int]:
    out: list[str] = []
    while at < len(text):
        if text.startswith('""', at):
            out.append('"')
            at += 2
        elif text[at] == '"':
            return "".join(out), at + 1
        else:
            out.append(text[at])
            at += 1
    raise refused(unit, f"parse error in a mount: a quote is never closed: {text}")
