"""A pod comes through as a whole; anonymous volumes keep their data. On a real Podman, by the
workbench."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.errors import CannotExpress
from hardentui.features.fix.saving import save
from hardentui.model.draft import Draft, Target
from hardentui.model.plan import Caution
from hardentui.model.spec import Spec
from hardentui.model.written_file import WriteState
from hardentui.options import MOUNTS, REMOVE, REQUIRES, SDNOTIFY, TABLE
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX, Bench
from tests.support.started_units import start_units
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

POD, NET, WEB, SIDE = "whole-pod", "whole-net", "whole-web", "whole-side"
SERVE = "mkdir /www; hostname >/www/index.html; exec busybox httpd -f -p 80 -h /www"


@pytest.fixture
def pod(podman: Bench) -> Iterator[Bench]:
    podman.podman(
        "network",
        "create",
        "--subnet=10.93.7.0/24",
        NET,
    )
    podman.podman(
        "pod", "create", "--name", POD, f"--infra-image={BUSYBOX}", "--infra-command=sleep 1000",
        f"--network={NET}:ip=10.93.7.50", "-p", "127.0.0.1:18490:80", "--hostname=given",
        "--add-host=other:10.1.2.3", "--dns=9.9.9.9", "--label=a=50% b", "--shm-size=70m",
        "--sysctl=net.ipv4.ip_unprivileged_port_start=81", "-v", "whole-shared:/shared",
    )  # fmt: skip
    podman.podman(
        "run", "-d", "--name", WEB, "--pod", POD, "--memory=64m", BUSYBOX, "sh", "-c", SERVE
    )
    podman.podman(
        "run", "-d", "--name", SIDE, "--pod", POD, "--env=TOKEN=s3cr3t-v4lue", "--read-only",
        f"--requires={WEB}", "--volume=whole-own:/own", BUSYBOX, "sleep", "1000",
    )  # fmt: skip
    yield podman
    remove_pod(podman)
    podman.podman("network", "rm", "-f", NET)
    podman.podman(
        "volume",
        "rm",
        "-f",
        "whole-shared",
        "whole-own",
    )


def remove_pod(podman: Bench) -> None:
    podman.podman(
        "pod",
        "rm",
        "-f",
        "-i",
        "-t",
        "0",
        POD,
    )


def output(
    podman: Bench,
    name: str,
    target: Target,
) -> Draft:
    with looked_at(podman.url, name) as (workbench, reports):
        return workbench.drafter.draft(reports[name], None, target)


def specs(podman: Bench, *names: str) -> dict[str, Spec]:
    with looked_at(podman.url, *names) as (_, reports):
        return {name: report.facts.spec for name, report in reports.items() if report.facts}


def texts(made: Draft) -> dict[str, str]:
    return {file.name: file.text for file in made.files}


def comparable(podman: Bench) -> dict[str, Any]:
    """What the inspect document of the pod says of what was asked for."""
    document = podman.get(f"/pods/{POD}/json")
    infra = podman.get(f"/containers/{document['InfraContainerID']}/json")
    kept = {
        key: document[key]
        for key in ("Hostname", "Labels", "SharedNamespaces", "ExitPolicy", "InfraConfig")
    }
    networks = infra["NetworkSettings"]["Networks"]
    return kept | {
        "SharedNamespaces": sorted(document["SharedNamespaces"]),
        "mounts": [(mount["Name"], mount["Destination"]) for mount in document["mounts"]],
        "shm": infra["HostConfig"]["ShmSize"],
        "address": {name: network["IPAddress"] for name, network in networks.items()},
    }


def assert_same(
    written: dict[str, Spec],
    meant: dict[str, Spec],
    *but: object,
) -> None:
    assert set(written) == set(meant)
    for name, spec in meant.items():
        left = {
            option.name: (written[name][option], spec[option])
            for option in TABLE
            if option not in but and written[name][option] != spec[option]
        }
        assert left == {}, name


def assert_it_serves(podman: Bench) -> None:
    ask = "curl -s http://127.0.0.1:18490/ || true"
    assert eventually(lambda: podman.execute("sh", "-c", ask) == "given")
    assert (
        podman.podman(
            "exec",
            SIDE,
            "cat",
            "/proc/sys/net/ipv4/ip_unprivileged_port_start",
        )
        == "81"
    )


def test_a_pod_becomes_units_that_start_all_of_it_again(pod: Bench) -> None:
    before, pod_before = specs(pod, WEB, SIDE), comparable(pod)
    made = output(pod, WEB, Target.QUADLET)
    files = texts(made)
    assert set(files) == {
        *(
            f"{WEB}.container",
            f"{SIDE}.container",
            f"{POD}.pod",
            f"{NET}.network",
        ),
        *("whole-shared.volume", "whole-own.volume"),
    }
    assert "nothing was hardened" in files[f"{SIDE}.container"]
    assert not any("need units too" in note for note in made.warnings)
    assert all(file.mode == 0o600 for file in made.files), "one of them holds a plain secret"
    remove_pod(pod)
    pod.podman("network", "rm", NET)
    start_units(pod, files, (WEB, SIDE))
    assert comparable(pod) == pod_before
    assert_same(
        specs(pod, WEB, SIDE),
        before,
        REMOVE,
        REQUIRES,
        SDNOTIFY,
    )
    assert_it_serves(pod)


def test_the_other_members_of_a_hardened_one_stay_as_they_are(pod: Bench) -> None:
    with looked_at(pod.url, SIDE) as (workbench, reports):
        plan = workbench.planner.plan_with(reports[SIDE], Caution.ALL)
        assert plan.changes
        draft = workbench.drafter.draft(
            reports[SIDE],
            plan,
            Target.QUADLET,
        )
        faithful = texts(
            workbench.drafter.draft(
                reports[SIDE],
                None,
                Target.QUADLET,
            )
        )
    hardened = texts(draft)
    assert hardened[f"{WEB}.container"] == faithful[f"{WEB}.container"]
    assert hardened[f"{SIDE}.container"] != faithful[f"{SIDE}.container"]
    assert f"hardened/{SIDE}.container" in draft.diff
    assert f"hardened/{WEB}.container" not in draft.diff
    assert "s3cr3t-v4lue" not in draft.diff


def test_fixing_one_member_keeps_what_was_fixed_for_another(
    pod: Bench,
    tmp_path: Path,
) -> None:
    """Both are written into one directory, one after the other, each along with the whole pod."""
    with looked_at(pod.url, WEB, SIDE) as (workbench, reports):
        for name in (WEB, SIDE):
            plan = workbench.planner.plan_with(reports[name], Caution.ALL)
            written = save(
                workbench.drafter.draft(
                    reports[name],
                    plan,
                    Target.QUADLET,
                ).files,
                str(tmp_path),
            )
    units = {name: (tmp_path / f"{name}.container").read_text() for name in (WEB, SIDE)}
    assert all("NoNewPrivileges=true" in text for text in units.values())
    kept = {Path(file.path).name for file in written if file.state is WriteState.KEPT}
    assert kept == {f"{WEB}.container", f"{POD}.pod"}
    assert not list(tmp_path.glob(f"{WEB}.container.bak*"))


def test_a_script_makes_the_pod_that_is_missing(pod: Bench) -> None:
    pod_before, before = comparable(pod), specs(pod, WEB)
    script = pod.directory / "pod.sh"
    script.write_text(texts(output(pod, WEB, Target.RUN))[f"{WEB}.sh"])
    remove_pod(pod)
    pod.execute("sh", str(script))
    assert comparable(pod) == pod_before
    assert_same(specs(pod, WEB), before)


def test_members_of_a_pod_with_a_user_namespace_can_be_made_again(rootless_podman: Bench) -> None:
    bench = rootless_podman
    pod = (
        "--name",
        POD,
        f"--infra-image={BUSYBOX}",
        "--infra-command=sleep 1000",
        "--network=none",
    )
    bench.podman(
        "pod",
        "create",
        *pod,
        "--userns=keep-id:uid=200,gid=210",
    )
    try:
        bench.podman(
            "create",
            "--name",
            WEB,
            "--pod",
            POD,
            "--user=5",
            BUSYBOX,
            "sleep",
            "1000",
        )
        before = specs(bench, WEB)
        script = texts(output(bench, WEB, Target.RUN))[f"{WEB}.sh"]
        remove_pod(bench)
        bench.execute("sh", "-c", script)
        assert_same(specs(bench, WEB), before)
        assert bench.podman("exec", WEB, "id", "-u") == "5"
        assert bench.podman(
            "exec",
            WEB,
            "cat",
            "/proc/self/uid_map",
        ).split()[3:6] == [
            "200",
            "0",
            "1",
        ]
    finally:
        remove_pod(bench)


def test_the_infra_container_is_no_container_of_its_own(pod: Bench) -> None:
    infra = pod.get(f"/pods/{POD}/json")["InfraContainerID"]
    name = pod.get(f"/containers/{infra}/json")["Name"]
    with looked_at(pod.url, name) as (workbench, reports):
        if name in reports:
            with pytest.raises(CannotExpress, match="the infra container of a pod"):
                workbench.drafter.draft(
                    reports[name],
                    None,
                    Target.QUADLET,
                )
        else:
            assert name not in {row.name for row in workbench.containers.rows()}


# --- anonymous volumes ---------------------------------------------------------------------------


@pytest.fixture
def with_data(podman: Bench, redis_image: str) -> Iterator[str]:
    """A redis with something in the anonymous volume of its image, and in one of its own."""
    name = "anon-redis"
    podman.podman(
        "run",
        "-d",
        "--name",
        name,
        "--volume=/more",
        "--stop-timeout=5",
        redis_image,
    )
    asked = (
        "exec",
        name,
        "sh",
        "-c",
        "printf 'SET k survives\\r\\nSAVE\\r\\nQUIT\\r\\n' | nc 127.0.0.1 6379",
    )
    assert eventually(lambda: "OK" in answer(podman, *asked))
    podman.podman(
        "exec",
        "--user=0",
        name,
        "sh",
        "-c",
        "echo more >/more/file",
    )
    yield name
    podman.remove(name)
    podman.podman(
        "volume",
        "rm",
        "-f",
        "anon-redis-data-data",
        "anon-redis-more-data",
    )


def answer(podman: Bench, *arguments: str) -> str:
    """What podman says, or nothing where it fails."""
    try:
        return podman.podman(*arguments)
    except subprocess.CalledProcessError:
        return ""


def test_the_data_of_anonymous_volumes_survives(
    podman: Bench,
    with_data: str,
    tmp_path: Path,
) -> None:
    before = podman.get(f"/containers/{with_data}/json")
    old = {mount["Destination"]: mount["Name"] for mount in before["Mounts"]}
    made = output(podman, with_data, Target.QUADLET)
    files = texts(made)
    name = f"{with_data}-copy-volumes.sh"
    assert any(name in note and "before the first start" in note for note in made.warnings)
    assert not any(
        volume in text for file, text in files.items() for volume in old.values() if file != name
    )
    copy = podman.directory / "copy.sh"
    copy.write_text(files[name])
    with pytest.raises(subprocess.CalledProcessError, match="1") as running:
        podman.execute("sh", str(copy))
    assert "stop its container first" in running.value.stderr
    podman.podman("stop", with_data)
    podman.execute("sh", str(copy))
    podman.execute("sh", str(copy))  # a second time it leaves them alone
    start_units(podman, files, (with_data,))
    ask = (
        "exec",
        with_data,
        "sh",
        "-c",
        "printf 'GET k\\r\\nSAVE\\r\\nQUIT\\r\\n' | nc 127.0.0.1 6379",
    )
    assert eventually(lambda: "survives" in answer(podman, *ask))
    assert "OK" in answer(podman, *ask), "redis can write into it"
    assert (
        podman.podman(
            "exec",
            with_data,
            "busybox",
            "cat",
            "/more/file",
        )
        == "more"
    )
    mounts = specs(podman, with_data)[with_data][MOUNTS]
    assert [mount.source for mount in mounts] == [
        f"{with_data}-data-data",
        f"{with_data}-more-data",
    ]
    podman.remove(with_data)
    assert (
        podman.podman(
            "volume",
            "exists",
            f"{with_data}-data-data",
        )
        == ""
    )
    podman.podman(
        "volume",
        "rm",
        "-f",
        *old.values(),
    )


def test_a_copy_that_fails_leaves_nothing_behind(
    podman: Bench,
    with_data: str,
) -> None:
    files = texts(output(podman, with_data, Target.QUADLET))
    copy = podman.directory / "copy.sh"
    copy.write_text(files[f"{with_data}-copy-volumes.sh"])
    new = f"{with_data}-data-data"
    cut_off = podman.directory / f"{new}.copy"
    cut_off.touch()
    podman.podman("volume", "create", new)  # by somebody else, after a copy was cut off
    with pytest.raises(subprocess.CalledProcessError) as failed:
        podman.execute("sh", str(copy), "ahead")
    assert "is no copy of what is in" in failed.value.stderr
    podman.podman(
        "volume",
        "rm",
        "-f",
        new,
        f"{with_data}-more-data",
    )
    cut_off.unlink()
    podman.podman(
        "rm",
        "-f",
        "-v",
        "-t",
        "0",
        with_data,
    )
    with pytest.raises(subprocess.CalledProcessError) as failed:
        podman.execute("sh", str(copy))
    assert "no such volume" in failed.value.stderr
    assert "anon-redis" not in podman.podman("volume", "ls", "-q")
