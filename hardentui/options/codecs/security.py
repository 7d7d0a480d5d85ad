"""The parts of `--security-opt`, capabilities, devices and secrets."""

from __future__ import annotations

import re
from collections.abc import Callable

from hardentui.model.spec import Codec
from hardentui.options.codecs.plain import before_colon, comma_texts, entries

_NO_NEW_PRIVILEGES = "no-new-privileges"


def _with_equals(argument: str) -> str:
    """Podman accepts `seccomp:unconfined` for `seccomp=unconfined`; only the first separator counts."""
    return re.sub("[=:]", "=", argument, count=1)


def _if_begins(prefix: str) -> Callable[[str], tuple[str, ...]]:
    return lambda argument: (argument,) if _with_equals(argument).startswith(prefix) else ()


def security_text(prefix: str) -> Codec[str]:
    """`seccomp=…`, `label=type:…`: a text after a prefix."""
    return Codec(
        write=lambda value: (prefix + value,),
        parse=lambda argument: argument[len(prefix) :],
        split=_if_begins(prefix),
        text=lambda value: prefix + value,
        values=lambda value: (value,),
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
    )


def security_paths(name: str, separators: str) -> Codec[tuple[str, ...]]:
    """`mask=/a:/b`: all paths in one argument."""
    prefix = f"{name}="

    def split(argument: str) -> tuple[str, ...]:
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
    )


def _privileges_split(argument: str) -> tuple[str, ...]:
    return (argument,) if argument.startswith(_NO_NEW_PRIVILEGES) else ()


NO_NEW_PRIVILEGES_WORD: Codec[bool] = Codec(
    write=lambda value: (_NO_NEW_PRIVILEGES,) if value else (),
    parse=lambda argument: argument.removeprefix(_NO_NEW_PRIVILEGES).lstrip(":=") in ("", "true"),
    split=_privileges_split,
    text=lambda _: _NO_NEW_PRIVILEGES,
    canonical=repr,
    values=lambda value: ("true",) if value else (),
)
MASKED_PATHS = security_paths("mask", ":")
UNMASKED_PATHS = security_paths("unmask", ":,")


def _capability(text: str) -> str:
    return text.upper().removeprefix("CAP_")


CAPABILITIES = comma_texts(identity=_capability, canonical=_capability)


def _canonical_device(text: str) -> str:
    """`host:container:access`, with all parts explicit."""
    parts = text.split(":")
    inside = parts[1] if len(parts) > 1 and parts[1].startswith("/") else parts[0]
    access = parts[-1] if len(parts) > 1 and not parts[-1].startswith("/") else "rwm"
    return f"{parts[0]}:{inside}:{access}"


DEVICE_NODES: Codec[tuple[str, ...]] = entries(
    str, identity=before_colon, canonical=_canonical_device, several_alike=True
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
