"""Ten diffs in full, as a maintainer gets them: read them before you accept another text.

`HARDENTUI_ACCEPT_DIFFS=1` writes what comes out now; Git then shows what a maintainer would notice.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

DIFFS = Path(__file__).parents[3] / "data" / "diffs"
STRICT = ("proxy", "wordpress")
WINDOWS = "windows"
"""Its lines end as on Windows; the diff is stored without that, as Git might change it."""


@pytest.mark.parametrize("name", sorted(path.name for path in DIFFS.iterdir() if path.is_dir()))
def test_the_diff_is_the_one_that_was_read(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    shutil.copytree(DIFFS / name, tmp_path / name)
    if name == WINDOWS:
        for path in (tmp_path / name).iterdir():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    level = "--strict" if name in STRICT else "--recommended"
    code, said = run({}, "--quiet", "fix", f"./{name}", level, "--podman-version", "5.4")
    assert code == 0, said
    diff = said.replace("\r\n", "\n")
    expected = DIFFS / f"{name}.diff"
    if os.environ.get("HARDENTUI_ACCEPT_DIFFS"):
        expected.write_text(diff)
    assert diff == expected.read_text()
