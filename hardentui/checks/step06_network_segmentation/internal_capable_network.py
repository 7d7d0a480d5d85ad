"""A back-end network can reach the outside.

What it checks:
Whether a bridge network without any member that publishes a port is closed to the outside (`--internal`).
Such a network usually carries the back end: databases, caches, workers. Networks whose members need outside
access, to fetch mail or feeds, can be allowed in the checklist (parameter `outgoing`). A network without
members is left alone.

Why it matters:
An intruder needs a way out: to fetch tools, to send away data, to receive commands. A database that can
connect to any address on the internet provides it. On an internal network, packets have nowhere to go,
whatever runs in the container.

What may break:
Everything on the network that connects to the outside: updates, licence checks, webhooks, outgoing mail,
DNS look-ups of outside names. Give those containers a second, open network and leave the rest closed. The
network has to be recreated, so its containers restart.
"""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.model.facts import NetworkFacts


def evaluate(facts: NetworkFacts, parameters: Parameters) -> Verdict:
    driver = str(facts.inspect.get("driver") or "")
    if driver and driver != "bridge":
        return not_applicable(f"only bridge networks can be internal; this one is {driver}")
    if not facts.inspect:
        return unknown("the network could not be inspected")
    if facts.inspect.get("internal"):
        return passed("internal=true")
    if not facts.members:
        return not_applicable("no container is attached")
    if facts.name in parameters.texts("outgoing"):
        return passed("internal=false", reason="the checklist allows outgoing traffic")
    if facts.publishers:
        return passed(
            "internal=false",
            reason=f"{plural(len(facts.publishers), 'member publishes', 'members publish')} ports",
        )
    name = shlex.quote(facts.name)
    return failed(
        "no member publishes a port, yet all of them can reach the outside",
        "internal=false",
        evidence=(Evidence(f"network {facts.name}", f"members: {', '.join(sorted(facts.members))}"),),
        commands=(
            f"podman network rm {name}",
            f"podman network create --internal {name}",
            "# Quadlet: Internal=true",
        ),
    )


_OPEN = {"name": "db-net", "driver": "bridge", "internal": False}

CHECK = Check(
    title="Back-end network can reach the outside",
    severity=Severity.LOW,  # an intruder can download and report
    kind=Kind.NETWORK,
    summary="Create the network as an internal one",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"outgoing": ()},
    passes=lambda: (
        NetworkFacts("db-net", {**_OPEN, "internal": True}, ("db",), rootful()),
        NetworkFacts("web-net", _OPEN, ("web", "db"), rootful(), publishers=("web",)),
    ),
    fails=lambda: (NetworkFacts("db-net", _OPEN, ("db", "worker"), rootful(), publishers=()),),
    references=("NIST SP 800-190 4.4.2", "NIST SP 800-190 4.3.3"),
    catalogue="S6-08",
)
