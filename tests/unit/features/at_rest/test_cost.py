"""What a fix of many services costs: text that is read as YAML, not time."""

import gc
import tracemalloc
from pathlib import Path

import pytest

from hardentui.features.at_rest import trees
from hardentui.features.at_rest.checking import AtRest, look, result_of
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.edits import parts
from hardentui.features.at_rest.fixing import fix_all
from hardentui.features.at_rest.report_text import render as in_text
from hardentui.features.at_rest.sources import SourceFile, find
from hardentui.features.reports import render
from hardentui.features.reports.result import TextStyle
from hardentui.model.finding import Severity
from hardentui.model.plan import Caution
from hardentui.model.podman_version import Version
from tests.unit.features.at_rest.stacks import TODAY, write

SERVICE = """\
  s{number}:
    image: docker.io/library/nginx:1.27
    restart: always
    volumes:
      - /srv/d{number}:/data
    cap_add: [SYS_ADMIN]
"""


def read_for(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    services: int,
    *,
    fix: bool,
) -> int:
    """Characters that are read as YAML for a stack of so many services."""
    text = "services:\n" + "".join(SERVICE.format(number=number) for number in range(services))
    path = folder / f"{services}" / "compose.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    read = 0

    def counting(file: SourceFile) -> tuple[trees.Tree, ...]:
        nonlocal read
        read += len(file.text)
        return read_trees(file)

    read_trees = trees.read_trees
    with monkeypatch.context() as patched:
        patched.setattr("hardentui.features.at_rest.compose.read_trees", counting)
        patched.setattr(parts, "read_trees", counting)
        looked = look(AtRest((str(path),)), TODAY)
        if fix:
            fixed = fix_all(looked, Wanted((), Caution.ALL), Version(5, 8))
            assert all(each.made for each in fixed)
    return read


def test_a_fix_of_twice_as_many_services_reads_twice_as_much(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = [read_for(tmp_path, monkeypatch, count, fix=True) for count in (8, 16, 32, 64)]
    each = [total / count for total, count in zip(read, (8, 16, 32, 64), strict=True)]
    assert max(each) < 1.2 * min(each)


def test_a_check_reads_a_stack_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "20/compose.yaml"
    assert read_for(tmp_path, monkeypatch, 20, fix=False) == len(path.read_text())


def test_a_large_tree_is_read_and_its_progress_is_told(tmp_path: Path) -> None:
    for number in range(60):
        text = "[Container]\nImage=docker.io/library/nginx:1.27\n"
        (tmp_path / f"web{number}.container").write_text(text)
    told: list[tuple[int, int]] = []
    look(AtRest((str(tmp_path),)), TODAY, progress=lambda *counts: told.append(counts))
    assert told == [(0, 60), (25, 60), (50, 60)]
    for number in range(60, 6000):
        (tmp_path / f"web{number}.volume").write_text("[Volume]\n")
    assert len(find([str(tmp_path)]).files) == 6000


def held(folder: Path, projects: int) -> int:
    """Bytes that a report on so many projects, of two services each, keeps."""
    for number in range(projects):
        place = folder / f"{projects}/p{number}"
        place.mkdir(parents=True)
        text = "services:\n" + "".join(SERVICE.format(number=each) for each in range(2))
        (place / "compose.yaml").write_text(text)
    asked = AtRest((str(folder / f"{projects}"),))
    gc.collect()
    tracemalloc.start()
    looked = look(asked, TODAY, for_report=True)
    gc.collect()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(looked.services) == 2 * projects
    return used


def test_a_report_on_more_projects_keeps_their_findings_only(tmp_path: Path) -> None:
    """Facts of a service are some 60 kB, what is said of it is a quarter of that."""
    held(tmp_path, 1)  # what is parsed once
    few, many = held(tmp_path, 5), held(tmp_path, 25)
    assert (many - few) / 40 < 20_000


@pytest.mark.parametrize("shape", ["text", "json", "sarif", "junit", "markdown"])
@pytest.mark.parametrize("example", ["postgres", "portainer", "home"])
def test_a_report_says_the_same_with_what_is_kept(
    tmp_path: Path,
    example: str,
    shape: str,
) -> None:
    folder = write(tmp_path, example)
    said = []
    for for_report in (False, True):
        looked = look(AtRest((str(folder),)), TODAY, for_report=for_report)
        result = result_of(looked, Severity.HIGH)
        told = (
            in_text(looked, result, TextStyle(), details=True)
            if shape == "text"
            else render(shape, result, TextStyle())
        )
        said.append(told)
    assert said[0] == said[1]
