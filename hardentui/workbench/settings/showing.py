"""All settings as a table: each value, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hardentui.model.check import AnyCheck
from hardentui.model.settings import FixDefaults, SettingOrigin, Settings, Vocabulary
from hardentui.reading.forms import text_of

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
