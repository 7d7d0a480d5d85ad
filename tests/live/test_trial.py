"""Trials of real services on a real Podman: what works is found, and the original is never touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.podman import BUSYBOX, Bench
from tests.support.postgres import postgres_image
from tests.support.program import hardentui, launched
from tests.support.schemas import validated
from tests.support.systemd_image import systemd_image
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

NAME = "try-web"
HTTP = "curl -fsS -m 2 http://$TWIN_IP:80/"
REDIS_PROBE = "redis-cli -h $TWIN_IP ping | grep -q PONG"
Run = Callable[..., tuple[int, Any]]


def untouched(bench: Bench, name: str) -> Mapping[str, Any]:
    """What a trial must not change of an original."""
    document = bench.get(f"/containers/{name}/json")
    state = document["State"]
    return {
        "id": document["Id"],
        "pid": state["Pid"],
        "status": "exited" if state["Status"] == "stopped" else state["Status"],
        "started": state["StartedAt"],
        "restarts": document["RestartCount"],
        "mounts": document["Mounts"],
    }


def leftovers(bench: Bench) -> str:
    named = ("--filter", "label=hardentui.trial", "--format", "{{.Names}}{{.Name}}")
    lists = [
        bench.podman(*kind, *named[:2], "-q")
        for kind in (("ps", "-a"), ("volume", "ls"), ("pod", "ps"))
    ]
    return "".join(
        (
            *lists,
            bench.podman(
                "network",
                "ls",
                *named[:2],
                "-q",
            ),
        )
    )


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    yield podman
    podman.remove(NAME, "try-peer")
    podman.podman(
        "volume",
        "rm",
        "-f",
        "try-data",
    )
    assert leftovers(podman) == ""


@pytest.fixture
def trial(bench: Bench) -> Run:
    def run(*arguments: str, on: Bench = bench) -> tuple[int, Any]:
        before = untouched(on, NAME)
        done = hardentui(
            "trial",
            NAME,
            "--url",
            on.url,
            "--format",
            "json",
            *arguments,
        )
        assert untouched(on, NAME) == before, "the original was touched"
        return done.returncode, validated(json.loads(done.stdout)) if done.stdout else done.stderr

    return run


def _succeeds(bench: Bench, *command: str) -> bool:
    """Whether a command in the original succeeds."""
    try:
        bench.podman("exec", NAME, *command)
    except subprocess.CalledProcessError:
        return False
    return True


def given(document: Mapping[str, Any]) -> set[str]:
    return {relaxed["given"] for relaxed in document["relaxed"] if relaxed["option"] == "cap-add"}


def test_nginx_gets_exactly_the_capabilities_that_it_needs(
    bench: Bench,
    trial: Run,
    service_image: str,
    tmp_path: Path,
) -> None:
    bench.run(NAME, service_image)
    code, document = trial(
        "--all",
        "--tight",
        "--probe",
        HTTP,
        "-o",
        str(tmp_path),
    )
    assert (code, document["result"]) == (0, "works")
    assert document["baseline"]["how"] == "ports"
    assert given(document) == {"CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"}
    proof = {proven["check"]: proven["status"] for proven in document["proof"]}
    assert proof["writable-rootfs"] == proof["new-privileges-allowed"] == "pass"
    assert {entry["check"] for entry in document["not_tried"]} >= {"default-network"}
    assert not document["rounds"][0]["ready"]
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == [
        "nginx.application.toml",
        "plan.toml",
        "trial.json",
        f"{NAME}-net.network",
        f"{NAME}.container",
        f"{NAME}.sh",
    ]
    assert json.loads((tmp_path / "trial.json").read_text()) == document
    unit = (tmp_path / f"{NAME}.container").read_text()
    assert "AddCapability=CAP_CHOWN CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID" in unit
    assert document["sure"] == "Every probe answered on the hardened twin."

    fix = (
        "fix",
        NAME,
        "--url",
        bench.url,
        "--trial",
        str(tmp_path / "trial.json"),
        "--to",
        "run",
    )
    script = hardentui(*fix, ends=0).stdout
    assert "--cap-add=CAP_SETUID" in script
    assert _without_comments(script) == _without_comments((tmp_path / f"{NAME}.sh").read_text())


def _without_comments(script: str) -> list[str]:
    """What is known of the container, and so a remark, may be newer."""
    return [line for line in script.splitlines() if not line.startswith("#")]


def test_without_a_probe_it_says_how_sure_it_is_and_proposes_one(
    bench: Bench,
    trial: Run,
    service_image: str,
) -> None:
    bench.run(NAME, service_image)
    code, document = trial("--check", "default-capabilities-kept")
    assert (code, document["result"]) == (0, "works")
    assert (
        document["sure"]
        == "The hardened twin listens on tcp/80; only a probe can show whether it answers."
    )
    assert document["proposed_probe"] == "curl -sS -m 5 -f -o /dev/null http://$TARGET:80/"
    assert document["relaxed"] == []  # the usual survivors were kept, on a guess


# --- databases ------------------------------------------------------------------------------------


@pytest.mark.long
def test_postgres_gets_what_its_entry_point_needs(
    bench: Bench,
    trial: Run,
) -> None:
    bench.run(
        NAME,
        "-v",
        "try-data:/var/lib/postgresql/data",
        postgres_image(bench),
    )
    query = 'psql -h $TWIN_IP -U postgres -c "create table if not exists t(a int)"'
    assert eventually(lambda: _succeeds(bench, "pg_isready", "-q"))
    code, document = trial("--all", "--tight", "--probe", query)
    assert (code, document["result"]) == (0, "works")
    assert given(document) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    assert {"SETGID", "SETUID"} <= given(document)
    assert all(entry["evidence"] for entry in document["relaxed"])


def test_redis_needs_no_capability(
    bench: Bench,
    trial: Run,
    redis_image: str,
) -> None:
    bench.run(NAME, redis_image)
    code, document = trial("--all", "--probe", REDIS_PROBE)
    assert (code, document["result"]) == (0, "works")
    assert document["relaxed"] == []
    # its data is in an anonymous volume, whose owners a new user namespace would not know: it could
    # not save
    assert "host-user-namespace" not in {kept["check"] for kept in document["kept"]}


# --- what is written ------------------------------------------------------------------------------

WRITER = """
cd /var
mkdir -p lib/app cache/app
test -s lib/app/key || head -c 16 /dev/urandom | hexdump -C >lib/app/key
echo cached >cache/app/file
exec httpd -f -p 80 -h lib/app
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "running",
    [True, False],
    ids=["running", "stopped"],
)
def test_what_it_keeps_becomes_a_volume(
    bench: Bench,
    trial: Run,
    running: bool,
) -> None:
    bench.run(NAME, BUSYBOX, "sh", "-c", WRITER)
    assert eventually(
        lambda: (
            "key"
            in bench.podman(
                "exec",
                NAME,
                "ls",
                "/var/lib/app",
            )
        )
    )
    if not running:
        bench.podman("stop", "-t", "0", NAME)
    code, document = trial(
        "--check", "writable-rootfs", "--probe", "curl -fsS http://$TWIN_IP:80/key"
    )
    assert (code, document["result"]) == (0, "works")
    options = {option["option"]: option["after"] for option in document["options"]}
    assert f"{NAME}-var-lib-app-data:/var/lib/app:nodev,nosuid" in options["volume"]
    assert [entry.partition(":")[0] for entry in options["tmpfs"]] == ["/var/cache/app"]


def test_a_read_only_path_is_found_by_evidence(
    bench: Bench,
    trial: Run,
) -> None:
    """It writes only when it is asked, so nothing was seen to be written before."""
    script = (
        "mkdir -p /www/cgi-bin; printf '#!/bin/sh\\ndate >/srv/last && echo && echo ok\\n' "
        ">/www/cgi-bin/w;"
    )
    bench.run(
        NAME, "-v", "try-data:/www", BUSYBOX, "sh", "-c",
        f"mkdir -p /srv; {script} chmod +x /www/cgi-bin/w; exec httpd -f -v -p 80 -h /www",
    )  # fmt: skip
    code, document = trial(
        "--check", "writable-rootfs", "--probe", "curl -fsS http://$TWIN_IP:80/cgi-bin/w | grep ok"
    )
    assert (code, document["result"]) == (0, "works")
    assert any(
        "/srv" in entry
        for option in document["options"]
        if option["option"] == "volume"
        for entry in option["after"]
    )


# --- limits, what cannot be hardened, what is missing ---------------------------------------------


@pytest.mark.long
def test_a_call_that_it_may_not_make_is_evidence_without_a_word_in_its_log(
    bench: Bench,
    trial: Run,
) -> None:
    script = "touch /f; chown 33 /f 2>/dev/null || exit 1; exec sleep 100000"
    bench.run(NAME, BUSYBOX, "sh", "-c", script)
    code, document = trial(
        "--check",
        "default-capabilities-kept",
        "--tight",
        "--probe",
        "true",
    )
    assert (code, given(document)) == (0, {"CHOWN"})
    assert "chown /f needs CHOWN" in document["relaxed"][0]["evidence"]


def test_a_limit_that_is_too_low_is_raised(
    bench: Bench,
    trial: Run,
    tmp_path: Path,
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('fix = [{ check = "no-pids-limit", parameters = { limit = 16 } }]\n')
    script = "for i in $(seq 40); do sleep 1000 & done; exec httpd -f -p 80"
    bench.run(
        NAME,
        "--pids-limit=-1",
        BUSYBOX,
        "sh",
        "-c",
        script,
    )
    code, document = trial("--plan", str(plan))
    assert (code, document["result"]) == (0, "works")
    (relaxed,) = document["relaxed"]
    assert (relaxed["check"], relaxed["option"], relaxed["wanted"], relaxed["given"]) == (
        "no-pids-limit", "pids-limit", "16", "64",
    )  # fmt: skip


STOPS_ANOTHER = """
echo 'web:x:33:33::/:/bin/sh' >>/etc/passwd
su -s /bin/sh web -c 'exec httpd -f -p 8080' &
service=$!
trap 'kill $service' TERM
while grep -q '^State:.[RSD]' /proc/$service/status; do sleep 0.1; done
"""


@pytest.mark.long
def test_one_that_has_to_be_killed_to_stop_does_not_work(
    bench: Bench,
    trial: Run,
) -> None:
    """It stops a process of another user: without the right to do so it answers, but never stops."""
    bench.podman(
        "run",
        "-d",
        "--name",
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        STOPS_ANOTHER,
    )
    code, document = trial(
        "--check",
        "default-capabilities-kept",
        "--tight",
        "--probe",
        "curl -s -m 2 http://$TWIN_IP:8080/",
    )
    assert (code, document["result"]) == (0, "works")
    assert given(document) == {"KILL", "SETGID", "SETUID"}
    (kill,) = (relaxed for relaxed in document["relaxed"] if relaxed["given"] == "KILL")
    assert "it does not stop within" in kill["evidence"]
    assert any("does not stop within" in tried["why"] for tried in document["rounds"])


@pytest.mark.long
def test_one_that_starts_only_once_is_told(
    bench: Bench,
    trial: Run,
) -> None:
    """As squid, which finds its own PID file after it was killed: an undo could not start it
    either."""
    bench.run(
        NAME, BUSYBOX, "sh", "-c", "test ! -e /pid || exit 1; echo 1 >/pid; exec httpd -f -p 80"
    )
    code, document = trial("--check", "no-memory-limit")
    assert (code, document["result"]) == (0, "works")
    told = {part["what"]: part["why"] for part in document["not_exercised"]}
    assert told["restart"].endswith("exit code 1; once stopped, the original may not start again")


def test_one_that_cannot_be_hardened_is_said_so(
    bench: Bench,
    trial: Run,
) -> None:
    script = "grep -q 'NoNewPrivs:.0' /proc/self/status && touch /bin/it && exec httpd -f -p 80"
    bench.run(NAME, BUSYBOX, "sh", "-c", script)
    code, document = trial(
        "--check",
        "new-privileges-allowed",
        "--check",
        "writable-rootfs",
    )
    assert (code, document["result"]) == (1, "nothing-works")
    assert {left_out["check"] for left_out in document["left_out"]} == {
        "new-privileges-allowed",
        "writable-rootfs",
    }
    assert document["kept"] == document["options"] == []


@pytest.mark.long
def test_the_breaking_change_among_many_is_found(
    bench: Bench,
    trial: Run,
) -> None:
    script = "grep -q 'NoNewPrivs:.0' /proc/self/status && exec httpd -f -p 80"
    bench.run(NAME, BUSYBOX, "sh", "-c", script)
    code, document = trial("--all", "--probe", "curl -s http://$TWIN_IP:80/")
    assert (code, document["result"]) == (0, "works")
    assert "new-privileges-allowed" in {left_out["check"] for left_out in document["left_out"]}
    assert {"writable-rootfs", "no-memory-limit"} <= {entry["check"] for entry in document["kept"]}


PEER = "mkdir /w; echo hello >/w/index.html; exec httpd -f -p 80 -h /w"
CLIENT = (
    "wget -q -T 3 -O - http://try-peer/ || { echo could not resolve try-peer; exit 1; }; "
    "exec httpd -f -p 80"
)


@pytest.mark.long
def test_a_neighbour_that_it_needs_gets_a_twin(
    bench: Bench,
    trial: Run,
) -> None:
    bench.podman("network", "create", "try-net")
    try:
        bench.run(
            "try-peer",
            "--network=try-net",
            BUSYBOX,
            "sh",
            "-c",
            PEER,
        )
        bench.run(
            NAME,
            "--network=try-net",
            BUSYBOX,
            "sh",
            "-c",
            CLIENT,
        )
        assert eventually(lambda: bench.get(f"/containers/{NAME}/json")["State"]["Running"])
        before = untouched(bench, "try-peer")
        code, document = trial("--check", "writable-rootfs")
        assert (code, document["result"]) == (0, "works")
        assert untouched(bench, "try-peer") == before
    finally:
        bench.remove(NAME, "try-peer")
        bench.podman(
            "network",
            "rm",
            "-f",
            "try-net",
        )


def test_without_a_way_out_unless_it_is_given(
    bench: Bench,
    trial: Run,
) -> None:
    """The twin's network has no route to the outside."""
    bench.run(
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        "ip route | grep -q default && exec httpd -f -p 80",
    )
    code, document = trial("--check", "new-privileges-allowed")
    assert code == 6
    code, document = trial("--check", "new-privileges-allowed", "--outside")
    assert (code, document["result"]) == (0, "works")


# --- kinds of containers --------------------------------------------------------------------------


@pytest.mark.long
def test_systemd_inside_needs_one_capability(
    bench: Bench,
    trial: Run,
) -> None:
    bench.run(NAME, "-t", systemd_image(bench))
    code, document = trial(
        "--all",
        "--tight",
        "--probe",
        "curl -sf http://$TWIN_IP:80/",
    )
    assert (code, document["result"]) == (0, "works")
    assert given(document) == {"NET_BIND_SERVICE"}
    assert {"writable-rootfs", "no-memory-limit"} <= {entry["check"] for entry in document["kept"]}


def test_a_job_may_end(bench: Bench, trial: Run) -> None:
    bench.podman(
        "run",
        "--name",
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        "echo done; sleep 0.5",
    )
    code, document = trial(
        "--check",
        "writable-rootfs",
        "--check",
        "new-privileges-allowed",
    )
    assert (code, document["result"]) == (0, "works")
    assert document["sure"] == "The hardened twin did its work and exited successfully."


def test_a_service_that_was_stopped_is_no_job(
    bench: Bench,
    trial: Run,
) -> None:
    """It ends with 0 when it is told to, and also when it cannot work."""
    script = (
        "grep -q 'NoNewPrivs:.0' /proc/self/status || exit 0; trap 'exit 0' TERM; httpd -f "
        "-p 80 & wait"
    )
    bench.podman(
        "run",
        "-d",
        "--name",
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        script,
    )
    bench.podman("stop", NAME)
    code, document = trial(
        "--check",
        "new-privileges-allowed",
        "--check",
        "writable-rootfs",
    )
    assert (code, document["result"]) == (0, "works")
    assert {left_out["check"] for left_out in document["left_out"]} == {"new-privileges-allowed"}


def test_a_job_cannot_answer_a_probe(bench: Bench, trial: Run) -> None:
    bench.podman(
        "run",
        "--name",
        NAME,
        BUSYBOX,
        "true",
    )
    code, document = trial(
        "--check",
        "writable-rootfs",
        "--probe",
        "true",
    )
    assert (code, document["result"]) == (6, "baseline-fails")


def test_an_empty_directory_that_is_read_only(
    bench: Bench,
    trial: Run,
    tmp_path: Path,
) -> None:
    """Podman gives an empty volume the owner of its user: it cannot be an overlay then."""
    tmp_path.chmod(0o755)
    serve = (BUSYBOX, "sh", "-c", "trap 'exit 0' TERM; ls /data && httpd -f -p 8080 & wait")
    bench.run(
        NAME,
        "--user=1000:1000",
        "-v",
        f"{tmp_path}:/data:ro",
        *serve,
    )
    code, document = trial("--check", "new-privileges-allowed")
    assert (code, document["result"]) == (0, "works"), document


def test_rootless(rootless_podman: Bench, trial: Run) -> None:
    rootless_podman.run(
        NAME, "-v", "try-data:/data", BUSYBOX, "sh", "-c", "chown 7 /data; exec httpd -f -p 80"
    )
    try:
        code, document = trial(
            "--all", "--probe", "curl -s http://$TWIN_IP:80/", on=rootless_podman
        )
        assert (code, document["result"]) == (0, "works"), document
        assert {entry["status"] for entry in document["proof"]} <= {
            "pass",
            "not-applicable",
            "unknown",
        }
        assert leftovers(rootless_podman) == ""
    finally:
        rootless_podman.remove(NAME)
        rootless_podman.podman(
            "volume",
            "rm",
            "-f",
            "try-data",
        )


# --- ends -----------------------------------------------------------------------------------------


def start_trial(bench: Bench, *arguments: str) -> subprocess.Popen[str]:
    return launched(
        "trial",
        NAME,
        "--url",
        bench.url,
        *arguments,
    )


def test_leftovers_of_a_killed_trial_are_removed_by_the_next(
    bench: Bench,
    trial: Run,
) -> None:
    bench.run(
        NAME, "-v", "try-data:/data", "--userns=auto", BUSYBOX, "sh", "-c", "exec httpd -f -p 80"
    )
    process = start_trial(
        bench,
        "--check",
        "writable-rootfs",
        "--probe",
        "sleep 8",
    )
    assert eventually(
        lambda: bench.podman(
            "ps",
            "-q",
            "--filter",
            "label=hardentui.trial",
        )
    )
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=150)
    assert leftovers(bench) != ""
    labels = (
        "hardentui.trial=1",
        "hardentui.carrier=1",
        "hardentui.owner=none:1:1",
    )  # an image can bring them
    stranger = bench.run(
        "try-peer", *(f"--label={label}" for label in labels), BUSYBOX, "sleep", "1000"
    )
    code, _ = trial("--check", "writable-rootfs")
    assert code == 0
    assert (
        bench.podman(
            "inspect",
            "--format",
            "{{.Id}} {{.State.Running}}",
            "try-peer",
        )
        == f"{stranger} true"
    )
    bench.remove("try-peer")
    assert leftovers(bench) == ""


def test_leftovers_of_an_earlier_boot_are_removed_by_an_apply_too(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a power cut nobody else removes them: the guard of the trial is gone, too."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    bench.run(
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        "exec httpd -f -p 80",
    )
    bench.podman(
        "create",
        "--name=hardentui-trial-1-1",
        "--label=hardentui.trial=1",
        "--label=hardentui.owner=an-earlier-boot:1:1",
        BUSYBOX,
        "true",
    )
    hardentui("check", NAME, "--url", bench.url)
    assert leftovers(bench) != "", "a check only reads"
    hardentui(
        "apply",
        NAME,
        "--url",
        bench.url,
        "--check",
        "no-memory-limit",
        "--yes",
        ends=0,
    )
    assert leftovers(bench) == ""


@pytest.mark.long
def test_two_trials_at_once_leave_each_other_alone(
    bench: Bench,
    trial: Run,
) -> None:
    bench.run(
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        "exec httpd -f -p 80",
    )
    process = start_trial(
        bench,
        "--check",
        "writable-rootfs",
        "--probe",
        "sleep 3",
    )
    assert eventually(
        lambda: bench.podman(
            "ps",
            "-q",
            "--filter",
            "label=hardentui.trial",
        )
    )
    code, _ = trial("--check", "writable-rootfs")
    _, errors = process.communicate(timeout=150)
    assert (code, process.returncode) == (0, 0), errors
