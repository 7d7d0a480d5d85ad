"""The checks: one module each, in a directory per step. There is no registry: the directories are the list.

The path of a module gives its step and ID: `step05_security_contexts/no_memory_limit.py` is the check
`no-memory-limit` of step 5. Its docstring is the check's documentation.
"""

from __future__ import annotations

import importlib
import os
from functools import cache

from msgspec.structs import replace

from hardentui.model.check import AnyCheck


@cache
def all_checks() -> tuple[AnyCheck, ...]:
    """Every check of every `stepNN_*` directory, by step and id."""
    checks: list[AnyCheck] = []
    here = os.path.dirname(__file__)
    for directory in sorted(name for name in os.listdir(here) if name.startswith("step")):
        for file in sorted(os.listdir(os.path.join(here, directory))):
            module, ending = os.path.splitext(file)
            if ending == ".py" and module != "__init__":
                checks.append(_check_in(directory, module))
    return tuple(sorted(checks, key=lambda check: (check.step, check.id)))


def _check_in(directory: str, module: str) -> AnyCheck:
    loaded = importlib.import_module(f"{__name__}.{directory}.{module}")
    check: AnyCheck = loaded.CHECK
    step = int(directory.removeprefix("step").partition("_")[0])
    return replace(check, id=module.replace("_", "-"), step=step, doc=loaded.__doc__ or "")


@cache
def _by_id() -> dict[str, AnyCheck]:
    return {check.id: check for check in all_checks()}


def check_by_id(check_id: str) -> AnyCheck | None:
    return _by_id().get(check_id)
