"""A comment that sends its reader to a file names one that is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("hardentui", "tests", "tools", "benchmarks")
NAMED = re.compile(r"(?<![\w./{}<*-])((?:[a-z_]\w*/)*[a-z_]\w*\.py)\b(?!\[)")
IN_PROSE = re.compile(r'#.*|"""(?:.|\n)*?"""')
OF_OTHERS = frozenset(
    {"usercustomize.py", "sitecustomize.py", "app.py", "setup.py", "entry.py", "json.py"}
)
"""Of Python, or of an image that an example speaks of."""


def _named() -> Iterator[tuple[Path, str]]:
    for folder in FOLDERS:
        for module in (ROOT / folder).rglob("*.py"):
            for prose in IN_PROSE.findall(module.read_text(encoding="utf-8")):
                for name in NAMED.findall(prose):
                    yield module, name


def test_every_file_that_prose_names_is_there() -> None:
    present = {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }
    missing = {
        f"{module.relative_to(ROOT)}: {name}"
        for module, name in _named()
        if name not in OF_OTHERS and not any(f"/{path}".endswith(f"/{name}") for path in present)
    }
    assert not missing
