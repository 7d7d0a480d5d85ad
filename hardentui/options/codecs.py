"""Codecs: parsing and formatting of option arguments, by kind of value. The rows of the table use
them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import TypeVar

from hardentui.model.spec import Codec


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


T = TypeVar("T")
E = TypeVar("E")

_SIZE = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?) ?(?:b|([kmgtp])(?:i?b)?)?", re.IGNORECASE
)
_DURATION = r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)"
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3600,
}


def scalar(
    parse: Callable[[str], T],
    text: Callable[[T], str] = str,
    canonical: Callable[[T], str] = str,
) -> Codec[T]:
    return Codec(
        write=lambda value: (text(value),),
        parse=parse,
        text=text,
        canonical=canonical,
    )


def entries(
    parse: Callable[[str], E],
    *,
    text: Callable[[E], str] = str,
    split: Callable[[str], tuple[str, ...]] | None = None,
    identity: Callable[[str], str] = str,
    canonical: Callable[[E], str] = str,
    flag_of: Callable[[E], str] | None = None,
    several_alike: bool = False,
    comma_list: bool = False,
) -> Codec[tuple[E, ...]]:
    """A list; one argument per entry."""
    return Codec(
        write=lambda value: tuple(text(entry) for entry in value),
        parse=parse,
        split=split or (lambda argument: (argument,)),
        text=text,
        identity=identity,
        canonical=canonical,
        flag_of=flag_of,
        several_alike=several_alike,
        comma_list=comma_list,
    )


def comma_texts(
    *,
    identity: Callable[[str], str] = str,
    canonical: Callable[[str], str] = str,
) -> Codec[tuple[str, ...]]:
    """A list of texts that Podman also splits at commas; entries are quoted if necessary."""
    return Codec(
        write=lambda value: tuple(as_csv_field(entry) for entry in value),
        parse=str,
        split=split_csv,
        identity=identity,
        canonical=canonical,
        comma_list=True,
    )


def before_equals(text: str) -> str:
    """`NAME=value` -> `NAME`."""
    return text.partition("=")[0]


def before_colon(text: str) -> str:
    """`name:options` -> `name`."""
    return text.partition(":")[0]


def size_text(value: int) -> str:
    """A size in Podman's notation, `512m`, with units of 1024; negative values are kept (-1 =
    unlimited)."""
    if value < 0:
        return str(value)
    for shift, unit in ((30, "g"), (20, "m"), (10, "k")):
        if value and not value % (1 << shift):
            return f"{value >> shift}{unit}"
    return f"{value}b"


def size_of(text: str, *, unit: int = 1024) -> int:
    """Bytes of `512m`, `1.5g`, `10mib`: what Podman takes, mostly with units of 1024. Negative values
    are kept.

    Raises:
        ValueError: it is not a size.
    """
    match = _SIZE.fullmatch(text)
    number = float(match[1]) if match else math.inf
    if not match or not abs(number) < 1 << 63:
        raise ValueError(f"{text!r} is not a size")
    factor = unit ** " kmgtp".index((match[2] or " ").lower())
    return int(match[1]) * factor if match[1].lstrip("+-").isdecimal() else int(number * factor)


def _seconds(text: str) -> str:
    """The same text for `90s` and `1m30s`; a word such as `disable` is unchanged."""
    parts = re.findall(_DURATION, text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return text
    return f"{sum(float(number) * _SECONDS[unit] for number, unit in parts):.9g}s"


def is_true(text: str) -> bool:
    return text in ("1", "t", "T", "true", "TRUE", "True")


def entrypoint_arguments(words: tuple[str, ...] | None) -> tuple[str, ...]:
    """One word unchanged; several (or a word that looks like JSON) as a JSON array; none as empty
    text."""
    if words is None:
        return ()
    if len(words) == 0:
        return ("",)
    if len(words) == 1 and not words[0].startswith("["):
        return words
    return (json.dumps(list(words), ensure_ascii=False),)


def _entrypoint_of(text: str) -> tuple[str, ...]:
    if text == "":
        return ()
    if text.startswith("["):
        words = json.loads(text)
        if isinstance(words, list):
            return tuple(str(word) for word in words)
    return (text,)


def _words(value: tuple[str, ...]) -> tuple[str, ...]:
    return value


def _if_off(value: bool) -> tuple[str, ...]:
    return () if value else ("false",)


def whole_number(text: str) -> int:
    """As Podman reads it: `0x14` is 20, and so is `024`.

    Raises:
        ValueError: it is not a whole number.
    """
    octal = re.fullmatch(r"([+-]?)0([0-9]+)", text.strip())
    return int(f"{octal[1]}{octal[2]}", 8) if octal else int(text, 0)


TEXT: Codec[str] = scalar(str)
NUMBER: Codec[int] = scalar(whole_number)
SIZE: Codec[int] = scalar(size_of, size_text)
DECIMAL: Codec[float] = scalar(float, lambda value: f"{value:.9g}")
DURATION: Codec[str] = scalar(str, canonical=_seconds)
SWITCH: Codec[bool] = Codec(
    write=lambda value: ("",) if value else (),
    parse=is_true,
    canonical=repr,
    values=lambda value: ("true",) if value else (),
    is_switch=True,
)
"""A flag that is off by default."""
SWITCH_OFF: Codec[bool] = Codec(
    write=_if_off,
    parse=is_true,
    canonical=repr,
    is_switch=True,
)
"""A flag that is on by default: only `--flag=false` is ever written."""
NO_HEALTHCHECK: Codec[str] = Codec(
    write=TEXT.write,
    parse=lambda _: "none",
    split=lambda argument: (argument,) if is_true(argument) else (),
)
"""`--no-healthcheck`, which is `--health-cmd=none`; switched off, it says nothing."""
TEXTS: Codec[tuple[str, ...]] = entries(str)
NAMED: Codec[tuple[str, ...]] = entries(str, identity=before_equals)
"""`NAME=value`."""
COMMA_TEXTS = comma_texts()
COMMA_NAMED = comma_texts(identity=before_equals)
WORDS: Codec[tuple[str, ...]] = Codec(
    write=_words, parse=lambda text: (text,), canonical=json.dumps
)
"""The command: one value consisting of words."""
ENTRYPOINT_WORDS: Codec[tuple[str, ...] | None] = Codec(
    write=entrypoint_arguments, parse=_entrypoint_of, canonical=json.dumps
)


def ulimit_name(text: str) -> str:
    """`RLIMIT_NOFILE=1:2` -> `nofile`."""
    return before_equals(text).lower().removeprefix("rlimit_")


ULIMITS: Codec[tuple[str, ...]] = comma_texts(identity=ulimit_name)


_NO_NEW_PRIVILEGES = "no-new-privileges"


def _with_equals(argument: str) -> str:
    """Podman accepts `seccomp:unconfined` for `seccomp=unconfined`; only the first separator
    counts."""
    return re.sub("[=:]", "=", argument, count=1)


def security_text(prefix: str) -> Codec[str]:
    """`seccomp=…`, `label=type:…`: a text after a prefix."""
    return Codec(
        write=lambda value: (prefix + value,),
        parse=lambda argument: argument[len(prefix) :],
        split=lambda argument: (argument,) if _with_equals(argument).startswith(prefix) else (),
        text=lambda value: prefix + value,
        values=lambda value: (value,),
        begins=prefix,
    )


def security_word(word: str) -> Codec[bool]:
    """`label=disable`: a word that acts as a switch."""
    return Codec(
        write=lambda value: (word,) if value else (),
        parse=lambda _: True,
        split=lambda argument: (argument,) if _with_equals(argument) == word else (),
        text=lambda _: word,
        canonical=repr,
        values=lambda value: ("true",) if value else (),
        begins=word,
    )


def security_paths(name: str, separators: str) -> Codec[tuple[str, ...]]:
    """`mask=/a:/b`: all paths in one argument."""
    prefix = f"{name}="

    def split(argument: str) -> tuple[str, ...]:
        if name == "unmask" and _with_equals(argument) == "systempaths=unconfined":
            return (f"{prefix}ALL",)  # Docker's words for it
        if not _with_equals(argument).startswith(prefix):
            return ()
        return tuple(prefix + path for path in re.split(f"[{separators}]", argument[len(prefix) :]))

    return Codec(
        write=lambda paths: (prefix + ":".join(paths),) if paths else (),
        parse=lambda text: text[len(prefix) :],
        split=split,
        text=lambda path: prefix + path,
        identity=str,
        values=lambda paths: paths,
        begins=prefix,
    )


NO_NEW_PRIVILEGES_WORD: Codec[bool] = Codec(
    write=lambda value: (_NO_NEW_PRIVILEGES,) if value else (),
    parse=lambda argument: is_true(
        argument.removeprefix(_NO_NEW_PRIVILEGES).lstrip(":=") or "true",
    ),
    split=lambda argument: (argument,) if argument.startswith(_NO_NEW_PRIVILEGES) else (),
    text=lambda _: _NO_NEW_PRIVILEGES,
    canonical=repr,
    values=lambda value: ("true",) if value else (),
    begins=_NO_NEW_PRIVILEGES,
)
MASKED_PATHS = security_paths("mask", ":")
UNMASKED_PATHS = security_paths("unmask", ":,")


def _capability(text: str) -> str:
    return text.upper().removeprefix("CAP_")


CAPABILITIES = comma_texts(
    identity=_capability,
    canonical=_capability,
)


def _canonical_device(text: str) -> str:
    """`host:container:access`, with all parts explicit."""
    parts = text.split(":")
    inside = parts[1] if len(parts) > 1 and parts[1].startswith("/") else parts[0]
    access = parts[-1] if len(parts) > 1 and not parts[-1].startswith("/") else "rwm"
    return f"{parts[0]}:{inside}:{access}"


def _short_device(text: str) -> str:
    """As people write it: `/dev/fuse`, without what is usual."""
    host, _, inside = text.removesuffix(":rwm").partition(":")
    return host if inside == host else text.removesuffix(":rwm")


DEVICE_NODES: Codec[tuple[str, ...]] = entries(
    str, text=_short_device, identity=before_colon, canonical=_canonical_device, several_alike=True
)


def _secret_identity(text: str) -> str:
    """The key of a secret: it can be both a file and a variable, and a file in several places."""
    name, *options = text.split(",")
    targets = "".join(f"/{option}" for option in options if option.startswith("target="))
    return name + ("/env" if "type=env" in text else "") + targets


def _canonical_secret(text: str) -> str:
    name, *options = text.split(",")
    given = {option for option in options if option}
    if not any(option.startswith("type=") for option in given):
        given.add("type=mount")
    return ",".join((name, *sorted(given)))


SECRET_REFERENCES: Codec[tuple[str, ...]] = entries(
    str, identity=_secret_identity, canonical=_canonical_secret
)
