"""Advice for the user: a probe that would prove more, and how to give a twin what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hardentui.account import find_program
from hardentui.model.facts import ContainerFacts
from hardentui.model.trial import Lack
from hardentui.options import ENV
from hardentui.readiness.probes import PROBE_LIMIT, ProbeResult
from hardentui.reading.containers import listed
from hardentui.trial.twins import Twin

_LINE_PORTS = (21, 22, 25, 110, 143, 587, 3306)
_CONNECT = "exec 3<>/dev/tcp/$TWIN_IP/"
_OWN_PROBES = {
    6379: (
        "bash",
        f"bash -c '{_CONNECT}6379; printf \"PING\\r\\n\" >&3; head -c 5 <&3 | grep -q -e PONG -e NOAU'",
    ),
    11211: (
        "bash",
        f"bash -c '{_CONNECT}11211; printf \"version\\r\\n\" >&3; head -c 7 <&3 | grep -q VERSION'",
    ),
    5432: ("pg_isready", "pg_isready -q -t 5 -h $TWIN_IP"),
}
"""Port -> the program that its probe needs, and the probe."""
_MOST_ASKED = 4
_NO_NAME = re.compile(
    r"(could not resolve|name or service not known|name resolution|no such host|unknown host|getaddrinfo"
    r"|enotfound|eai_again|bad address|nodename nor servname|host not found)",
    re.IGNORECASE,
)
_NO_WAY = re.compile(
    r"(network is unreachable|no route to host|connection (refused|timed out)|econnrefused|enetunreach"
    r"|could not connect|can't connect|cannot connect)",
    re.IGNORECASE,
)


def proposed_probe(twin: Twin, ports: Sequence[str]) -> str:
    """A probe that succeeds on the unchanged twin; empty if none is known. It is read-only."""
    numbers = sorted(int(port.partition("/")[2]) for port in ports if port.startswith("tcp/"))
    asked = 0
    for number in numbers:
        for command in _candidates(number):
            if asked >= _MOST_ASKED:
                return ""
            asked += 1
            if twin.run_probe(command, PROBE_LIMIT).succeeded:
                return command
    return ""


def _candidates(port: int) -> Iterator[str]:
    if port in _OWN_PROBES:
        program, command = _OWN_PROBES[port]
        if find_program(program):
            yield command
        return
    if port in _LINE_PORTS:
        if find_program("bash"):
            yield f"bash -c '{_CONNECT}{port}; head -c 1 <&3 | grep -q .'"
        return
    scheme = "https" if port in (443, 8443) else "http"
    if find_program("curl"):
        insecure = " -k" if scheme == "https" else ""
        yield f"curl -fsS{insecure} -m 5 -o /dev/null {scheme}://$TWIN_IP:{port}/"
    elif find_program("wget") and scheme == "http":
        yield f"wget -q -T 5 -O /dev/null http://$TWIN_IP:{port}/"


def advice_for(
    facts: ContainerFacts, failed: ProbeResult | None, log: str, lacks: Sequence[Lack], *, outside: bool
) -> str:
    """How to give the twin what it lacks, judging by the failed probe and its log."""
    sentences = []
    if failed is not None:
        if failed.lacks_program:
            sentences.append("The probe uses a program that this machine does not have.")
        else:
            sentences.append("A probe runs on this machine; check that it is right for $TWIN_IP.")
    neighbours = needed_peers(facts, log)
    if neighbours:
        flags = " ".join(f"--peer {name}" for name in neighbours)
        sentences.append(f"It names {listed(list(neighbours))}: try again with {flags}.")
    elif _NO_NAME.search(log) or _NO_WAY.search(log):
        sentences.append(
            "It cannot reach a neighbour on its network: give it a twin of that container with --peer NAME."
        )
        if not outside:
            sentences.append("If it needs the outside, --outside lets the twin reach it.")
    if lacks:
        sentences.append(f"The twin lacks {'; '.join(str(lack) for lack in lacks)}.")
    return " ".join(sentences)


def needed_peers(facts: ContainerFacts, log: str) -> tuple[str, ...]:
    """Containers on its networks whose name appears in its log or its environment."""
    own = set(facts.networks)
    variables: tuple[str, ...] = facts.spec[ENV]
    words = set(re.findall(r"[A-Za-z0-9][A-Za-z0-9_-]*", "\n".join((log, *variables))))
    return tuple(
        peer.name
        for peer in facts.peers.everyone
        if peer.id != facts.id and own & set(peer.networks) and peer.name in words
    )
