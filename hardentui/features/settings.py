"""The settings of this account: the file, overridden by the environment, with defaults for the
rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hardentui.account import home
from hardentui.errors import InputError
from hardentui.features.own_toml import write_toml
from hardentui.model.settings import (
    THEMES,
    Notice,
    SettingOrigin,
    Settings,
    SettingSource,
)
from hardentui.state import read_own, settings_file
from hardentui.toml_document import TomlFault, read_toml
from hardentui.toml_lines import TomlPath, line_of, toml_lines
from hardentui.visible import visible
from hardentui.words import nearest

_LARGEST = 1 << 20


class Document:
    """The settings file, read once.

    Attributes:
        path: the file; shown: the same for display, with `~` for the home directory.
        there: the file exists, though it may be unreadable.
        text: the whole file; empty if it cannot be read.
        values: its content; empty without a readable file.
        notices: its faults; readers of its values add theirs.
    """

    def __init__(
        self,
        path: str,
        text: str | None,
        notices: Iterable[Notice] = (),
    ) -> None:
        self.path = path
        self.shown = visible(_short(path))
        self.notices: list[Notice] = list(notices)
        self.values: Mapping[str, Any] = {}
        self.there = text is not None or bool(self.notices)
        self.text = text or ""
        self._lines: Mapping[TomlPath, int] | None = None
        if text:
            self._parse(text)

    @classmethod
    def read(cls) -> Document:
        """The user's settings file."""
        path = settings_file()
        place = visible(_short(path))
        try:
            content = read_own(path)
            if len(content) > _LARGEST:
                return cls(
                    path,
                    None,
                    [Notice(place, "the file is too large for a settings file")],
                )
            return cls(path, content.decode("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, None)
        except UnicodeDecodeError:
            return cls(path, None, [Notice(place, "it is not UTF-8 text")])
        except OSError as error:
            return cls(
                path,
                None,
                [Notice(place, f"it cannot be read: {error.strerror}")],
            )

    def _parse(self, text: str) -> None:
        try:
            self.values = read_toml(text)
        except TomlFault as error:
            line, what = error.place_in(text)
            self.notices.append(
                Notice(
                    f"{self.shown}:{line}",
                    f"it is not valid TOML, so it is ignored: {visible(what)}",
                )
            )

    def place(self, *path: str | int) -> str:
        """File and line of a value."""
        if self._lines is None:
            self._lines = toml_lines(self.text)
        return f"{self.shown}:{line_of(self._lines, path)}"

    def origin(self, *path: str | int) -> SettingOrigin:
        return SettingOrigin(SettingSource.FILE, self.place(*path))

    def complain(
        self,
        path: tuple[str | int, ...],
        message: str,
    ) -> None:
        self.notices.append(Notice(self.place(*path), message))

    def only(
        self,
        table: Mapping[str, Any],
        path: tuple[str, ...],
        allowed: Iterable[str],
    ) -> None:
        """Report every unknown key, with the nearest known one."""
        allowed = tuple(allowed)
        for key in table:
            if key not in allowed:
                self.complain(
                    (*path, key), f"there is no setting {visible(key)!r}{nearest(key, allowed)}"
                )

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


TABLES = ("fixes",)
_NO = ("", "0", "false", "no", "off")
_VARIABLES = (
    ("TEXTUAL_THEME", "theme"),
    ("HARDENTUI_THEME", "theme"),
    ("HARDENTUI_ASCII", "ascii"),
    ("HARDENTUI_TEXT", "text_mode"),
    ("HARDENTUI_FOLDER", "folder"),
)
"""Variables of the environment that override a setting; of several, the last one counts."""


def read_settings(
    document: Document,
    environ: Mapping[str, str],
) -> Settings:
    """The settings in force, with a notice for every invalid value."""
    reader = _SettingsReader(document)
    reader.from_file()
    reader.from_environment(environ)
    return Settings(
        **reader.values,
        origins=reader.origins,
        notices=tuple(document.notices),
    )


def wants_text(environ: Mapping[str, str]) -> bool:
    """Whether text mode is on; checked before any screen is loaded."""
    if "HARDENTUI_TEXT" in environ:
        return environ["HARDENTUI_TEXT"].lower() not in _NO
    return Document.read().values.get("text_mode") is True


class _SettingsReader:
    def __init__(self, document: Document) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, SettingOrigin] = {}
        self._document = document
        self._faults: dict[str, Callable[[Any], str]] = {
            "theme": _theme,
            "ascii": _flag,
            "folder": _directory,
            "labs": _directory,
            "text_mode": _flag,
            "remember": _flag,
        }

    def from_file(self) -> None:
        document = self._document
        document.only(
            document.values,
            (),
            (*self._faults, *TABLES),
        )
        for name, judge in self._faults.items():
            if name not in document.values:
                continue
            value = document.values[name]
            if fault := judge(value):
                document.complain((name,), f"{name} {fault}")
            else:
                self._take(name, value, document.origin(name))

    def from_environment(self, environ: Mapping[str, str]) -> None:
        for variable, name in _VARIABLES:
            text, is_flag = environ.get(variable, ""), self._faults[name] is _flag
            if not (is_flag and variable in environ) and not text:
                continue
            value = text.lower() not in _NO if is_flag else text
            if fault := self._faults[name](value):
                self._document.notices.append(Notice(f"${variable}", f"its value {fault}"))
            else:
                self._take(
                    name,
                    value,
                    SettingOrigin(SettingSource.ENVIRONMENT, variable),
                )

    def _take(
        self,
        name: str,
        value: Any,
        origin: SettingOrigin,
    ) -> None:
        self.values[name] = value
        self.origins[name] = origin


def _theme(value: object) -> str:
    if not isinstance(value, str):
        return "must be the name of a theme"
    return (
        "" if value in THEMES else f"is not a theme: {visible(value, 40)!r}{nearest(value, THEMES)}"
    )


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _directory(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        return "must be the path of a directory"
    if not value.isprintable():
        return "must be a path without control characters"
    return "" if value.startswith(("/", "~")) else "must begin with / or ~"


PLAIN = ("theme", "ascii", "folder", "labs", "text_mode", "remember")
"""The settings that are a single value."""


def change_setting(line: str) -> str:
    """Write `name = value` into the settings file, in place of the line that has the name; returns
    its path.

    Raises:
        InputError: it is no setting of its own line, or not valid; nothing is changed.
        WriteError: it cannot be written.
    """
    name = line.partition("=")[0].strip()
    if name not in PLAIN or "\n" in line:
        raise InputError(
            f"{visible(name, 60)!r} cannot be set here.",
            f"One of {', '.join(PLAIN)}; else edit the file.",
        )
    path = settings_file()
    document = Document.read()
    old = document.text.split("\n") if document.text else []
    ends = next(
        (at for at, text in enumerate(old) if text.lstrip().startswith("[")),
        len(old),
    )
    there = [at for at, text in enumerate(old[:ends]) if text.partition("=")[0].strip() == name]
    new = [*old[: there[0]], line.strip(), *old[there[0] + 1 :]] if there else [line.strip(), *old]
    text = "\n".join(new).rstrip("\n") + "\n"
    before, after = (
        len(read_settings(Document(path, t), {}).notices) for t in (document.text, text)
    )
    if before and not document.values:
        raise InputError(
            f"{document.shown} cannot be read, so nothing is added to it.", "Edit it by hand."
        )
    if after > before:
        fault = read_settings(Document(path, text), {}).notices[-1]
        raise InputError(f"{visible(line, 100)!r} is not valid.", fault.message)
    means = {**document.values, **read_toml(line)}
    write_toml(
        path,
        text,
        means=means,
        before=document.text,
        mode=0o600,
    )
    return path
