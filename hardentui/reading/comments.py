"""Comments of a file that are about one of its values: why it is there. Pure.

The files are units, Quadlets, scripts and YAML: a comment begins with `#` or `;` at the start of a
line or after a blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hardentui.model.vendor import CommentedValue
from hardentui.options import TABLE

_BEHIND = re.compile(r"(?:^|[ \t])[#;]+[ \t]*(?P<text>[^\n]*\S)")
_MARKS = ("#", ";")
_OWN_COMMENT = "hardentui:"
_INTERPRETER = "#!"
"""Begins the first line of a script, which says nothing of what follows."""
_CONTINUED = "\\"
_ITEM = "- "


def comment_about(text: str, start: int, end: int) -> str:
    """What comments say of the value at these offsets: in its line, in the lines above it, and above
    the command or the key that it belongs to."""
    lines = text.split("\n")
    stop = text.find("\n", end)
    behind = _BEHIND.search(text[end : stop if stop >= 0 else len(text)])
    said = [behind["text"]] if behind is not None else []
    for number in _owners(lines, text.count("\n", 0, start)):
        said += _block_above(lines, number)
    return " ".join(words for words in said if not words.startswith(_OWN_COMMENT))


def without_comment(line: str) -> str:
    """A line without the comment at its end."""
    return _BEHIND.sub("", line)


def _block_above(lines: Sequence[str], number: int) -> list[str]:
    """The comment lines directly above a line, without their marks."""
    first = number
    while first > 0 and _is_comment(lines[first - 1]):
        first -= 1
    if first == 0 and lines[0].startswith(_INTERPRETER):
        first = min(1, number)
    return [line.strip().lstrip("#; \t") for line in lines[first:number]]


def _owners(lines: Sequence[str], number: int) -> Iterator[int]:
    """A line; the first of its command, where that is continued; the key of its list in YAML."""
    yield number
    first = number
    while (above := _code_above(lines, first)) is not None and lines[above].rstrip().endswith(
        _CONTINUED
    ):
        first = above
    if first != number:
        yield first
    elif (key := _key_of(lines, number)) is not None:
        yield key


def _key_of(lines: Sequence[str], number: int) -> int | None:
    """The line of the key whose value a line is part of; None at the top of the file."""
    line = lines[number]
    depth, is_item = _depth(line), line.lstrip().startswith(_ITEM)
    above = _code_above(lines, number)
    while above is not None:
        other = lines[above]
        if _depth(other) < depth or (
            is_item and _depth(other) == depth and not other.lstrip().startswith(_ITEM)
        ):
            return above if _depth(other) else None
        above = _code_above(lines, above)
    return None


def _code_above(lines: Sequence[str], number: int) -> int | None:
    for above in range(number - 1, -1, -1):
        if lines[above].strip() and not _is_comment(lines[above]):
            return above
    return None


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(_MARKS)


_KEY = re.compile(r"(?P<blanks> +)(?P<key>[\w.-]+):(?:\s|$)")
_SERVICES = re.compile(r"services:\s*(?:#.*)?$")
_NAMED_OTHERWISE = {
    "network_mode": "--network",
    "networks": "--network",
    "userns_mode": "--userns",
    "cgroup": "--cgroupns",
    "mem_limit": "--memory",
    "memswap_limit": "--memory-swap",
    "volumes": "--volume",
    "devices": "--device",
    "ports": "--publish",
    "ulimits": "--ulimit",
    "sysctls": "--sysctl",
    "secrets": "--secret",
    "stop_grace_period": "--stop-timeout",
}
"""Keys of a compose service that are not called as the option of Podman."""


def comments_of_compose(text: str, service: str) -> Iterator[CommentedValue]:
    """The options of a service of a compose file that have a comment; each stands for all values of
    that option."""
    key, depth_of_keys = "", 0
    for start, line in _lines_of(text, service):
        depth = _depth(line)
        depth_of_keys = depth_of_keys or depth
        if depth == depth_of_keys and (match := _KEY.match(line)) is not None:
            key = match["key"]
        comment = comment_about(text, start + depth, start + len(without_comment(line)))
        if comment:
            yield from (CommentedValue(name, "", comment) for name in _options_of(key))


def _options_of(key: str) -> Iterator[str]:
    flag = _NAMED_OTHERWISE.get(key, f"--{key.replace('_', '-')}")
    return (option.name for option in TABLE if option.flag == flag)


def _lines_of(text: str, service: str) -> Iterator[tuple[int, str]]:
    """Offset and text of the lines of a service that hold values."""
    at = depth_of_services = 0
    inside = is_it = False
    for line in text.split("\n"):
        start, depth = at, _depth(line)
        at += len(line) + 1
        if not line.strip() or _is_comment(line):
            continue
        if not depth:
            inside, is_it = _SERVICES.match(line) is not None, False
        elif inside:
            depth_of_services = depth_of_services or depth
            if depth == depth_of_services:
                is_it = line.strip().partition(":")[0].strip("'\"") == service
            elif is_it:
                yield start, line
