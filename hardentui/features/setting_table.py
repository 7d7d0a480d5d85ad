"""All settings as a table: each value, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hardentui.features.settings import PLAIN
from hardentui.model.check import Check
from hardentui.model.settings import (
    FixDefaults,
    SettingOrigin,
    Settings,
    SettingSource,
)
from hardentui.reading.forms import text_of

_OTHERWISE = {"theme": "hardentui-dark"}


class SettingRow(Struct, frozen=True):
    """One setting."""

    name: str
    value: Any  # as TOML has it
    text: str  # the same in words; `not set` without a value
    origin: SettingOrigin  # where it comes from


def setting_rows(
    settings: Settings,
    defaults: FixDefaults,
    checks: Mapping[str, Check],
) -> tuple[SettingRow, ...]:
    """Every setting, with its current value."""
    rows = [
        SettingRow(
            name,
            value,
            _text(value),
            settings.origin(name),
        )
        for name, value in (
            (
                name,
                getattr(settings, name) or _OTHERWISE.get(name, False),
            )
            for name in PLAIN
        )
    ]
    for check in checks.values():
        for parameter in check.takes:
            name = f"fixes.{check.id}.{parameter}"
            value = defaults.values.get(check.id, {}).get(
                parameter,
                check.parameters[parameter],
            )
            rows.append(
                SettingRow(
                    name,
                    value,
                    _text(value),
                    defaults.origins.get(name, SettingOrigin()),
                )
            )
    return tuple(rows)


class SettingEntry(Struct, frozen=True):
    """One setting with where its value comes from."""

    name: str
    value: Any  # as TOML has it
    source: SettingSource
    place: str  # `settings.toml:4`, or the name of the variable; empty for a default


class SettingsDocument(Struct, frozen=True, tag_field="schema", tag="hardentui/settings/1"):
    """All settings, their values and where those come from."""

    file: str
    settings: tuple[SettingEntry, ...]
    notices: tuple[str, ...]  # what is wrong with the file


def settings_document(
    path: str,
    rows: tuple[SettingRow, ...],
    notices: tuple[str, ...],
) -> SettingsDocument:
    """The table for JSON."""
    entries = (
        SettingEntry(
            row.name,
            row.value,
            row.origin.source,
            row.origin.place,
        )
        for row in rows
    )
    return SettingsDocument(path, tuple(entries), notices)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text_of(value) or "not set"
