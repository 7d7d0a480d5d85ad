"""The checks: one module each, in a directory per step. There is no registry: the directories are the list.

The path of a module gives its step and ID: `step05_security_contexts/no_memory_limit.py` is the check
`no-memory-limit` of step 5. Its docstring is the check's documentation. A check is imported when asked for.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from msgspec.structs import replace

from hardentui.model.check import AnyCheck


def _modules() -> Iterator[tuple[str, str]]:
    """ID -> directory, by step and ID."""
    here = os.path.dirname(__file__)
    for directory in sorted(name for name in os.listdir(here) if name.startswith("step")):
        files = os.listdir(os.path.join(here, directory))
        names = (file[:-3] for file in files if file.endswith(".py") and file != "__init__.py")
        yield from sorted((name.replace("_", "-"), directory) for name in names)


class Checks(Mapping[str, AnyCheck]):
    """Checks by ID, in the order of step and ID.

    Args:
        directories: ID -> directory of the checks to import when they are asked for.
        own: further ones, such as those of a checklist.

    Attributes:
        steps: ID -> number of its step.
    """

    def __init__(self, directories: Mapping[str, str], own: Iterable[AnyCheck] = ()) -> None:
        self._directories = directories
        self._loaded = {check.id: check for check in own}
        self.steps = {name: int(directory[4:6]) for name, directory in directories.items()}
        self.steps |= {check.id: check.step for check in self._loaded.values()}

    def with_own(self, own: Iterable[AnyCheck]) -> Checks:
        """These and the checks of a checklist."""
        return Checks(self._directories, (*self._loaded.values(), *own))

    def __getitem__(self, check_id: str) -> AnyCheck:
        check = self._loaded.get(check_id)
        if check is None:
            module = f"{__name__}.{self._directories[check_id]}.{check_id.replace('-', '_')}"
            loaded = importlib.import_module(module)
            check = replace(loaded.CHECK, id=check_id, step=self.steps[check_id], doc=loaded.__doc__ or "")
            self._loaded[check_id] = check
        return check

    def __contains__(self, check_id: object) -> bool:
        return check_id in self.steps

    def __iter__(self) -> Iterator[str]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


CHECKS = Checks(dict(_modules()))


@cache
def all_checks() -> tuple[AnyCheck, ...]:
    """Every check, by step and ID. To know the IDs alone, take CHECKS."""
    return tuple(CHECKS.values())


def check_by_id(check_id: str) -> AnyCheck | None:
    return CHECKS.get(check_id)
