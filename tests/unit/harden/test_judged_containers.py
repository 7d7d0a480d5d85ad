"""Forty containers that a person has judged: the level follows, and its order with it.

`tests/data/judged-containers.toml` was written before anything was run on them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hardentui.harden.score import Level, Score, score
from hardentui.model.mount import Listener, ReachableSocket
from hardentui.options import COMMAND
from tests.support.judging import *
from tests.unit.harden.test_score import judged

ORDER = (Level.TAKEOVER, Level.WEAK, Level.FAIR, Level.STRONG)


@cache
def _entries() -> dict[str, dict[str, Any]]:
    path = Path(__file__).parents[2] / "data" / "judged-containers.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in document["container"]}


def facts_of_entry(entry: dict[str, Any]) -> ContainerFacts:
    no_api = HostFacts(tcp_services=())
    engine = rootless(url="unix:///run/user/1000/podman/podman.sock")
    given: list[Any] = [entry["options"]]
    if "command" in entry:
        given.append((COMMAND, tuple(entry["command"].split())))
    sockets: tuple[ReachableSocket, ...] = ()
    if socket := entry.get("socket"):
        listener = Listener(socket["path"], socket["listener"])
        permissions = (socket["owner"], socket["group"], socket["mode"])
        sockets = (ReachableSocket(socket["at"], socket["path"], listener, *permissions),)
    return container(
        *given,
        engine=engine if entry.get("engine") == "rootless" else rootful(),
        image=ImageFacts(
            "i" * 64,
            {"Config": {}},
            names=(entry.get("image", "registry.example.com/app:1"),),
        ),
        host=no_api,
        sockets=sockets,
    )


@cache
def scored(name: str) -> Score:
    findings = judged(facts_of_entry(_entries()[name]))
    return score([finding for finding in findings if finding.scope is Kind.CONTAINER])


@pytest.mark.parametrize("name", _entries())
def test_the_level_is_what_a_person_said(name: str) -> None:
    """Or what stands beside it, with the reason."""
    entry = _entries()[name]
    result = scored(name)
    assert str(result.level) == entry.get("measured", entry["level"]), result


def test_the_two_agree_on_nearly_all() -> None:
    entries = _entries().values()
    agreed = [entry for entry in entries if "measured" not in entry]
    assert len(entries) >= 40
    assert len(agreed) >= 0.85 * len(entries)
    assert all(entry["because"] for entry in entries if "measured" in entry)
    assert {entry["level"] for entry in entries} == {str(level) for level in ORDER}


def value(name: str) -> int:
    result = scored(name).value
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ("open redis", "plain web server"),
        ("postgres that trusts everybody", "plain web server"),
        ("elasticsearch without security, unprivileged", "plain web server"),
        ("plain, privileged in a user namespace", "plain web server"),
        ("hardened, privileged in a user namespace", "fully hardened web server"),
        ("one capability dropped", "all capabilities dropped, root"),
        ("redis on the LAN", "redis on loopback"),
        ("D-Bus as root", "D-Bus as an unprivileged user"),
        ("backup agent that writes the host", "node exporter on its own network"),
        ("VPN on the host's network", "plain web server"),
        ("hardened but for the filter", "fully hardened web server"),
    ],
)
def test_what_gives_more_scores_less(worse: str, better: str) -> None:
    assert value(worse) < value(better)


def test_a_limit_that_limits_nothing_earns_nothing() -> None:
    """10 TiB is more than the machine has, whether or not its memory is known."""
    plain = judged(container("-p 8080:80 --network=shop"))
    loose = judged(container("-p 8080:80 --network=shop --memory=10t"))
    assert score(plain).value == score(loose).value


def test_a_port_that_is_absent_earns_nothing() -> None:
    """A check that passes and one that does not apply are worth the same."""
    without = judged(container("--network=shop"))
    loopback = judged(container("--network=shop -p 127.0.0.1:8080:80"))
    lan = judged(container("--network=shop -p 192.168.1.5:8080:80"))
    assert score(without).value == score(loopback).value
    assert (score(lan).value or 0) < (score(loopback).value or 0)


def test_each_capability_that_is_dropped_earns_its_share() -> None:
    words = "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP SETFCAP SYS_CHROOT".split()
    values = []
    for count in range(0, len(words) + 1, 2):
        dropped = " ".join(f"--cap-drop={word}" for word in words[:count])
        values.append(score(judged(container(f"--network=shop {dropped}"))).value or 0)
    assert values == sorted(values)
    assert values[1] < values[-1]
    status = next(f for f in judged(container("--cap-drop=KILL")) if "default-cap" in f.check)
    assert status.failing
