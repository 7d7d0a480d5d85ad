"""The checks: one module each, in a folder per step. No registry: the folders are the list."""

from __future__ import annotations

import importlib
import os
from functools import cache

from hardentui.model.check import AnyCheck


@cache
def all_checks() -> tuple[AnyCheck, ...]:
    """Every check of every `stepNN_*` folder, by step and id."""
    found: list[AnyCheck] = []
    here = os.path.dirname(__file__)
    for folder in sorted(name for name in os.listdir(here) if name.startswith("step")):
        for file in sorted(os.listdir(os.path.join(here, folder))):
            module, ending = os.path.splitext(file)
            if ending == ".py" and module != "__init__":
                found.append(importlib.import_module(f"{__name__}.{folder}.{module}").CHECK)
    return tuple(sorted(found, key=lambda check: (check.step, check.id)))


@cache
def _by_id() -> dict[str, AnyCheck]:
    return {check.id: check for check in all_checks()}


def check_by_id(check_id: str) -> AnyCheck | None:
    return _by_id().get(check_id)
