"""The settings of the screens: the file, overridden by the environment, with defaults for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hardentui.model.settings import Notice, SettingOrigin, Settings, SettingSource, Vocabulary
from hardentui.visible import visible
from hardentui.words import nearest
from hardentui.workbench.settings.document import Document

TABLES = ("keys", "fixes")
_NO = ("", "0", "false", "no", "off")


def read_settings(
    document: Document, vocabulary: Vocabulary, environ: Mapping[str, str], key_name: Callable[[str], str]
) -> Settings:
    """The settings in force, with a notice for every invalid value.

    Args:
        key_name: the screens' name for a key; empty if unknown.
    """
    reader = _SettingsReader(document, vocabulary, key_name)
    reader.from_file()
    reader.from_environment(environ)
    return Settings(**reader.values, origins=reader.origins, notices=tuple(document.notices))


def wants_text(environ: Mapping[str, str]) -> bool:
    """Whether text mode is on; checked before any screen is loaded."""
    if "HARDENTUI_TEXT" in environ:
        return environ["HARDENTUI_TEXT"].lower() not in _NO
    return Document.read(environ).values.get("text_mode") is True


class _SettingsReader:
    def __init__(self, document: Document, vocabulary: Vocabulary, key_name: Callable[[str], str]) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, SettingOrigin] = {}
        self._document = document
        self._vocabulary = vocabulary
        self._key_name = key_name
        self._faults: dict[str, Callable[[Any], str]] = {
            "theme": self._theme,
            "ascii": _flag,
            "columns": self._columns,
            "folder": _directory,
            "text_mode": _flag,
            "remember": _flag,
        }

    def from_file(self) -> None:
        document = self._document
        document.only(document.values, (), (*self._faults, *TABLES))
        for name, fault_of in self._faults.items():
            if name not in document.values:
                continue
            value = document.values[name]
            if fault := fault_of(value):
                document.complain((name,), f"{name} {fault}")
            else:
                self._take(name, tuple(value) if isinstance(value, list) else value, document.origin(name))
        self._keys(document.table("keys"))

    def from_environment(self, environ: Mapping[str, str]) -> None:
        for variable, name in (("TEXTUAL_THEME", "theme"), ("HARDENTUI_THEME", "theme")):
            if (text := environ.get(variable, "")) and self._accepts(variable, self._theme(text)):
                self._take(name, text, SettingOrigin(SettingSource.ENVIRONMENT, variable))
        for variable, name in (("HARDENTUI_ASCII", "ascii"), ("HARDENTUI_TEXT", "text_mode")):
            if variable in environ:
                wanted = environ[variable].lower() not in _NO
                self._take(name, wanted, SettingOrigin(SettingSource.ENVIRONMENT, variable))
        text = environ.get("HARDENTUI_FOLDER", "")
        if text and self._accepts("HARDENTUI_FOLDER", _directory(text)):
            self._take("folder", text, SettingOrigin(SettingSource.ENVIRONMENT, "HARDENTUI_FOLDER"))

    def _accepts(self, variable: str, fault: str) -> bool:
        if fault:
            self._document.notices.append(Notice(f"${variable}", f"its value {fault}"))
        return not fault

    def _take(self, name: str, value: Any, origin: SettingOrigin) -> None:
        self.values[name] = value
        self.origins[name] = origin

    def _theme(self, value: object) -> str:
        themes = self._vocabulary.themes
        if not isinstance(value, str):
            return "must be the name of a theme"
        if value in themes:
            return ""
        return f"is not a theme: {visible(value, 40)!r}{nearest(value, themes)}"

    def _columns(self, value: object) -> str:
        columns = self._vocabulary.columns
        if not isinstance(value, list):
            return f"must be a list of {', '.join(columns)}"
        for item in value:
            if item not in columns:
                near = nearest(item, columns) if isinstance(item, str) else ""
                near = near or f"; there are {', '.join(columns)}"
                return f"has no column {visible(str(item), 40)!r}{near}"
        return ""

    def _keys(self, table: Mapping[str, Any]) -> None:
        """The keys of actions; a key that another action of the same screen uses is rejected."""
        wanted: dict[str, str] = {}
        for action, keys in _flat(table):
            path = ("keys", *action)
            name = ".".join(action)
            if name not in self._vocabulary.actions:
                near = nearest(name, self._vocabulary.actions)
                self._document.complain(path, f"there is no action {visible(name, 60)!r}{near}")
            elif fault := self._key_fault(keys):
                self._document.complain(path, f"{name}: {fault}")
            else:
                wanted[name] = ",".join(self._key_name(key.strip()) for key in keys.split(","))
                self.origins[f"keys.{name}"] = self._document.origin(*path)
        while clash := self._clash(wanted):  # when a key is rejected, the former one is restored
            name, message = clash
            self._document.complain(self._key_path(name), message)
            del wanted[name], self.origins[f"keys.{name}"]
        self.values["keys"] = wanted

    def _key_fault(self, keys: object) -> str:
        if not isinstance(keys, str) or not keys.strip():
            return 'must be a key, or several: "f3", "ctrl+g,s"'
        for key in (part.strip() for part in keys.split(",")):
            if not self._key_name(key):
                return f"there is no key {visible(key, 40)!r}"
            if key == "ctrl+c":
                return "ctrl+c always quits and cannot be changed"
        return ""

    def _clash(self, wanted: Mapping[str, str]) -> tuple[str, str] | None:
        """An action whose new key is taken by another one of the same screen, and the message about it."""
        actions = self._vocabulary.actions
        for name, keys in wanted.items():
            new = [key for key in keys.split(",") if key not in actions[name].split(",")]
            others = set().union(*(group for group in self._vocabulary.rivals if name in group)) - {name}
            for other in sorted(others):
                theirs = wanted.get(other, actions[other]).split(",")
                if taken := next((key for key in new if key in theirs), ""):
                    return name, f"{name}: {taken} is already the key of {other}"
        return None

    def _key_path(self, name: str) -> tuple[str, ...]:
        whole = ("keys", name)
        return whole if name in self._document.table("keys") else ("keys", *name.split("."))


def _flat(table: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    """Both notations: `"home.sort" = "f3"`, and `home.sort = "f3"`, which TOML parses as a table."""
    settings: list[tuple[tuple[str, ...], Any]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            settings += [((key, inner), keys) for inner, keys in value.items()]
        else:
            settings.append(((key,), value))
    return settings


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _directory(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        return "must be the path of a directory"
    if not value.isprintable():
        return "must be a path without control characters"
    return "" if value.startswith(("/", "~")) else "must begin with / or ~"
