"""Decide by what is tried in the containers what is true of them, before any answer is judged."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.live.flavours import driving, from_host, from_outside
from tests.live.flavours.inside import (
    MARK,
    SCRIPT,
    Answers,
    Around,
    Machine,
    answers,
    contradictions,
    decided,
)
from tests.live.flavours.model import ROOTFUL, RUNNING, Flavour, Ids, Place
from tests.live.flavours.probes import tried
from tests.live.flavours.starting import Ended, Job, started
from tests.support.podman import Bench

_NO_PROBE = (125, 126, 127)
_SERVED = 8080
"""Where most of the containers listen."""


class Observed:
    """What was found in the containers of one engine.

    Attributes:
        truths: container -> check -> whether its bad condition is there.
        untrue: flavour -> what did not come out as it says.
        driven: flavour -> the limits that hit when they were driven; only those that are about
            limits.
    """

    def __init__(
        self,
        bench: Bench,
        engine: str,
        directory: Path,
        prefix: str,
    ) -> None:
        self._bench = bench
        self._rootful = engine == ROOTFUL
        self._directory = directory
        self._prefix = prefix
        self._ids: Mapping[str, str] = {}
        self._pids: Mapping[str, int] = {}
        self.truths: dict[str, dict[str, bool]] = {}
        self.untrue: dict[str, tuple[str, ...]] = {}
        self.driven: dict[str, frozenset[str]] = {}

    def look(
        self,
        flavours: Sequence[Flavour],
        places: Mapping[str, Place],
    ) -> None:
        """Ask the running ones of the flavours, as root of each and as their flavours want it."""
        listed = {
            name.removeprefix(self._prefix): each
            for each in self._bench.get("/containers/json")
            for name in each["Names"]
        }
        self._ids = {name: each["Id"] for name, each in listed.items()}
        self._pids = {name: int(each.get("Pid") or 0) for name, each in listed.items()}
        running = [
            flavour for flavour in flavours if flavour.state_on(places[flavour.name]) == RUNNING
        ]
        asked = [(flavour, name) for flavour in running for name in _containers(flavour)]
        jobs = [Job(self._ids[name], SCRIPT, root=True) for _, name in asked]
        trying = [flavour for flavour in running if flavour.tries]
        jobs += [Job(self._ids[flavour.name], _tries(flavour)) for flavour in trying]
        ended = started(
            self._bench,
            self._directory,
            jobs,
            rootful=self._rootful,
        )
        self._learn(asked, ended[: len(asked)], places)
        for flavour, each in zip(trying, ended[len(asked) :], strict=True):
            self._attempted(
                flavour,
                each,
                flavour.must_fail(places[flavour.name]),
            )
        self._drive(
            [flavour for flavour in running if driving.is_driven(flavour, places[flavour.name])]
        )
        for flavour in running:
            self._probed(flavour, flavour.must_fail(places[flavour.name]))
        if os.getuid() == 0:
            self._seen_from_host(asked, places)
            self._asked_from_outside(running, listed, places)

    def _seen_from_host(
        self,
        asked: Sequence[tuple[Flavour, str]],
        places: Mapping[str, Place],
    ) -> None:
        """Who the users inside are outside, and which devices are let through."""
        containers = from_host.seen({name: self._pids[name] for _, name in asked})
        groups = {name: _app(flavour, places[flavour.name]) for flavour, name in asked}
        for flavour, name in asked:
            truths = from_host.truths(containers[name], rootful=self._rootful)
            if self._rootful and not truths["host-user-namespace"]:
                others = [containers[other] for other in groups if groups[other] != groups[name]]
                truths["overlapping-uid-ranges"] = any(map(containers[name].meets, others))
            self._compare(
                flavour,
                name,
                truths,
                places[flavour.name],
            )

    def _asked_from_outside(
        self,
        running: Sequence[Flavour],
        listed: Mapping[str, Mapping[str, Any]],
        places: Mapping[str, Place],
    ) -> None:
        """Which published ports another machine can connect to; those of a pod belong to its infra."""
        owners = {
            flavour.name: flavour.name if flavour.pod is None else f"{flavour.name}-infra"
            for flavour in running
            if f"{flavour.name}-infra" in listed or flavour.pod is None
        }
        by_name = {flavour.name: flavour for flavour in running}
        ports = {
            name: {served: _host_ports(listed[owner], served) for served in (True, False)}
            for name, owner in owners.items()
        }
        every = frozenset[int]().union(*(each[True] for each in ports.values()))
        reached = from_outside.answering(self._bench.directory, every)
        for name, owner in owners.items():
            there = bool(ports[name][True] & reached)
            if not there and (ports[name][False] or not ports[name][True]):
                continue  # nothing listens where the other ports lead to, so that nobody can tell
            truths = dict.fromkeys(("wildcard-port", "unfirewalled-port"), there)
            self._compare(
                by_name[name],
                owner,
                truths,
                places[name],
            )

    def _compare(
        self,
        flavour: Flavour,
        name: str,
        truths: Mapping[str, bool],
        place: Place,
    ) -> None:
        """Keep what was found about a container of a flavour; say what is not as told."""
        self.truths.setdefault(name, {}).update(truths)
        bad = {
            flavour.name: flavour.must_fail(place),
            f"{flavour.name}-beside": flavour.beside_must_fail(place),
            f"{flavour.name}-infra": flavour.infra_bad,
        }[name]
        for check, there in truths.items():
            if there is not (check in bad) and check not in flavour.free:
                self._say(
                    flavour.name,
                    f"{check} is {'' if there else 'not '}true of {name}",
                )

    def _learn(
        self,
        asked: Sequence[tuple[Flavour, str]],
        ended: Sequence[Ended],
        places: Mapping[str, Place],
    ) -> None:
        seen = {name: answers(each.output) for (_, name), each in zip(asked, ended, strict=True)}
        for flavour, name in asked:
            place = places[flavour.name]
            if flavour.own_files and seen[name].complete:
                raise AssertionError(f"{name}: it has the files of the tests after all")
            if not flavour.own_files and not seen[name].complete:
                said = next(
                    each.said
                    for (_, other), each in zip(asked, ended, strict=True)
                    if other == name
                )
                self._say(flavour.name, f"{name} could not be asked: {said}")
            around = _around(flavour, place, seen["hardened"])
            self._compare(
                flavour,
                name,
                decided(seen[name], around),
                place,
            )
            if seen[name].complete:
                for said in contradictions(seen[name], around.own_network):
                    self._say(flavour.name, said)

    def _drive(self, flavours: Sequence[Flavour]) -> None:
        """Ask for more than the limits grant. What they are is read anew by the same shell."""
        jobs = [
            Job(
                self._ids[flavour.name],
                SCRIPT + driving.SCRIPT,
                root=True,
            )
            for flavour in flavours
        ]
        ended = started(
            self._bench,
            self._directory,
            jobs,
            rootful=self._rootful,
        )
        for flavour, each in zip(flavours, ended, strict=True):
            seen = answers(each.output)
            self.driven[flavour.name] = driving.hits(seen)
            for said in driving.contradictions(seen):
                self._say(flavour.name, f"{said} {each.said}".strip())

    def _attempted(
        self,
        flavour: Flavour,
        ended: Ended,
        bad: Ids,
    ) -> None:
        codes = [int(code) for code in ended.output.split()]
        assert len(codes) == len(flavour.tries), f"{flavour.name}: {ended}"
        for check, code in zip(flavour.tries, codes, strict=True):
            assert code not in _NO_PROBE, f"{flavour.name}: no probe of {check}: {code}"
            self.truths.setdefault(flavour.name, {})[check] = code == 0
            if (code == 0) is not (check in bad):
                self._say(
                    flavour.name,
                    f"{check}: {flavour.tries[check]!r} ended with {code}, which is not as told",
                )

    def _probed(self, flavour: Flavour, bad: Ids) -> None:
        if not flavour.probes:
            return
        works_there = tried(self._pids[flavour.name], list(flavour.probes.values()))
        for check, works in zip(flavour.probes, works_there, strict=True):
            self.truths.setdefault(flavour.name, {})[check] = works
            if works is not (check in bad):
                verb = "works" if works else "fails"
                self._say(
                    flavour.name, f"{flavour.probes[check]} {verb}, so {check} is not as told"
                )

    def _say(self, name: str, said: str) -> None:
        self.untrue[name] = (*self.untrue.get(name, ()), said)


def _containers(flavour: Flavour) -> Iterator[str]:
    yield flavour.name
    if flavour.beside:
        yield f"{flavour.name}-beside"


def _tries(flavour: Flavour) -> str:
    return "\n".join(
        f"sh -c {shlex.quote(script)} >/dev/null 2>&1; echo $?" for script in flavour.tries.values()
    )


def _around(
    flavour: Flavour,
    place: Place,
    base: Answers,
) -> Around:
    words = (
        *flavour.options(place),
        *(flavour.pod_options(place) if flavour.pod is not None else ()),
    )
    shares = {
        word.partition("=")[0] for word in words if word.endswith("=host") or "=container:" in word
    }
    like_base = "network" not in flavour.without
    return Around(
        _machine(),
        base.sysctls if like_base else {},
        own_network=flavour.pod is None and "--network" not in shares,
        own_ipc=flavour.pod is None and "--ipc" not in shares,
        ports=frozenset({_SERVED, *_ports(words)}),
        rootful=not place.rootless,
        own_cgroup="--cgroups=disabled" not in words,
        secret_elsewhere=any(word.startswith("--health-cmd") and MARK in word for word in words),
    )


@cache
def _machine() -> Machine:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    processes = int(Path("/proc/sys/kernel/pid_max").read_text())
    return Machine(
        platform.node(),
        memory,
        os.cpu_count() or 1,
        processes,
    )


def _ports(words: Sequence[str]) -> Iterator[int]:
    """What is exposed or published, inside."""
    for word in words:
        number = word.rpartition(":" if ":" in word else "=")[2]
        if (word.startswith("--expose=") or ":" in word) and number.isdecimal():
            yield int(number)


def _host_ports(
    container: Mapping[str, Any],
    served: bool,
) -> frozenset[int]:
    """Its published TCP ports, of those that lead to where most containers listen, or of the
    others."""
    return frozenset(
        int(port["host_port"]) + more
        for port in container.get("Ports") or ()
        if port["protocol"] == "tcp" and (int(port["container_port"]) == _SERVED) is served
        for more in range(int(port.get("range") or 1))
    )


def _app(flavour: Flavour, place: Place) -> str:
    """What a container belongs to: those of one app may share."""
    return next(
        (word for word in flavour.options(place) if word.startswith("--label=app=")),
        "",
    )
