"""What a fix of many services costs: text that is read as YAML, not time."""

import gc
import os
import re
import tracemalloc
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.cli.terminal import Terminal
from hardentui.errors import CannotExpress
from hardentui.features.at_rest import checking, report_text, trees
from hardentui.features.at_rest.checking import AtRest, Looked, Looking, look
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.edits import blocks, parts
from hardentui.features.at_rest.edits.commands import RunTarget
from hardentui.features.at_rest.edits.files import OneFileTarget
from hardentui.features.at_rest.edits.kube import KubeTarget
from hardentui.features.at_rest.fixing import fix_all
from hardentui.features.at_rest.reporting import report_on
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.sources import SourceFile, Sources, find
from hardentui.features.at_rest.trees import Tree
from hardentui.lib import spilled
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Severity
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


CADDY = """\
  s{number}:
    image: docker.io/library/caddy:2.8
    ports: ["{number}:80"]

"""
"""Its fix declares volumes."""


def read_for(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    services: int,
    *,
    fix: bool,
    service: str = SERVICE,
    volumes: str = "",
) -> int:
    """Characters that are read as YAML for a stack of so many services."""
    text = "services:\n" + "".join(service.format(number=number) for number in range(services))
    text += volumes
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


@pytest.mark.parametrize("volumes", ["", "volumes:\n  old:\n# end\n"])
def test_a_fix_that_declares_volumes_reads_no_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    volumes: str,
) -> None:
    """Each service gets two of its own, which are declared once for all in the end."""
    counts = (4, 8, 16, 32)
    read = [
        read_for(
            tmp_path,
            monkeypatch,
            count,
            fix=True,
            service=CADDY,
            volumes=volumes,
        )
        for count in counts
    ]
    each = [total / count for total, count in zip(read, counts, strict=True)]
    assert max(each) < 1.2 * min(each)


SHARING = """\
  s{number}:
    image: docker.io/library/nginx:1.27
    container_name: web{number}
  t{number}:
    image: docker.io/library/redis:7
    network_mode: service:s{number}
    volumes_from: ["s{number}:ro"]
"""
"""A service that has the namespaces of another, whose container has a name of its own."""


def test_services_that_share_namespaces_are_fixed_in_their_parts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = (4, 8, 16, 32)
    read = [
        read_for(
            tmp_path,
            monkeypatch,
            count,
            fix=True,
            service=SHARING,
        )
        for count in counts
    ]
    each = [total / count for total, count in zip(read, counts, strict=True)]
    assert max(each) < 1.2 * min(each)


COMMAND = """\
# the next one
podman run -d --name web{number} --user $(id -u) --privileged -v $BASE/{number}:/data \\
  docker.io/library/nginx:1.27

"""
POD = """\
---
apiVersion: v1
kind: Pod
metadata: {{name: p{number}}}
spec:
  hostPID: true
  containers:
    - name: a
      image: docker.io/library/nginx:1.27
    - name: b
      image: docker.io/library/redis:7
"""


@pytest.mark.parametrize(
    ("name", "above", "each", "target"),
    [
        ("run.sh", "BASE=/srv\n", COMMAND, RunTarget),
        ("pods.yaml", "", POD, KubeTarget),
    ],
)
def test_a_fix_of_twice_as_many_commands_or_pods_reads_twice_as_much(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    above: str,
    each: str,
    target: type[OneFileTarget],
) -> None:
    """And makes what is made of each alone."""
    read_alone = target.read
    counts = (1, 8, 16, 32)
    read: list[int] = []
    texts: list[str] = []

    def counting(sources: Sources, file: SourceFile) -> Iterable[Service]:
        read[-1] += len(file.text)
        return read_alone(sources, file)

    monkeypatch.setattr(target, "read", staticmethod(counting))
    for count in counts:
        path = tmp_path / f"{count}" / name
        path.parent.mkdir()
        path.write_text(above + "".join(each.format(number=number) for number in range(count)))
        read.append(0)
        fixed = fix_all(look(AtRest((str(path),)), TODAY), Wanted((), Caution.ALL), Version(5, 8))
        assert all(service.made for service in fixed)
        texts.append(fixed[0].files[str(path)])
    per_service = [total / count for total, count in zip(read[1:], counts[1:], strict=True)]
    assert max(per_service) < 1.3 * min(per_service)
    alone = texts[0].removeprefix(above)
    assert texts[1] == above + "".join(
        re.sub(r"(web|p|BASE/)0\b", rf"\g<1>{number}", alone) for number in range(8)
    )


def test_one_service_that_cannot_be_cut_does_not_cost_the_others(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unclear: list[str] = []
    target = parts.StackParts.target

    def unclear_for_one(stack: parts.StackParts, service: Service) -> parts.PartTarget:
        if service.name == "s3":
            stack.unclear.add(service.place)
            unclear.append(service.name)
            raise CannotExpress("its part of the file does not say what the whole does")
        return target(stack, service)

    whole = read_for(tmp_path, monkeypatch, 33, fix=True)
    monkeypatch.setattr(parts.StackParts, "target", unclear_for_one)
    with_one = read_for(tmp_path, monkeypatch, 32, fix=True)
    assert unclear == ["s3"]
    assert with_one < 2.5 * whole


def test_of_two_commands_with_one_name_only_the_unclear_one_is_changed_in_the_whole_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "run.sh"
    command = "podman run --name web docker.io/library/nginx:1.27 nginx\n"
    path.write_text(command + "echo\n" + command)
    target = blocks.FileParts.target

    def unclear_for_the_first(whole: blocks.FileParts, service: Service) -> OneFileTarget:
        if service.header.start == 0:
            whole.unclear.add(service.place)
            raise CannotExpress("its part of the file does not say what the whole does")
        return target(whole, service)

    monkeypatch.setattr(blocks.FileParts, "target", unclear_for_the_first)
    fixed = fix_all(look(AtRest((str(path),)), TODAY), Wanted((), Caution.ALL), Version(5, 8))
    assert fixed[0].made
    assert fixed[0].made == fixed[1].made
    assert fixed[0].left_out == fixed[1].left_out
    lines = fixed[0].files[str(path)].splitlines()
    assert lines[0] == lines[2]
    assert lines[0].count("--read-only ") == 1


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
    assert of_base == 2  # the look, and the fix of all


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
        unit = f"[Container]\nImage=docker.io/library/redis:7\nVolume=/srv/{number % 3}:/data\n"
        (place / f"r{number}.container").write_text(unit)
    return str(folder / f"{projects}")


def held_by(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> int:
    """The most bytes that a command holds whenever it begins a part or writes something."""
    held = [0]

    def measure(*_: object) -> None:
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])

    with monkeypatch.context() as patched, open(os.devnull, "w") as nowhere:
        patched.setattr(Terminal, "progress", measure)
        patched.setattr(Terminal, "write", measure)
        patched.setattr(Terminal, "tell_written", measure)
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            gc.freeze()  # what is there already need not be looked at again and again
            tracemalloc.start()
            main(arguments)
            tracemalloc.stop()
            gc.unfreeze()
    return max(held)


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        (("check",), 1_700),
        (("check", "--format", "json"), 1_700),
        (("fix",), 2_600),
        (("fix", "-o", "out"), 2_600),
        (("fix", "--in-place"), 2_600),
    ],
)
def test_a_larger_tree_takes_little_more_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    most: int,
) -> None:
    """A service takes 60 kB while it is judged; what stays of it is its text, and the new one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(spilled, "IN_MEMORY", 0)
    monkeypatch.setattr(report_text, "_MOST_AT_ONCE", 5)
    small, large, warm = (tree(tmp_path, projects) for projects in (2, 8, 1))
    command, *options = arguments
    held_by((command, warm, *options), monkeypatch)  # what is imported and parsed once
    few, many = (held_by((command, path, *options), monkeypatch) for path in (small, large))
    assert (many - few) / 18 < most


def alive_in(path: str) -> list[int]:
    """How many objects of services live whenever a part, or a piece of it, begins."""
    alive: list[int] = []

    def count(done: int, total: int) -> None:
        gc.collect()
        alive.append(
            sum(
                isinstance(each, (Finding, ContainerFacts, Service, Tree))
                for each in gc.get_objects()
            )
        )

    report_on(Looking(AtRest((path,)), TODAY, progress=count), Severity.HIGH)
    return alive


def test_of_a_folder_of_many_units_some_are_in_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are judged as they are together: each knows what runs beside it in all of the folder."""
    unit = "[Container]\nImage=docker.io/library/redis:7\nNetwork=shared\nNetwork={}\n"
    for number in range(20):
        (tmp_path / f"r{number}.container").write_text(unit.format(f"n{number}"))
    whole = look(AtRest((str(tmp_path),)), TODAY)
    monkeypatch.setattr(checking, "_MOST_AT_ONCE", 4)
    assert _told(look(AtRest((str(tmp_path),)), TODAY)) == _told(whole)
    alive = alive_in(str(tmp_path))
    assert len(alive) == 5
    assert alive[-1] == alive[2]


def _told(looked: Looked) -> list[tuple[str, list[str]]]:
    return [
        (
            judged.service.name,
            [f"{each.check} {each.status} {each.verdict.reason}" for each in judged.findings],
        )
        for judged in looked.services
    ]


def test_nothing_of_a_part_stays_alive_but_its_text(tmp_path: Path) -> None:
    alive = alive_in(tree(tmp_path, 12))
    assert len(alive) == 24
    units, stacks = alive[:12], alive[12:]
    assert units[-1] == units[2]
    assert stacks[-1] == stacks[2]
