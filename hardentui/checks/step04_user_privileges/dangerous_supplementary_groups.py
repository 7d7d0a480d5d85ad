"""The container gets groups of the host that open privileged files.

What it checks:
The groups that are added with `--group-add`: `keep-groups` (all groups of the caller), and groups that own
disks, password hashes, kernel memory, the engine's socket or administration rights (parameter `groups`).
Other groups of a container with a user namespace of its own are no groups of the host and are left out.

Why it matters:
A group is as good as a password for the files that it owns. Members of `disk` read and write the host's disks
block by block, whatever the permissions of files say; `shadow` reads password hashes; the group of an engine
socket is root by another name. `keep-groups` hands over every group of the person who started the container.
Once a matching file or device is visible inside, the attacker needs no further hole.

What may break:
What the group was given for: a device, a shared folder, a socket. Give the container that one file with
its own owner or an ACL instead, or a group that owns nothing else.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
)
from hardentui.model.spec import Spec
from hardentui.options import GROUP_ADD, USERNS
from hardentui.reading.containers import ask, listed, own_user_namespace

_KEEP = "keep-groups"


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    groups = facts.spec[GROUP_ADD]
    if not groups:
        return passed("no group is added")
    if groups == (_KEEP,) and facts.spec[USERNS] == "nomap":
        return not_applicable("no group of the host is mapped into it")
    bad = _dangerous(groups, parameters.texts("groups"), own_user_namespace(facts))
    declared = f"group-add {listed(groups)}"
    live = ask(facts, lambda kernel: kernel.groups)
    effective = f"groups {' '.join(map(str, live))}" if isinstance(live, tuple) else ""
    if bad:
        evidence = (Evidence("configuration of the container", declared),)
        return failed(f"it is a member of {listed(bad)}", declared, effective, evidence)
    return passed(declared, effective)


def _dangerous(groups: tuple[str, ...], known: tuple[str, ...], mapped: bool) -> tuple[str, ...]:
    """Names and numbers count only where they are the host's: a map makes `disk` nobody's group."""
    return tuple(group for group in groups if group == _KEEP or (group in known and not mapped))


def remediate(spec: Spec, context: FixContext) -> Spec:
    mapped = own_user_namespace(context.facts)
    bad = _dangerous(spec[GROUP_ADD], context.parameters.texts("groups"), mapped)
    return spec.with_(GROUP_ADD, tuple(group for group in spec[GROUP_ADD] if group not in bad))


CHECK = Check(
    id="dangerous-supplementary-groups",
    title="The container gets groups of the host that open privileged files",
    step=4,
    severity=Severity.MEDIUM,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Take the privileged groups away",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={
        "groups": (
            *("root", "0", "disk", "6", "shadow", "42", "kmem", "15", "wheel", "10", "sudo", "27"),
            *("docker", "podman", "lxd", "libvirt"),
        )
    },
    passes=lambda: (
        container(),
        container((GROUP_ADD, ("2000", "www-data"))),
        container((GROUP_ADD, ("6", "disk")), (USERNS, "auto")),
    ),
    fails=lambda: (
        container((GROUP_ADD, ("keep-groups",))),
        container((GROUP_ADD, ("2000", "disk"))),
        container((GROUP_ADD, ("6",))),
    ),
    references=("NIST SP 800-190 4.5.4",),
    catalogue="S4-05",
)
