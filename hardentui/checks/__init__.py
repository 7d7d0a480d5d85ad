"""The checks: one module each, in a folder per step. No registry: the folders are the list."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from hardentui.model.check import AnyCheck


@cache
def all_checks() -> tuple[AnyCheck, ...]:
    """Every check of every `stepNN_*` folder, by step and id."""
    found: list[AnyCheck] = []
    for folder in pkgutil.iter_modules(__path__, f"{__name__}."):
        if not folder.ispkg:
            continue
        package = importlib.import_module(folder.name)
        for module in pkgutil.iter_modules(package.__path__, f"{folder.name}."):
            found.append(importlib.import_module(module.name).CHECK)
    return tuple(sorted(found, key=lambda check: (check.step, check.id)))


@cache
def _by_id() -> dict[str, AnyCheck]:
    return {check.id: check for check in all_checks()}


def check_by_id(check_id: str) -> AnyCheck | None:
    return _by_id().get(check_id)
