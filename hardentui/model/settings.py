"""A user's settings, and the origin of each value."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from hardentui.model.check import ParameterValue

THEMES = ("hardentui-dark", "hardentui-light", "high-contrast")
"""The colours to choose from; `tui/themes.py` has them."""


class SettingSource(StrEnum):
    """The kind of source of a value; later ones take precedence."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


class SettingOrigin(Struct, frozen=True):
    """Where a value comes from."""

    source: SettingSource = SettingSource.DEFAULT
    place: str = ""  # `settings.toml:4`, or the name of the variable; empty for a default

    def __str__(self) -> str:
        if self.source is SettingSource.DEFAULT:
            return self.source.value
        return f"${self.place}" if self.source is SettingSource.ENVIRONMENT else self.place


class Notice(Struct, frozen=True):
    """What is invalid in a file of the user; the default applies instead."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Settings(Struct, frozen=True):
    """A user's settings. Every value has a default."""

    theme: str = ""  # name of a theme; empty = the last one chosen, otherwise our dark theme
    ascii: bool = False
    folder: str = "~/hardened"  # default directory of the write dialog
    labs: str = ""  # labs of one's own or a course, for the training; empty = ours
    text_mode: bool = False  # plain lines instead of screens, for screen readers
    remember: bool = True  # keep theme, directory, list and position for the next session
    # name of a value (`theme`) -> its origin; without defaults
    origins: Mapping[str, SettingOrigin] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def origin(self, name: str) -> SettingOrigin:
        return self.origins.get(name, SettingOrigin())


class FixDefaults(Struct, frozen=True):
    """Default values of fixes, if none were chosen for a container."""

    values: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)
    # `fixes.CHECK.PARAMETER` -> its origin
    origins: Mapping[str, SettingOrigin] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
