"""What a user has set, value by value, and where each value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from hardentui.model.check import ParameterValue


class SettingSource(StrEnum):
    """Who said a value; the later ones win."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


class SettingOrigin(Struct, frozen=True):
    """Where a value comes from.

    Attributes:
        place: `settings.toml:4`, or the name of the variable; empty for a default.
    """

    source: SettingSource = SettingSource.DEFAULT
    place: str = ""

    def __str__(self) -> str:
        if self.source is SettingSource.DEFAULT:
            return self.source.value
        return f"${self.place}" if self.source is SettingSource.ENVIRONMENT else self.place


class Notice(Struct, frozen=True):
    """Something in a settings file that cannot be used; the default holds instead."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Settings(Struct, frozen=True):
    """How a user wants HardenTUI to be. Every value has a default, so none is ever missing.

    Attributes:
        theme: name of a theme; empty = the one that was chosen last, else our own dark one.
        ascii: only ASCII signs on the screens.
        columns: columns of the container list besides name, score and steps.
        folder: where the write dialog offers to put files.
        text_mode: plain lines instead of screens, for screen readers.
        remember: keep theme, folder, list and place for the next session.
        keys: id of an action -> its keys, comma-separated, as Textual names them.
        origins: name of a value (`theme`, `keys.home.sort`) -> where it comes from; defaults are left out.
        notices: what could not be used.
    """

    theme: str = ""
    ascii: bool = False
    columns: tuple[str, ...] = ("image", "engine", "unit", "state")
    folder: str = "~/hardened"
    text_mode: bool = False
    remember: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, SettingOrigin] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def origin(self, name: str) -> SettingOrigin:
        return self.origins.get(name, SettingOrigin())


class FixDefaults(Struct, frozen=True):
    """The values that fixes take where nobody chose one for the container at hand.

    Attributes:
        values: check -> parameter -> value.
        origins: `fixes.CHECK.PARAMETER` -> where it comes from.
        notices: what could not be used.
    """

    values: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)
    origins: Mapping[str, SettingOrigin] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


class Vocabulary(Struct, frozen=True):
    """What a screen knows, so that a setting can be checked against it.

    Attributes:
        actions: id of an action -> its keys.
        rivals: groups of action ids that are on one screen together: no two may have the same key.
    """

    themes: tuple[str, ...]
    actions: Mapping[str, str]
    rivals: tuple[frozenset[str], ...]
    columns: tuple[str, ...] = Settings().columns
