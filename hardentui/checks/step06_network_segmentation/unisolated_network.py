"""A bridge network that is not isolated from the others.

What it checks:
Whether a bridge network has the option `isolate` while the engine has other bridge networks. Podman 6.0 and
newer isolates by default; older versions do not. Internal networks have no way out and need no isolation; a
single network has nothing to be isolated from.

Why it matters:
Two networks look like two rooms, but up to Podman 5 the host forwards between them: whoever knows an address
on the other bridge can talk to it. The separation that people build with one network per application exists
only on paper until the option closes the door between the bridges.

What may break:
Connections straight from one network to an address on another. Attach a container that needs both to both.
The network has to be recreated, so its containers restart. Isolation works only between networks that all
have the option: set it on each of them.
"""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.model.facts import NetworkFacts
from hardentui.model.spec import Version

_ISOLATES_BY_ITSELF = Version(6, 0)
_ON = frozenset({"true", "1", "t", "strict"})


def evaluate(facts: NetworkFacts) -> Verdict:
    if not facts.inspect:
        return unknown("the network could not be inspected")
    if str(facts.inspect.get("driver") or "bridge") != "bridge":
        return not_applicable("only bridge networks can be isolated")
    if facts.inspect.get("internal"):
        return not_applicable("the network is internal: nothing is forwarded out of it")
    option = (facts.inspect.get("options") or {}).get("isolate")
    declared = f"isolate={option}" if option is not None else "isolate not set"
    on = facts.engine.version >= _ISOLATES_BY_ITSELF if option is None else str(option).lower() in _ON
    if on:
        return passed(declared)
    others = sorted(set(facts.bridges) - {facts.name})
    if not others:
        return not_applicable("the only bridge network of this engine")
    name = shlex.quote(facts.name)
    return failed(
        f"the host forwards between this network and {plural(len(others), 'other network')}",
        declared,
        evidence=(Evidence("podman network ls", f"other bridges: {', '.join(others)}"),),
        commands=(
            f"podman network rm {name}",
            f"podman network create --opt isolate=true {name}",
            "# Quadlet: Options=isolate=true",
        ),
    )


_PLAIN = {"name": "shop-net", "driver": "bridge"}
_TWO = ("shop-net", "wiki-net")

CHECK = Check(
    title="Network not isolated from other networks",
    severity=Severity.LOW,  # containers of other networks can be reached by address
    kind=Kind.NETWORK,
    summary="Create the network with isolate=true",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        NetworkFacts("shop-net", {**_PLAIN, "options": {"isolate": "true"}}, engine=rootful(), bridges=_TWO),
        NetworkFacts("shop-net", _PLAIN, engine=rootful(version=Version(6, 0, 1)), bridges=_TWO),
    ),
    fails=lambda: (
        NetworkFacts("shop-net", _PLAIN, engine=rootful(), bridges=_TWO),
        NetworkFacts(
            "shop-net",
            {**_PLAIN, "options": {"isolate": "false"}},
            engine=rootful(version=Version(6, 0, 1)),
            bridges=_TWO,
        ),
    ),
    references=("NIST SP 800-190 4.3.3",),
    catalogue="S6-09",
)
