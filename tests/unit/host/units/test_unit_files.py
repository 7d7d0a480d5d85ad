"""Finding the files of a unit, and what systemd says of it."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from hardentui.errors import GeneratorError
from hardentui.host.podman.generator import dry_run
from hardentui.host.units.systemd import ReadUnit, read_units
from hardentui.host.units.unit_search import FoundUnit, find_unit
from hardentui.model.facts import UnitFacts
from hardentui.model.known import Known, Unread
from hardentui.systemd.search_paths import ServiceManager
from tests.support.rooted import Rooted

SYSTEM = ServiceManager(False)
USER = ServiceManager(True, "/home/anna", 1000)
UNIT = "[Container]\nImage=a\n"


@pytest.fixture
def files(tmp_path: Path) -> Rooted:
    return Rooted(tmp_path)


def find(
    files: Rooted,
    name: str,
    manager: ServiceManager = SYSTEM,
) -> FoundUnit:
    result = find_unit(files, name, manager)
    assert isinstance(result, FoundUnit), result
    return result


@pytest.mark.parametrize(
    ("manager", "directory"),
    [
        (SYSTEM, "/etc/containers/systemd"),
        (SYSTEM, "/etc/containers/systemd/deep/er"),
        (SYSTEM, "/run/containers/systemd"),
        (SYSTEM, "/usr/share/containers/systemd"),
        (USER, "/home/anna/.config/containers/systemd"),
        (USER, "/etc/containers/systemd/users/1000"),
        (USER, "/etc/containers/systemd/users"),
        (USER, "/usr/share/containers/systemd/users"),
        (USER, "/run/user/1000/containers/systemd"),
    ],
)
def test_quadlets_are_found_where_podman_looks(
    files: Rooted,
    manager: ServiceManager,
    directory: str,
) -> None:
    files.put(f"{directory}/web.container", UNIT)
    result = find(files, "web.service", manager)
    assert (result.quadlet, result.file.path, result.file.text) == (
        True,
        f"{directory}/web.container",
        UNIT,
    )


@pytest.mark.parametrize(
    ("manager", "directory", "wins"),
    [
        (SYSTEM, "/etc/systemd/system", True),
        (SYSTEM, "/run/systemd/system", True),
        (SYSTEM, "/usr/lib/systemd/system", False),
        (USER, "/home/anna/.config/systemd/user", True),
        (USER, "/usr/lib/systemd/user", False),
    ],
)
def test_unit_files_win_or_lose_against_quadlets(
    files: Rooted,
    manager: ServiceManager,
    directory: str,
    wins: bool,
) -> None:
    path = f"{directory}/web.service"
    files.put(path, "[Service]\n")
    assert find(files, "web.service", manager).file.path == path
    files.put(f"{manager.quadlet_directories[1]}/web.container", UNIT)
    assert find(files, "web.service", manager).quadlet is not wins


def test_a_service_may_have_a_name_of_its_own_or_be_an_instance(files: Rooted) -> None:
    files.put(
        "/etc/containers/systemd/a.container",
        UNIT + "ServiceName = club-web\n",
    )
    files.put("/etc/containers/systemd/t@.container", UNIT)
    assert find(files, "club-web.service").file.path.endswith("/a.container")
    assert find(files, "t@1.service").file.path.endswith("/t@.container")
    assert find_unit(files, "other.service", SYSTEM) is None


def test_drop_ins_come_from_every_directory_in_the_order_of_their_names(files: Rooted) -> None:
    base = "/etc/containers/systemd"
    files.put(f"{base}/sub/a-b.container", UNIT)
    for path in (
        f"{base}/a-b.container.d/20.conf",
        f"{base}/a-.container.d/10.conf",
        f"{base}/container.d/30.conf",
        f"{base}/container.d/20.conf",  # the more special one wins
        f"{base}/a-b.container.d/no.txt",
        "/usr/share/containers/systemd/a-b.container.d/40.conf",
        "/etc/systemd/system/a-b.service.d/x.conf",
    ):
        files.put(path, f"# {path}\n")
    result = find(files, "a-b.service")
    assert [drop_in.path.removeprefix(base) for drop_in in result.drop_ins] == [
        "/a-.container.d/10.conf",
        "/a-b.container.d/20.conf",
        "/container.d/30.conf",
        "/usr/share/containers/systemd/a-b.container.d/40.conf",
    ]
    assert [service_drop_in.path for service_drop_in in result.service_drop_ins] == [
        "/etc/systemd/system/a-b.service.d/x.conf"
    ]


def test_units_that_it_refers_to_come_along(files: Rooted) -> None:
    files.put(
        "/etc/containers/systemd/w.container",
        UNIT + "Volume=v.volume:/v\nNetwork=n.network\nPod=gone.pod\n",
    )
    files.put(
        "/etc/containers/systemd/x/v.volume",
        "[Volume]\nDriver=image\nImage=i.image\n",
    )
    files.put("/etc/containers/systemd/n.network", "[Network]\n")
    files.put("/etc/containers/systemd/i.image", "[Image]\nImage=a\n")
    assert set(find(files, "w.service").companions) == {"v.volume", "n.network", "i.image"}


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "-p.service",
        ".x.service",
        "a/b.service",
        "x",
        "x.socket",
        "a\n.service",
        "ü.service",
        "",
    ],
)
def test_a_label_that_is_no_name_of_a_service_leads_nowhere(
    files: Rooted,
    name: str,
) -> None:
    files.put("/etc/containers/systemd/passwd.container", UNIT)
    assert isinstance(find_unit(files, name, SYSTEM), Unread)


class Systemctl:
    """Answers as systemctl would, and keeps what it was asked."""

    def __init__(self, answer: Known[str]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, ...]] = []

    def __call__(
        self,
        arguments: Sequence[str],
        seconds: float,
    ) -> Known[str]:
        assert seconds <= 10
        self.asked.append(tuple(arguments))
        return self.answer


ANSWER = (
    "NRestarts=3\nNeedDaemonReload=yes\nId=a.service\nNames=a.service\nLoadState=loaded\n\n"
    "NRestarts=0\nId=b.service\nNames=b.service other.service\nNeedDaemonReload=no\nLoadState=loaded\n\n"
    "NRestarts=2\nId=made.service\nNames=made.service\nNeedDaemonReload=no\nLoadState=loaded\n"
    "FragmentPath=/run/systemd/transient/made.service\n\n"
    "NRestarts=0\nId=gone.service\nNames=gone.service\nNeedDaemonReload=no\nLoadState=not-found\n"
)


def facts(unit: Known[ReadUnit | None]) -> UnitFacts:
    assert isinstance(unit, ReadUnit), unit
    return unit.facts


def test_one_question_for_all_units(files: Rooted) -> None:
    (files.root / "run/systemd/system").mkdir(parents=True)
    for name in "ab":
        files.put(f"/etc/containers/systemd/{name}.container", UNIT)
    run = Systemctl(ANSWER)
    result = read_units(
        files, run, ("a.service", "b.service", "made.service", "gone.service", "-x"), SYSTEM
    )
    assert len(run.asked) == 1
    assert run.asked[0][:2] == ("systemctl", "show")
    assert run.asked[0][-5:] == ("--", "a.service", "b.service", "made.service", "gone.service")
    a, b, made = (facts(result[f"{name}.service"]) for name in ("a", "b", "made"))
    assert (a.restarts, a.needs_reload, a.quadlet, a.silent) == (3, True, True, "")
    assert (b.restarts, b.needs_reload) == (0, False)
    assert (made.restarts, made.file, made.modified) == (
        2,
        "/run/systemd/transient/made.service",
        None,
    )
    assert result["gone.service"] is None
    assert isinstance(result["-x"], Unread)


@pytest.mark.parametrize(
    "answer",
    [
        Unread("no"),
        "",
        "garbage\n\n=\nNRestarts=x\nId=w.service",
    ],
)
def test_without_an_answer_the_times_of_the_files_decide(
    files: Rooted,
    answer: Known[str],
) -> None:
    (files.root / "run/systemd/system").mkdir(parents=True)
    unit = files.put("/etc/containers/systemd/w.container", UNIT)
    generated = files.put("/run/systemd/generator/w.service", "[Service]\n")
    os.utime(unit, (2000, 2000))
    for when, stale in ((1000, True), (3000, False)):
        os.utime(generated, (when, when))
        result = facts(
            read_units(
                files,
                Systemctl(answer),
                ("w.service",),
                SYSTEM,
            )["w.service"]
        )
        assert (result.needs_reload, result.restarts) == (stale, None)
        assert result.modified is not None
        assert result.modified.timestamp() == 2000


def test_systemctl_is_not_asked_where_systemd_does_not_run_or_is_of_another_user(
    files: Rooted,
) -> None:
    files.put("/etc/containers/systemd/w.container", UNIT)
    files.put("/home/anna/.config/containers/systemd/w.container", UNIT)
    run = Systemctl(ANSWER)
    result = read_units(
        files,
        run,
        ("w.service", "gone.service"),
        SYSTEM,
    )
    assert facts(result["w.service"]).silent == "systemd is not running here"
    assert result["gone.service"] == Unread(
        "no file of it was found, and systemd is not running here"
    )
    (files.root / "run/systemd/system").mkdir(parents=True)
    other = ServiceManager(True, "/home/anna", os.geteuid() + 1000)
    assert (
        "another user"
        in facts(
            read_units(
                files,
                run,
                ("w.service",),
                other,
            )["w.service"]
        ).silent
    )
    assert run.asked == []
    read_units(
        files,
        run,
        ("w.service",),
        ServiceManager(True, "/home/anna", os.geteuid()),
    )
    assert run.asked[0][:3] == ("systemctl", "--user", "show")


def fake(tmp_path: Path, script: str) -> str:
    program = tmp_path / "generator"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_a_generator_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="did not finish within"):
        dry_run(
            {},
            user=False,
            generator=fake(tmp_path, "exec sleep 60"),
            timeout=0.2,
        )


@pytest.mark.parametrize("name", ["../a.container", "", "..", "a\0b"])
def test_unit_names_stay_in_the_directory(
    tmp_path: Path,
    name: str,
) -> None:
    with pytest.raises(GeneratorError, match="cannot be the name"):
        dry_run(
            {name: ""},
            user=False,
            generator=fake(tmp_path, ""),
        )
