"""Values of fixes that a user has set for all containers: `[fixes.no-memory-limit]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.features.checklists.loading import fit
from hardentui.features.settings import Document
from hardentui.model.check import Check, ParameterValue
from hardentui.model.settings import (
    FixDefaults,
    SettingOrigin,
)
from hardentui.reading.forms import fault_of
from hardentui.visible import visible
from hardentui.words import nearest


def read_fix_defaults(
    document: Document,
    checks: Mapping[str, Check],
) -> FixDefaults:
    """The values of fixes without a chosen value, with a notice for each invalid one."""
    values: dict[str, dict[str, ParameterValue]] = {}
    origins: dict[str, SettingOrigin] = {}
    for check_id, table in document.table("fixes").items():
        path = ("fixes", check_id)
        check = checks.get(check_id)
        if check is None or not check.takes:
            known = "is not a check" if check is None else "takes no value"
            near = nearest(check_id, [each.id for each in checks.values() if each.takes])
            document.complain(path, f"{visible(check_id, 60)!r} {known}{near}")
        elif not isinstance(table, dict):
            document.complain(path, f"[fixes.{check_id}] must be a table")
        else:
            for name, value in _values(document, check, table):
                values.setdefault(check_id, {})[name] = value
                origins[f"fixes.{check_id}.{name}"] = document.origin(*path, name)
    return FixDefaults(values, origins, tuple(document.notices))


def _values(
    document: Document,
    check: Check,
    table: Mapping[str, Any],
) -> list[tuple[str, ParameterValue]]:
    taken = []
    for name, given in table.items():
        path = ("fixes", check.id, name)
        if name not in check.takes:
            near = nearest(name, check.takes) or f"; it takes {', '.join(check.takes)}"
            document.complain(
                path, f"the fix of {check.id} takes no value {visible(name, 60)!r}{near}"
            )
            continue
        default = check.parameters[name]
        value = fit(given, default)
        if value is None:
            kind = (
                "a list of strings" if isinstance(default, tuple) else f"a value like {default!r}"
            )
            document.complain(path, f"{name} must be {kind}")
        elif fault := fault_of(check, name, value):
            document.complain(path, fault.rstrip("."))
        else:
            taken.append((name, value))
    return taken
