"""All settings as a table: each value, and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.do import Do, Verb
from hardentui.errors import InputError
from hardentui.features.settings.reading import Document, read_settings
from hardentui.files import write_bundle
from hardentui.model.check import AnyCheck, ParameterValue
from hardentui.model.draft import TextFile
from hardentui.model.settings import FixDefaults, SettingOrigin, Settings, Vocabulary
from hardentui.reading.forms import FORMS, text_of
from hardentui.regular_files import refuse_strangers
from hardentui.state import settings_file
from hardentui.visible import visible

SCALARS = ("theme", "ascii", "columns", "folder", "text_mode", "remember")
"""Settings that have a line of their own."""

# A starter settings file: every setting with its default, commented out.


def write_template(vocabulary: Vocabulary, tooltips: Mapping[str, str], checks: Iterable[AnyCheck]) -> str:
    """Write the template as the settings file; returns its path.

    Raises:
        InputError: there already is a settings file; it is not changed.
        UsageError: the session is somebody else's, in a browser.
        WriteError: it cannot be written.
    """
    refuse_strangers()
    path = settings_file()
    if os.path.lexists(path):
        message = f"{visible(path)} already exists and is not changed."
        raise InputError(message, (Do(Verb.SETTINGS), " displays it."))
    directory, name = os.path.split(path)
    text = template(vocabulary, tooltips, checks)
    write_bundle(directory, [TextFile(name, text, 0o600)], overwrite=False, create=True)
    return path


def change_setting(
    line: str, vocabulary: Vocabulary, environ: Mapping[str, str], key_name: Callable[[str], str]
) -> str:
    """Write `name = value` into the settings file, in place of the line that has the name; returns its path.

    Raises:
        InputError: it is no setting of its own line, or not valid; nothing is changed.
        UsageError: the session is somebody else's, in a browser.
        WriteError: it cannot be written.
    """
    refuse_strangers()
    name = line.partition("=")[0].strip()
    if name not in SCALARS or "\n" in line:
        raise InputError(
            f"{visible(name, 60)!r} cannot be set here.", f"One of {', '.join(SCALARS)}; else edit the file."
        )
    path = settings_file()
    document = Document.read(environ)
    old = document.text.split("\n") if document.text else []
    ends = next((at for at, text in enumerate(old) if text.lstrip().startswith("[")), len(old))
    there = [at for at, text in enumerate(old[:ends]) if text.partition("=")[0].strip() == name]
    new = [*old[: there[0]], line.strip(), *old[there[0] + 1 :]] if there else [line.strip(), *old]
    text = "\n".join(new).rstrip("\n") + "\n"
    before, after = (
        len(read_settings(Document(path, t), vocabulary, {}, key_name).notices) for t in (document.text, text)
    )
    if after > before:
        fault = read_settings(Document(path, text), vocabulary, {}, key_name).notices[-1]
        raise InputError(f"{visible(line, 100)!r} is not valid.", fault.message)
    directory, file = os.path.split(path)
    write_bundle(directory, [TextFile(file, text, 0o600)], create=True)
    return path


def template(vocabulary: Vocabulary, tooltips: Mapping[str, str], checks: Iterable[AnyCheck]) -> str:
    """The text of the template; unedited it changes nothing."""
    usual = Settings()
    lines = [
        "# Settings of HardenTUI. Remove the # before a line to change a setting.",
        "# `hardentui config show` shows what is in force, and where it comes from.",
        "",
        "# Colours of the screens. Also: $HARDENTUI_THEME.",
        *_wrapped("# ", vocabulary.themes),
        '# theme = "hardentui-dark"',
        "",
        "# Only ASCII signs on the screens. Also: $HARDENTUI_ASCII=1.",
        f"# ascii = {_toml(usual.ascii)}",
        "",
        "# Columns of the container list besides name, score and steps, as far as there is room.",
        f"# columns = {_toml(vocabulary.columns)}",
        "",
        "# The directory that the write dialog offers. Also: $HARDENTUI_FOLDER.",
        f"# folder = {_toml(usual.folder)}",
        "",
        "# Plain lines instead of screens, for screen readers: hardentui --text. Also: $HARDENTUI_TEXT=1.",
        f"# text_mode = {_toml(usual.text_mode)}",
        "",
        "# Keep theme, directory, filter and order of the list, and the last place for the next session.",
        f"# remember = {_toml(usual.remember)}",
        "",
        "# Keys, by action: several with commas. Names of keys are those of Textual: f3, ctrl+g, slash.",
        "[keys]",
    ]
    width = max(len(action) + len(keys) for action, keys in vocabulary.actions.items()) + 10
    for action, keys in vocabulary.actions.items():
        setting = f"# {_toml(action)} = {_toml(keys)}"
        lines.append(f"{setting:<{width}} # {tooltips.get(action, '')}")
    lines += [
        "",
        "# Values that fixes write if none was chosen for the container and none was measured.",
    ]
    for check in checks:
        if check.takes:
            lines += ["", f"# {check.title}: {check.summary}", f"[fixes.{check.id}]"]
            lines += [
                f"# {name} = {_toml(check.parameters[name])}   # {FORMS[form].words}"
                for name, form in check.takes.items()
            ]
    return "\n".join(lines) + "\n"


def _toml(value: ParameterValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _wrapped(start: str, words: Iterable[str]) -> list[str]:
    from textwrap import wrap

    return [f"{start}{line}" for line in wrap(", ".join(words), 96, break_on_hyphens=False)]


SCHEMA = "hardentui/settings/1"
PLAIN = ("theme", "ascii", "columns", "folder", "text_mode", "remember")
"""The settings that are a single value."""
_OTHERWISE = {"theme": "hardentui-dark"}


class SettingRow(Struct, frozen=True):
    """One setting.

    Attributes:
        value: as TOML has it.
        text: the same in words; `not set` without a value.
        origin: where it comes from.
    """

    name: str
    value: Any
    text: str
    origin: SettingOrigin


def setting_rows(
    settings: Settings, defaults: FixDefaults, vocabulary: Vocabulary, checks: Mapping[str, AnyCheck]
) -> tuple[SettingRow, ...]:
    """Every setting, with its current value."""
    rows = [
        SettingRow(name, value, _text(value), settings.origin(name))
        for name, value in ((name, getattr(settings, name) or _OTHERWISE.get(name, False)) for name in PLAIN)
    ]
    for action, keys in vocabulary.actions.items():
        now = settings.keys.get(action, keys)
        rows.append(SettingRow(f"keys.{action}", now, now, settings.origin(f"keys.{action}")))
    for check in checks.values():
        for parameter in check.takes:
            name = f"fixes.{check.id}.{parameter}"
            value = defaults.values.get(check.id, {}).get(parameter, check.parameters[parameter])
            rows.append(SettingRow(name, value, _text(value), defaults.origins.get(name, SettingOrigin())))
    return tuple(rows)


def settings_document(path: str, rows: tuple[SettingRow, ...], notices: tuple[str, ...]) -> dict[str, Any]:
    """The table as JSON."""
    return {
        "schema": SCHEMA,
        "file": path,
        "settings": [
            {
                "name": row.name,
                "value": row.value,
                "source": row.origin.source.value,
                "place": row.origin.place,
            }
            for row in rows
        ],
        "notices": list(notices),
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text_of(value) or "not set"
