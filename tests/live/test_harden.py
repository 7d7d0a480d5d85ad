"""`harden`: from a container's name to hardened, proven and running; or nothing is changed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.options import BY_NAME
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.support.schemas import validated
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
NAME, POD, VOLUME = "harden-web", "harden-pod", "harden-data"
PORT = "18097"
SERVE = "trap 'exit 0' TERM; httpd -f -p {port} -h {directory} & wait"


@pytest.fixture
def web(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    """A web server with data in a volume, published on every address."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    serve = ("sh", "-c", SERVE.format(port=80, directory="/data"))
    podman.run(
        NAME,
        "-p",
        f"{PORT}:80",
        "-v",
        f"{VOLUME}:/data",
        BUSYBOX,
        *serve,
    )
    podman.podman(
        "exec", NAME, "sh", "-c", "echo '<title>Precious data</title>' > /data/index.html"
    )
    assert eventually(lambda: _answers(podman))
    yield podman
    podman.remove(
        NAME,
        *podman.podman(
            "ps",
            "-a",
            "-q",
            "--filter",
            f"name=^{NAME}-before",
        ).split(),
    )
    podman.podman("volume", "rm", "-f", VOLUME)


def _answers(bench: Bench) -> bool:
    try:
        return "Precious" in bench.execute(
            "curl",
            "-s",
            "-m",
            "5",
            f"http://127.0.0.1:{PORT}/",
        )
    except subprocess.CalledProcessError:
        return False


def _cards(text: str) -> list[dict[str, Any]]:
    """One document after the other."""
    return [json.loads(card) for card in text.replace("}\n{", "}\0{").split("\0")]


def _inspect(bench: Bench, name: str = NAME) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(bench.podman("inspect", name))[0]
    return document


def test_hardened_proven_and_running_with_its_data_and_no_decision_taken(
    web: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = _inspect(web)
    web.podman(
        "exec",
        NAME,
        "unshare",
        "-U",
        "true",
    )
    monkeypatch.setattr(
        "hardentui.features.apply.soak_log.AUDIT_LOG",
        str(tmp_path / "audit.log"),
    )
    (tmp_path / "audit.log").write_text(_AUDITD_STARTS)
    monkeypatch.setattr("hardentui.features.apply.soak_watch.EVERY", 0.5)
    command = (
        "harden",
        NAME,
        "--url",
        web.url,
        "--yes",
        "--format",
        "json",
    )
    done = hardentui(*command, "--soak", "7d", ends=0)
    card = validated(json.loads(done.stdout))
    assert card["probes"] == ["curl -sS -m 5 -f http://$TARGET:80/ | grep -qF -e 'Precious data'"]
    assert card["answer"] == 'HTTP 200, page "Precious data"'
    assert card["after"]["score"] > card["before"]["score"] + 10
    assert "/" in card["before"]["writable"]
    assert "/" not in card["after"]["writable"]
    assert card["after"]["capabilities"] < card["before"]["capabilities"]
    assert card["after"]["system_calls"] < card["before"]["system_calls"]
    reached, reaches = (card[side]["kernel_vulnerabilities"] for side in ("before", "after"))
    meter = card["before"]
    assert reached <= meter["kernel_vulnerabilities_known"]
    by_switch = meter["kernel_vulnerabilities_by_user_namespace"]
    assert by_switch * 2 > reached, "most need a user namespace"
    assert reaches <= reached - by_switch, "which the learned profile refuses"
    assert [line for line in card["decide"] if f"{PORT}:80 becomes 127.0.0.1:{PORT}:80" in line]
    entry = card["apply"]
    assert (entry["state"], entry["container"]) == ("done", NAME)
    assert {proof["status"] for proof in entry["proof"]} == {"pass"}
    assert card["trial"]["result"] == "works"
    assert "with empty volumes" in done.stderr, "where the probe finds no page"
    assert "that twin" not in done.stderr, "every twin was watched to its end"

    now = _inspect(web)
    assert now["Id"] != before["Id"]
    assert now["HostConfig"]["ReadonlyRootfs"] is True
    assert now["HostConfig"]["PortBindings"] == before["HostConfig"]["PortBindings"]
    assert [option for option in now["HostConfig"]["SecurityOpt"] if option.startswith("seccomp=")]
    assert _answers(web)
    assert BY_NAME["publish"].flag not in {change["option"] for change in entry["changes"]}
    assert [step["action"] for step in card["next"]] == ["undo", "forget"]

    # the soak: what the profile would refuse is logged by the kernel, then allowed; the rest is
    # refused
    assert entry["soak_until"] > time.time() + 6 * 86_400
    assert eventually(lambda: _logged(web, tmp_path / "audit.log"), 30)
    (soaks,) = json.loads(hardentui(*command, ends=0).stdout)["entries"]
    assert soaks["id"] == entry["id"], "it is not over, so nothing is changed"
    assert soaks["soak_logged"]["ioprio_get"] == ["ionice"]

    def slower() -> str:
        entries = json.loads(hardentui("journal", "--format", "json", ends=0).stdout)["entries"]
        return next(each["soak_slower"] or "" for each in entries if each["id"] == entry["id"])

    assert not slower()
    web.podman("pause", NAME)
    assert eventually(slower)
    assert slower().startswith(f"{NAME} takes ")
    told = hardentui("check", NAME, "--url", web.url).stderr
    web.podman("unpause", NAME)
    assert "to answer while it soaks (before: " in told
    assert f"hardentui undo {entry['id']} takes the change back" in told
    assert eventually(lambda: not slower())
    (enforced,) = json.loads(hardentui(*command, "--soak", "0", ends=0).stdout)["entries"]
    assert (enforced["state"], enforced["soak_until"]) == ("done", None)
    web.podman(
        "exec",
        NAME,
        "ionice",
        "-p",
        "1",
    )
    with pytest.raises(subprocess.CalledProcessError):
        web.podman(
            "exec",
            NAME,
            "unshare",
            "-U",
            "true",
        )
    assert _answers(web)


_AUDITD_STARTS = "type=DAEMON_START msg=audit(1700000000.000:1): op=start ver=4.0.2\n"


def _logged(bench: Bench, log: Path) -> bool:
    """The kernel's own records, from its ring buffer: this machine has neither auditd nor a
    journal."""
    bench.podman(
        "exec",
        NAME,
        "ionice",
        "-p",
        "1",
    )
    records = [line for line in bench.execute("dmesg").splitlines() if "code=0x7ffc0000" in line]
    log.write_text(_AUDITD_STARTS + "\n".join(records))
    return any('comm="ionice"' in record for record in records)


@pytest.mark.long  # each half is shown daily: files by test_trial.py, the way back by test_apply.py
def test_files_change_nothing_and_what_breaks_is_rolled_back(
    web: Bench,
    tmp_path: Path,
) -> None:
    before, containers = _inspect(web), web.podman("ps", "-a", "-q")
    fix = (
        "harden",
        NAME,
        "--url",
        web.url,
        "--check",
        "writable-rootfs",
        "--patience",
        "5",
    )
    where = tmp_path / "out"
    assert "hardened twin works" in hardentui(*fix, "-o", str(where), ends=0).stdout
    written = {path.name for path in where.iterdir()}
    assert written >= {
        "trial.json",
        "plan.toml",
        f"seccomp-{NAME}.json",
        f"{NAME}.container",
        f"{NAME}.sh",
    }
    assert "ReadOnly=true" in (where / f"{NAME}.container").read_text()
    assert web.podman("ps", "-a", "-q") == containers
    assert _inspect(web)["State"]["StartedAt"] == before["State"]["StartedAt"]

    seen = tmp_path / "seen"  # the original answers once; what replaces it does not
    probe = f'test "$TWIN_NAME" != {NAME} || {{ test ! -e {seen} && touch {seen}; }}'
    assert (
        "rolling back"
        in hardentui(
            *fix,
            "--yes",
            "--probe",
            probe,
            ends=5,
        ).stderr
    )
    now = _inspect(web)
    assert (now["Id"], now["State"]["Running"]) == (before["Id"], True)
    assert eventually(lambda: _answers(web))


@pytest.fixture
def pod(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    podman.podman(
        "pod",
        "create",
        "--name",
        POD,
    )
    for name, port in (("harden-a", 8081), ("harden-b", 8082)):
        serve = SERVE.format(port=port, directory="/tmp")
        podman.podman(
            "run",
            "-d",
            "--name",
            name,
            "--pod",
            POD,
            BUSYBOX,
            "sh",
            "-c",
            serve,
        )
    yield podman
    podman.podman(
        "pod",
        "rm",
        "-f",
        "-t",
        "0",
        POD,
    )


def test_a_pod_is_hardened_in_one_change(pod: Bench) -> None:
    before = {name: _inspect(pod, name)["Id"] for name in ("harden-a", "harden-b")}
    fix = (
        "harden",
        POD,
        "--url",
        pod.url,
        "--check",
        "new-privileges-allowed",
        "--format",
        "json",
        "--yes",
    )
    cards = _cards(hardentui(*fix, ends=0).stdout)
    assert sorted(card["container"] for card in cards) == ["harden-a", "harden-b"]
    assert {card["apply"]["state"] for card in cards} == {"done"}
    assert len({card["apply"]["id"] for card in cards}) == 1
    assert sorted(proof["container"] for proof in cards[0]["apply"]["proof"]) == [
        "harden-a",
        "harden-b",
    ]
    for name in ("harden-a", "harden-b"):
        now = _inspect(pod, name)
        assert "no-new-privileges" in now["HostConfig"]["SecurityOpt"]
        assert now["State"]["Running"] is True
        assert now["Pod"] == pod.podman(
            "pod",
            "inspect",
            "--format",
            "{{.ID}}",
            POD,
        )
    hardentui("undo", "--yes", ends=0)
    assert {name: _inspect(pod, name)["Id"] for name in before} == before
    assert all(_inspect(pod, name)["State"]["Running"] for name in before)


STORE = SERVE.format(port=5000, directory="/etc")
SITE = SERVE.format(port=8083, directory="/tmp")
NEEDS_STORE = "until wget -qO- http://store:5000/hostname; do sleep 0.1; done"
COMPOSE = f"""
services:
  store:
    image: {BUSYBOX}
    command: ["sh", "-c", "{STORE}"]
  site:
    image: {BUSYBOX}
    depends_on: [store]
    command: ["sh", "-c", "{NEEDS_STORE}; {SITE}"]
"""


def test_compose_keeps_what_was_hardened(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = podman.directory / "hardened-shop"
    project.mkdir()
    (project / "compose.yaml").write_text(COMPOSE)
    program = Path(sys.executable).with_name("podman-compose")
    up = f"cd {project} && {sys.executable} {program} up -d"
    name, store = "hardened-shop_site_1", "hardened-shop_store_1"
    try:
        podman.execute("sh", "-c", up)
        before = {each: _inspect(podman, each)["Id"] for each in (name, store)}
        assert _inspect(podman, name)["Dependencies"] == [before[store]]
        fix = (
            "harden",
            "hardened-shop",
            "--url",
            podman.url,
            "--check",
            "new-privileges-allowed",
            "--yes",
        )
        done = hardentui(*fix, "--format", "json", ends=0)
        cards, err = _cards(done.stdout), done.stderr
        assert len({card["apply"]["id"] for card in cards}) == 1, err
        assert err.count(f"twins of {store} run beside it") == 1, (
            "the store needs no twin of the site"
        )
        assert "compose.override.yaml of its project keeps it for compose up" in cards[0]["notes"]
        override = (project / "compose.override.yaml").read_text()
        assert override.count("no-new-privileges") == 2
        assert _inspect(podman, name)["Dependencies"] == [_inspect(podman, store)["Id"]]
        hardentui("undo", "--yes", ends=0)
        assert {each: _inspect(podman, each)["Id"] for each in before} == before
        assert not (project / "compose.override.yaml").exists()

        (project / "compose.override.yaml").write_text(override)
        podman.execute(
            "sh", "-c", f"{up} --force-recreate"
        )  # compose makes it anew, from both files
        assert "no-new-privileges" in _inspect(podman, name)["HostConfig"]["SecurityOpt"]
    finally:
        podman.podman(
            "pod",
            "rm",
            "-f",
            "-t",
            "0",
            "-i",
            "pod_hardened-shop",
        )
        if left := podman.podman(
            "ps",
            "-a",
            "-q",
            "--filter",
            f"name=^{name}",
        ).split():
            podman.remove(*left)


def test_a_right_that_stays_names_its_cause_and_tight_keeps_what_was_seen(web: Bench) -> None:
    where = (NAME, "--try", "--url", web.url)
    wide = hardentui("harden", *where).stdout
    assert "NET_BIND_SERVICE: needed, seen in use" in " ".join(wide.split())
    assert "a program of the image can ask for it: " in " ".join(wide.split())
    tight = json.loads(hardentui("harden", *where, "--tight", "--format", "json").stdout)
    assert tight["after"]["capabilities"] == 1
    assert tight["trial"]["learned"]["capabilities"] == ["NET_BIND_SERVICE"]
