"""Values of fixes that a user has set for all containers: `[fixes.no-memory-limit]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.check import AnyCheck, ParameterValue
from hardentui.model.settings import FixDefaults, SettingOrigin
from hardentui.reading.forms import fault_of
from hardentui.visible import visible
from hardentui.words import nearest
from hardentui.workbench.checklists.loading import fit
from hardentui.workbench.settings.document import Document


def read_fix_defaults(document: Document, checks: Mapping[str, AnyCheck]) -> FixDefaults:
    """The values of fixes without a chosen value, with a notice for each invalid one."""
    values: dict[str, dict[str, ParameterValue]] = {}
    origins: dict[str, SettingOrigin] = {}
    with_values = {check.id: check for check in checks.values() if check.takes}
    for check_id, table in document.table("fixes").items():
        path = ("fixes", check_id)
        check = with_values.get(check_id)
        if check is None:
            known = "takes no value" if check_id in checks else "is not a check"
            near = nearest(check_id, with_values)
            document.complain(path, f"{visible(check_id, 60)!r} {known}{near}")
        elif not isinstance(table, dict):
            document.complain(path, f"[fixes.{check_id}] must be a table")
        else:
            for name, value in _values(document, check, table):
                values.setdefault(check_id, {})[name] = value
                origins[f"fixes.{check_id}.{name}"] = document.origin(*path, name)
    return FixDefaults(values, origins, tuple(document.notices))


def _values(
    document: Document, check: AnyCheck, table: Mapping[str, Any]
) -> list[tuple[str, ParameterValue]]:
    taken = []
    for name, given in table.items():
        path = ("fixes", check.id, name)
        if name not in check.takes:
            near = nearest(name, check.takes) or f"; it takes {', '.join(check.takes)}"
            document.complain(path, f"the fix of {check.id} takes no value {visible(name, 60)!r}{near}")
            continue
        default = check.parameters[name]
        value = fit(given, default)
        if value is None:
            kind = "a list of strings" if isinstance(default, tuple) else f"a value like {default!r}"
            document.complain(path, f"{name} must be {kind}")
        elif fault := fault_of(check, name, value):
            document.complain(path, fault.rstrip("."))
        else:
            taken.append((name, value))
    return taken
