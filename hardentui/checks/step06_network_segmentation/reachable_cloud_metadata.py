"""The container can get the host's credentials from the cloud.

What it checks:
Only if the host's firmware names a cloud: whether the container has its own network with a way out, and
whether a rule of the host's packet filter drops traffic to the metadata address 169.254.169.254. What the
cloud itself refuses (a hop limit of one, mandatory tokens) cannot be seen from the host.

Why it matters:
Every virtual machine in a cloud can ask 169.254.169.254 who it is, and gets the credentials of its role
without a password. A container asks from the same machine. One vulnerability that makes a web service fetch
a URL of the attacker's choice is then enough to take over storage, databases and other machines in the
account.

What may break:
A service that uses the machine's role (backups to cloud storage, a cloud provider's agent) loses it: give it
its own credentials, with only the rights that it needs.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import Firewall
from hardentui.options import NETWORK
from hardentui.reading.networks import asked_for, modes_of, network_names, without_own_network

_RULE = "nft add rule inet filter forward ip daddr 169.254.169.254 drop   # in your own table and chain"


def evaluate(facts: ContainerFacts) -> Verdict:
    host = facts.host
    if not host.cloud:
        return not_applicable("the host's firmware does not name a known cloud")
    if "host" not in modes_of(facts):
        without = without_own_network(facts)
        if without:
            return without
    declared = asked_for(facts.spec) or "default"
    if _all_internal(facts):
        return passed(declared, reason="all networks are internal, without a way out")
    filtered = host.firewall.metadata_filtered
    evidence = (Evidence("/sys/class/dmi/id", host.cloud),)
    if isinstance(filtered, Unread):
        return unknown(
            f"whether the host filters the metadata address is not known: {filtered.reason}", declared
        )
    if filtered and "host" in modes_of(facts):
        return unknown("a rule drops traffic to the metadata address, but perhaps not the host's own traffic")
    if filtered:
        return passed(declared, "a host rule drops traffic to 169.254.169.254", evidence)
    return failed(
        f"the metadata service of {host.cloud} is reachable, and no host rule blocks it",
        declared,
        evidence=evidence,
        commands=(_RULE,),
    )


def _all_internal(facts: ContainerFacts) -> bool:
    names = network_names(facts)
    known = [facts.networks[name] for name in names if name in facts.networks]
    return (
        bool(names) and len(known) == len(names) and all(network.inspect.get("internal") for network in known)
    )


_CLOUD = HostFacts(cloud="Amazon EC2", firewall=Firewall(metadata_filtered=False))

CHECK = Check(
    title="Cloud metadata service reachable",
    severity=Severity.HIGH,  # one request from the machine's cloud credentials
    points=1,
    summary="Drop packets from containers to 169.254.169.254 on the host",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        container(host=HostFacts(cloud="")),
        container(host=HostFacts(cloud="Amazon EC2", firewall=Firewall(metadata_filtered=True))),
        container((NETWORK, ("none",)), host=_CLOUD),
    ),
    fails=lambda: (container(host=_CLOUD), container((NETWORK, ("host",)), host=_CLOUD)),
    references=("Catalogue S6-12", "NIST SP 800-190 4.4.2"),
)
