"""The one gate for untrusted text: names, labels, environment, image metadata and logs.

The result has no control, escape, bidirectional, zero-width or surrogate characters, so it cannot
move a cursor, change a title, write to the clipboard or reverse a line. The model keeps raw values;
every view and report passes them through here. Writers do not: they escape for their own format.
"""

from __future__ import annotations

import unicodedata

MASK = "********"

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (bidi, zero width), surrogates, private use, unassigned, line and paragraph
separators."""


def _mark(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # the symbol of the control character
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES


def visible(text: str, limit: int | None = None) -> str:
    """Return `text` on one line, with everything that a terminal would interpret made visible.

    Args:
        text: any string, from anywhere.
        limit: maximum number of characters; truncation is marked with an ellipsis.
    """
    if limit is not None and len(text) > limit + 1:
        text = text[: limit + 1]  # bounds the work on a hostile megabyte
    if not (text.isascii() and text.isprintable()):
        text = "".join(_mark(c) if _is_hidden(c) else c for c in text)
    if limit is not None and len(text) > limit:
        return text[: max(0, limit - 1)] + "…"
    return text


def visible_in_place(text: str) -> str:
    """Like `visible`, but each character is replaced by exactly one, for a text that is edited."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_mark(c)[:1].replace("<", "\ufffd") if _is_hidden(c) else c for c in text)


def visible_lines(text: str) -> str:
    """Like `visible`, but line breaks stay line breaks and tabs become blanks."""
    return "\n".join(visible(line.expandtabs(4)) for line in text.split("\n"))


def strict_json(text: str) -> str:
    r"""JSON in ASCII that strict parsers such as jq accept.

    A byte that is no UTF-8, in the name of a process for example, is half of a surrogate pair in
    Python, and one such `\udc80` makes them refuse the whole document. It becomes U+FFFD.
    """
    if "\\ud" not in text:
        return text
    import re

    pair = r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}"
    return re.sub(
        rf"(\\\\|{pair})|\\ud[89a-f][0-9a-f]{{2}}", lambda half: half[1] or r"\ufffd", text
    )


def command_word(text: str, otherwise: str) -> str:
    """`text` as one word of a command to copy; if it would need quotes, `otherwise` in quotes.

    No text from an engine may become a separate command.
    """
    import re
    import shlex

    return (
        text
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", text)
        else shlex.quote(visible(otherwise))
    )
