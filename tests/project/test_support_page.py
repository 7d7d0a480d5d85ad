"""docs/support.md: what runs recorded, and nothing else, is called tested."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tools.page_parts import part_of, write_part
from tools.support import PAGE, counted, kept, page


def test_runs_add_up_and_a_newer_one_replaces_a_row() -> None:
    line = {"outcome": "passed", "Podman": "5.4.2", "cgroup": "version 2"}
    first = counted([json.dumps(line), json.dumps(line)], "2026-11-01")
    assert "| 5.4.2 | tested | 2 live tests passed, 2026-11-01 |" in page(first)
    later = counted(
        [json.dumps({"outcome": "failed", "Podman": "5.4.2"})],
        "2026-12-01",
    )
    text = page(kept(page(first)) | later)
    assert "| 5.4.2 | **fails** | 0 live tests passed, 1 failed, 2026-12-01 |" in text
    assert "| version 2 | tested | 2 live tests passed, 2026-11-01 |" in text
    assert kept(text) == kept(page(kept(text)))


def test_a_tool_replaces_its_own_part_of_a_page_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "support.md"
    shutil.copy(PAGE, path)
    others = part_of(path, "podman_versions")
    write_part(path, "support", "new\n")
    assert part_of(path, "support") == "new\n"
    assert part_of(path, "podman_versions") == others
    assert path.read_text().startswith("# What works where\n")
    with pytest.raises(ValueError, match="not found"):
        write_part(path, "peers", "")
