"""Lines of a file, unit, script or YAML, as they are shown: secrets masked, those in comments too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hardentui.reading.masking import WITHHELD, mask_document, mask_text
from hardentui.reading.secrets import secret_pair
from hardentui.visible import visible

_NAMES_SECRET = re.compile(r"\s*Secret\s*=")
_REFERENCE = re.compile(r"\$\{\w+(?::?\?[^}]*)?\}|(?<!\$)\$[A-Z_][A-Z0-9_]*(?![a-z])")
"""Says where a value comes from: `${X}`, `${X:?what to give}`, `$X`. A default may be a secret."""
_NO_VALUE = re.compile(r"[\w.-]+=(?=[\"']?\s*$)")
_DEFAULT = re.compile(r"\$\{\w+:?-([^}]*)\}")
_PAIR = re.compile(r"([A-Za-z_][\w.-]*)([\"']?\s*:\s+(?:[&!]\S*\s+)*)(.+)")
"""A pair of YAML: `DB_PASSWORD: x`."""
_FLOW = re.compile(
    r"[\s#]*(?:-\s+)*(?:[\"']?[\w.-]+[\"']?\s*:\s+)?(?:[&!]\S*\s+)*(?=\[?\s*\{(?!\{))"
)
"""What stands before a mapping in braces."""
_IN_FLOW = re.compile(
    r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|\$\{[^}]*\}|[^\"'${}\[\],]+|.",
    re.DOTALL,
)
_COLON = re.compile(r"([\"']):(?=\S)")
"""Behind a quoted key no space is needed."""
_NAME = re.compile(r"[\s-]*name:\s*[\"']?([\w.-]+)[\"']?\s*")
_VALUE = re.compile(r"\s*value:\s*(.+?)\s*")
_FLAG = re.compile(r"\s*(?:-\s+[\"']?|[\"'])(--?[\w-]+)[\"']?,?\s*")
_WORD = re.compile(r"\s*(?:-\s+[\"']?|[\"'])(.+?)[\"']?,?\s*")
_LIST = re.compile(r"(?<=\[)[^\[\]]+|^\s*[\"'][^\[\]{}]+$")
"""Words between brackets, or those of a list that has begun in a line above."""
_OF_BRACKETS = re.compile(r"([^\[]*\[)(.*)(\]\s*)", re.DOTALL)
_MOST_PAIRS = 50
_LONGEST = 4_000  # characters
"""What nobody writes by hand, in a line or one of its entries: what follows is withheld."""
_DEEPEST = 8
"""Brackets within brackets that are looked at one by one; what has more is withheld."""
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_KEY_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY")


def hidden_lines(lines: Sequence[str]) -> list[bool]:
    """Of each line, whether it holds a secret or what a terminal would interpret."""
    in_key = False
    before = ""
    hidden = []
    for line in lines:
        in_key = in_key or _KEY_BEGINS.search(line) is not None
        plain = line.rstrip("\r\n").replace("\t", " ")
        is_secret = in_key or mask_line(line) != line or _is_value_of(before, line)
        hidden.append(is_secret or visible(plain) != plain)
        in_key = in_key and _KEY_ENDS.search(line) is None
        before = line
    return hidden


def mask_line(line: str) -> str:
    """A line with secrets masked, those in comments too. `Secret=` of a unit only names what the
    engine keeps, and a variable what somebody else gives."""
    if _NAMES_SECRET.match(line):
        return line
    if len(line) > _LONGEST:
        return WITHHELD + _line_end(line)
    literal = _NO_VALUE.sub("", _REFERENCE.sub("", line))
    if _masked(literal) == literal:
        return line
    masked = _masked(line)
    return masked if masked != line else WITHHELD + _line_end(line)


def shown_line(line: str) -> str:
    """A line that must not be shown, without its end, as it is told."""
    shown = visible(mask_line(line))
    return WITHHELD if shown == line else shown  # named by the line before


def _line_end(text: str) -> str:
    return text[len(text.rstrip("\r\n")) :]


def _masked(text: str) -> str:
    end = _line_end(text)
    pairs = _with_masked_pairs(text.removesuffix(end))
    return mask_text(_LIST.sub(_masked_list, pairs)) + end


def _masked_list(words: re.Match[str]) -> str:
    """A list that is a command line: `"redis-server", "--requirepass", "x"`."""
    plain = [word.strip("\"' \t") for word in words[0].split(",")]
    masked = mask_document(plain)
    same = all(word in ("", new) for word, new in zip(plain, masked, strict=True))
    return words[0] if same else WITHHELD


def _with_masked_pairs(line: str) -> str:
    flow = _FLOW.match(line)
    if flow is None:
        return _masked_pairs(line)
    return line[: flow.end()] + "".join(_masked_entries(line[flow.end() :]))


def _masked_entries(flow: str, depth: int = 0) -> Iterator[str]:
    """A mapping in braces, entry by entry: each decides for itself. What stands between brackets
    belongs to the entry that it is the value of."""
    entry = before = ""
    brackets = 0
    for part in _IN_FLOW.findall(flow):
        if part == "[" and entry.strip():
            brackets += 1
        elif part == "]" and brackets:
            brackets -= 1
        elif part in "{}[]," and not brackets:
            yield _masked_entry(before, entry, depth) + part
            before, entry = entry, ""
            continue
        entry += part
    yield _masked_entry(before, entry, depth)


def _masked_entry(
    before: str,
    entry: str,
    depth: int,
) -> str:
    if _is_value_of(before, entry):
        return f"{entry.partition(':')[0]}: {WITHHELD}"
    spaced = _COLON.sub(r"\1: ", entry) if _COLON.search(entry) else entry
    masked = _masked_pairs(spaced)
    inside = _OF_BRACKETS.fullmatch(entry) if masked == spaced else None
    if inside is None:
        return masked
    if depth >= _DEEPEST:
        return WITHHELD
    return inside[1] + "".join(_masked_entries(inside[2], depth + 1)) + inside[3]


def _masked_pairs(text: str) -> str:
    """With the value of the first pair that is a credential withheld, to the end of the line."""
    at = 0
    for _ in range(_MOST_PAIRS):
        pair = _PAIR.search(text, at)
        if pair is None:
            return text
        name, _, value = pair.groups()
        at = pair.start(3)
        plain = _DEFAULT.sub(r"\1", value).strip("\"' []}")
        if value[0] not in "{*" and secret_pair(name, plain):
            break
    return text[:at] + WITHHELD


def _is_value_of(before: str, line: str) -> bool:
    """Whether a line is the secret that the one before names: in Kubernetes YAML, or as a flag."""
    name, value = _NAME.fullmatch(before), _VALUE.fullmatch(line)
    if name is not None and value is not None:
        return bool(secret_pair(name[1], value[1].strip("\"'")))
    flag, word = _FLAG.fullmatch(before.rstrip(" ,\r\n").rpartition(",")[2]), _WORD.fullmatch(line)
    if flag is None or word is None:
        return False
    words = f"{flag[1]} {word[1]}"
    return mask_text(words) != words
