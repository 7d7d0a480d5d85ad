"""The settings file as a document: its values, the line of each, and its faults."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.account import home, is_confined
from hardentui.model.settings import Notice, SettingOrigin, SettingSource
from hardentui.state.own_files import config_directory, read_own
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible
from hardentui.words import nearest
from hardentui.workbench.checklists.toml_lines import TomlPath, line_of, toml_lines

NAME = "settings.toml"
_LARGEST = 1 << 20


def settings_file() -> str:
    """The path of this user's settings file, which may not exist."""
    return os.path.join(config_directory(), NAME)


class Document:
    """The settings file, read once.

    Attributes:
        path: the file; shown: the same for display, with `~` for the home directory.
        there: the file exists, though it may be unreadable.
        values: its content; empty without a readable file.
        notices: its faults; readers of its values add theirs.
    """

    def __init__(self, path: str, text: str | None, notices: Iterable[Notice] = ()) -> None:
        self.path = path
        self.shown = visible(_short(path))
        self.notices: list[Notice] = list(notices)
        self.values: Mapping[str, Any] = {}
        self.there = text is not None or bool(self.notices)
        self._text = text or ""
        self._lines: Mapping[TomlPath, int] | None = None
        if text:
            self._parse(text)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Document:
        """The user's settings file. A session confined to a directory (in a browser) has none."""
        path = settings_file()
        place = visible(_short(path))
        if is_confined(environ):
            return cls(path, None)
        try:
            content = read_own(path)
            if len(content) > _LARGEST:
                return cls(path, None, [Notice(place, "the file is too large for a settings file")])
            return cls(path, content.decode("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, None)
        except UnicodeDecodeError:
            return cls(path, None, [Notice(place, "it is not UTF-8 text")])
        except OSError as error:
            return cls(path, None, [Notice(place, f"it cannot be read: {error.strerror}")])

    def _parse(self, text: str) -> None:
        try:
            self.values = read_toml(text)
        except TomlFault as error:
            number = re.search(r"at line (\d+)", str(error))
            line = int(number[1]) if number else text.rstrip("\n").count("\n") + 1
            what = re.sub(r" \(at .*\)$", "", str(error))
            self.notices.append(
                Notice(f"{self.shown}:{line}", f"it is not valid TOML, so it is ignored: {visible(what)}")
            )

    def place(self, *path: str | int) -> str:
        """File and line of a value."""
        if self._lines is None:
            self._lines = toml_lines(self._text)
        return f"{self.shown}:{line_of(self._lines, path)}"

    def origin(self, *path: str | int) -> SettingOrigin:
        return SettingOrigin(SettingSource.FILE, self.place(*path))

    def complain(self, path: tuple[str | int, ...], message: str) -> None:
        self.notices.append(Notice(self.place(*path), message))

    def only(self, table: Mapping[str, Any], path: tuple[str, ...], allowed: Iterable[str]) -> None:
        """Report every unknown key, with the nearest known one."""
        allowed = tuple(allowed)
        for key in table:
            if key not in allowed:
                self.complain((*path, key), f"there is no setting {visible(key)!r}{nearest(key, allowed)}")

    def table(self, name: str) -> Mapping[str, Any]:
        """A table of the file; empty if it is missing or not a table."""
        table = self.values.get(name, {})
        if isinstance(table, dict):
            return table
        self.complain((name,), f"{name} must be a table: [{name}]")
        return {}


def _short(path: str) -> str:
    start = home()
    return f"~{path[len(start) :]}" if len(start) > 1 and path.startswith(f"{start}/") else path
