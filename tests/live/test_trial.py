"""Trials of real services on a real Podman: what works is found, and the original is never touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hardentui.__main__ import main
from tests.support.podman import Bench

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

SCHEMA = json.loads((files("hardentui.reports") / "trial-1.schema.json").read_text())
NAME = "try-web"
HTTP = "curl -fsS -m 2 http://$TWIN_IP:80/"
REDIS_PROBE = "printf 'PING\\r\\n' | nc -w 2 $TWIN_IP 6379 | grep -q PONG"
Run = Callable[..., tuple[int, Any]]


def untouched(bench: Bench, name: str) -> Mapping[str, Any]:
    """What a trial must not change of an original."""
    document = bench.get(f"/containers/{name}/json")
    state = document["State"]
    return {
        "id": document["Id"],
        "pid": state["Pid"],
        "status": state["Status"],
        "started": state["StartedAt"],
        "restarts": document["RestartCount"],
        "mounts": document["Mounts"],
    }


def leftovers(bench: Bench) -> str:
    named = ("--filter", "label=hardentui.trial", "--format", "{{.Names}}{{.Name}}")
    lists = [
        bench.podman(*kind, *named[:2], "-q") for kind in (("ps", "-a"), ("volume", "ls"), ("pod", "ps"))
    ]
    return "".join((*lists, bench.podman("network", "ls", *named[:2], "-q")))


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    yield podman
    podman.remove(NAME, "try-peer")
    podman.podman("volume", "rm", "-f", "try-data")
    assert leftovers(podman) == ""


@pytest.fixture
def trial(bench: Bench, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, on: Bench = bench) -> tuple[int, Any]:
        before = untouched(on, NAME)
        code = main(["trial", NAME, "--url", on.url, "--format", "json", *arguments])
        told = capsys.readouterr()
        assert untouched(on, NAME) == before, "the original was touched"
        document = json.loads(told.out) if told.out else told.err
        if told.out:
            Draft202012Validator(SCHEMA).validate(document)
        return code, document

    return run


def given(document: Mapping[str, Any]) -> set[str]:
    return {one["given"] for one in document["relaxed"] if one["option"] == "cap-add"}


def test_nginx_gets_exactly_the_capabilities_that_it_needs(
    bench: Bench, trial: Run, service_image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(NAME, service_image)
    code, document = trial("--all", "--probe", HTTP, "-o", str(tmp_path))
    assert (code, document["result"]) == (0, "works")
    assert document["baseline"]["how"] == "ports"
    assert given(document) == {"CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"}
    proof = {one["check"]: one["status"] for one in document["proof"]}
    assert proof["writable-rootfs"] == proof["new-privileges-allowed"] == "pass"
    assert {one["check"] for one in document["not_tried"]} >= {"default-network"}
    assert not document["rounds"][0]["ready"]
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["plan.toml", "trial.json", f"{NAME}-net.network", f"{NAME}.container", f"{NAME}.sh"]
    assert json.loads((tmp_path / "trial.json").read_text()) == document
    unit = (tmp_path / f"{NAME}.container").read_text()
    assert "AddCapability=CAP_CHOWN CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID" in unit
    assert "Every probe answered on the hardened twin." in unit

    fix = ["fix", NAME, "--url", bench.url, "--trial", str(tmp_path / "trial.json"), "--to", "run"]
    assert main(fix) == 0
    script = capsys.readouterr().out
    assert "--cap-add=CAP_SETUID" in script
    assert script.replace("web.sh", "") == (tmp_path / f"{NAME}.sh").read_text().replace("web.sh", "")


def test_without_a_probe_it_says_how_sure_it_is_and_proposes_one(
    bench: Bench, trial: Run, service_image: str
) -> None:
    bench.run(NAME, service_image)
    code, document = trial("--check", "default-capabilities-kept")
    assert (code, document["result"]) == (0, "works")
    assert document["sure"] == "The hardened twin listens on tcp/80; whether it answers only a probe shows."
    assert document["proposed_probe"] == "curl -fsS -m 5 -o /dev/null http://$TWIN_IP:80/"
    assert document["relaxed"] == []  # the usual survivors were kept, on a guess
