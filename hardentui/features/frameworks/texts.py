"""The frameworks, read from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from msgspec import convert

from hardentui.features.frameworks.controls import FrameworkText

NAMES = ("cis", "nist", "bsi")


@cache
def text_of(name: str) -> FrameworkText:
    """The framework `cis`, `nist` or `bsi`."""
    file = files("hardentui.features.frameworks") / f"{name}.toml"
    return convert(tomllib.loads(file.read_text(encoding="utf-8")), FrameworkText)
