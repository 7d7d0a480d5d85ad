"""A user's settings, and the origin of each value."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from hardentui.model.check import ParameterValue


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
    """An invalid setting in a settings file; the default applies instead."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Settings(Struct, frozen=True):
    """A user's settings. Every value has a default.

    Attributes:
        columns: columns of the container list besides name, score and steps.
        keys: action ID -> its keys, comma-separated, in Textual's notation.
        origins: name of a value (`theme`, `keys.home.sort`) -> its origin; without defaults.
    """

    theme: str = ""  # name of a theme; empty = the last one chosen, otherwise our dark theme
    ascii: bool = False
    columns: tuple[str, ...] = ("image", "engine", "unit", "state", "worst")
    folder: str = "~/hardened"  # default directory of the write dialog
    text_mode: bool = False  # plain lines instead of screens, for screen readers
    remember: bool = True  # keep theme, directory, list and position for the next session
    keys: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, SettingOrigin] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def origin(self, name: str) -> SettingOrigin:
        return self.origins.get(name, SettingOrigin())


class FixDefaults(Struct, frozen=True):
    """Default values of fixes, if none were chosen for a container.

    Attributes:
        origins: `fixes.CHECK.PARAMETER` -> its origin.
    """

    values: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)
    origins: Mapping[str, SettingOrigin] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


class Vocabulary(Struct, frozen=True):
    """The actions and keys of the screens, to validate settings.

    Attributes:
        rivals: groups of action IDs that share a screen, so that no two may have the same key.
    """

    themes: tuple[str, ...]
    actions: Mapping[str, str]
    rivals: tuple[frozenset[str], ...]
    columns: tuple[str, ...] = Settings().columns
