"""`Mount=`: a record of CSV whose source may be a unit."""

from __future__ import annotations

from hardentui.model.version import Version
from hardentui.writers.quadlet_port.reading import QuadletUnit
from hardentui.writers.quadlet_port.references import Units, refused

_WITH_SOURCE = frozenset({"bind", "volume", "glob", "image"})
_NO_CRASH = Version(5, 7)
_NO_SOURCE_NEEDED = Version(6, 0)


def mount_words(unit: QuadletUnit, units: Units) -> list[str]:
    """--mount and its argument for each word of Mount=."""
    return [word for text in unit.own.words("Mount") for word in ("--mount", _mount(unit, units, text))]


def _mount(unit: QuadletUnit, units: Units, text: str) -> str:
    fields = _record(unit, text.replace("\r\n", "\n"))
    kind = _kind(unit, fields, text)
    if kind not in _WITH_SOURCE:
        return text
    fields.remove(f"type={kind}")
    source, others, place = "", [f"type={kind}"], 0
    for one in fields:
        name, equals, value = one.partition("=")
        if name in ("src", "source"):
            if not equals:
                raise refused(unit, "source parameter does not include a value")
            source, place = value, len(others)
        others.append(one)
    if not source:
        _check_without_source(unit, text)
        return text
    others[place] = f"source={units.source(unit, source, images=True)}"
    return ",".join(_field(one) for one in others)


def _kind(unit: QuadletUnit, fields: list[str], text: str) -> str:
    kinds = [one.partition("=")[2] for one in fields if one.startswith("type=")]
    if not kinds or "=" in kinds[0]:
        raise refused(unit, f"incorrect mount format: it has no type= in {text}")
    return kinds[0]


def _field(text: str) -> str:
    """A field as Go's CSV writer puts it."""
    if text and (text == "\\." or text[0].isspace() or any(character in text for character in ',"\r\n')):
        return '"' + text.replace('"', '""') + '"'
    return text


def _check_without_source(unit: QuadletUnit, text: str) -> None:
    if unit.version < _NO_CRASH:
        raise refused(
            unit, f"it crashes on a mount without a source, and every Quadlet of the host is lost: {text}"
        )
    if unit.version < _NO_SOURCE_NEEDED:
        raise refused(unit, f"a mount without a source: {text}")


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
