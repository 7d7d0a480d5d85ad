"""Comma lists as CSV records, which is how Podman splits the arguments of many flags."""

from __future__ import annotations


def as_csv_field(text: str) -> str:
    """`text` as one field of a comma list, quoted if necessary."""
    if text and not any(c in text for c in ',"\n\r') and text[0] not in " \t":
        return text
    return '"' + text.replace('"', '""') + '"'


def split_csv(text: str) -> tuple[str, ...]:
    """The fields of a comma list (`a,"b,c"` -> `a`, `b,c`)."""
    if text == "":
        return ()
    if '"' not in text:
        return tuple(text.split(","))
    fields: list[str] = []
    field: list[str] = []
    quoted = False
    position = 0
    while position < len(text):
        character = text[position]
        if quoted and character == '"' and text[position + 1 : position + 2] == '"':
            field.append('"')
            position += 1
        elif character == '"' and (quoted or not field):
            quoted = not quoted
        elif character == "," and not quoted:
            fields.append("".join(field))
            field = []
        else:
            field.append(character)
        position += 1
    fields.append("".join(field))
    return tuple(fields)
