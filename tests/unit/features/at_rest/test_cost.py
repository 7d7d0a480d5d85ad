"""What a fix of many services costs: text that is read as YAML, not time."""

import gc
import os
import tracemalloc
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.features.at_rest import trees
from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.edits import parts
from hardentui.features.at_rest.fixing import fix_all
from hardentui.features.at_rest.sources import SourceFile, find
from hardentui.model.plan import Caution
from hardentui.model.podman_version import Version
from tests.unit.features.at_rest.stacks import TODAY

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


def test_what_services_extend_is_read_once_for_each_of_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many changes each of them gets, and however many of them extend it."""
    services = range(12)
    base = "services:\n" + "".join(SERVICE.format(number=number) for number in services)
    (tmp_path / "base.yaml").write_text(base)
    own = "  o{0}:\n    extends: {{file: base.yaml, service: s{0}}}\n    restart: on-failure\n"
    path = tmp_path / "compose.yaml"
    path.write_text("services:\n" + "".join(own.format(number) for number in services))
    of_base = 0
    read_trees = trees.read_trees

    def counting(file: SourceFile) -> tuple[trees.Tree, ...]:
        nonlocal of_base
        of_base += os.path.basename(file.path) == "base.yaml"
        return read_trees(file)

    monkeypatch.setattr("hardentui.features.at_rest.compose.read_trees", counting)
    looked = look(AtRest((str(path),)), TODAY)
    assert of_base == 1
    fixed = fix_all(looked, Wanted((), Caution.ALL), Version(5, 8))
    assert sum(len(each.made) for each in fixed) >= 2 * len(services)
    assert of_base <= len(services) + 2  # the look, one for each of them, the proof of the whole


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


def tree(folder: Path, projects: int) -> str:
    """So many projects of two services each, and a Quadlet beside them."""
    for number in range(projects):
        place = folder / f"{projects}/p{number}"
        place.mkdir(parents=True)
        text = "services:\n" + "".join(SERVICE.format(number=each) for each in range(2))
        (place / "compose.yaml").write_text(text)
        unit = f"[Container]\nImage=docker.io/library/redis:7\nVolume=/srv/{number}:/data\n"
        (place / f"r{number}.container").write_text(unit)
    return str(folder / f"{projects}")


def peak_of(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> int:
    """Bytes that a command holds at most, without what it prints here."""
    gc.collect()
    tracemalloc.start()
    main(arguments)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    out, err = capsys.readouterr()
    return peak - len(out) - len(err)


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        (("check",), 6_000),
        (("check", "--format", "json"), 4_000),
        (("fix",), 6_000),
        (("fix", "-o", "out"), 6_000),
    ],
)
def test_a_larger_tree_takes_little_more_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    most: int,
) -> None:
    """A service takes 60 kB while it is judged; what stays of it is what is written."""
    monkeypatch.chdir(tmp_path)
    small, large = (tree(tmp_path, projects) for projects in (2, 10))
    command, *options = arguments
    peak_of((command, small, *options), capsys)  # what is imported and parsed once
    few, many = (peak_of((command, path, *options), capsys) for path in (small, large))
    assert (many - few) / 24 < most
