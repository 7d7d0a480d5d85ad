"""The engine's own configuration weakens every container.

What it checks:
The effective containers.conf of the engine, in the way of its version: up to Podman 5 all files over one
another, from 6 on the first main file and the drop-ins. It fails for `privileged = true`,
`seccomp_profile = "unconfined"`, `apparmor_profile = "unconfined"`, `label = false`, namespaces set to
`host`, `env_host = true`, `no_pivot_root = true`, capabilities beyond Podman's own eleven, and devices,
volumes or mounts that all containers get. On a host without SELinux, `label = false` has no effect until
SELinux is switched on; it counts less than the others.

Why it matters:
What stands here is not seen in any command or Quadlet: a container that looks carefully hardened in its
own file gets, silently, what the engine hands to all. It also undoes fixes: the admin removes
`--privileged` and nothing changes.

What may break:
Containers that were made to work by this setting lose what they relied on. Move the setting to the
containers that need it, one by one, and only then remove it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from hardentui.checks.examples import DEFAULT_CAPABILITIES, accepting, configuration, engine
from hardentui.model.check import Check, Parameters
from hardentui.model.configuration import Configuration
from hardentui.model.facts import EngineFacts
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.known import Unreadable
from hardentui.words import plural

_HOST_NAMESPACES = ("pidns", "netns", "ipcns", "utsns", "cgroupns", "userns")
_EXPECTED_HOST = frozenset({"userns"})  # no user namespace is Podman's own default and has checks of its own
_GIVEN_TO_ALL = ("devices", "volumes", "mounts")


class Weak(Struct, frozen=True):
    """A setting that weakens all containers: its name, value, why, and how bad it is."""

    name: str
    value: Any
    why: str
    severity: Severity


def evaluate(facts: EngineFacts, parameters: Parameters) -> Verdict:
    found = facts.trust if isinstance(facts.trust, Unreadable) else facts.trust.configuration
    if isinstance(found, Unreadable):
        return unknown(found.reason)
    weak = tuple(_weak(found, parameters))
    if weak:
        return _failed(found, weak)
    if found.fault is not None:
        return unknown(f"a configuration file could not be taken into account: {found.fault.reason}")
    return passed(f"{plural(len(found.files), 'file')} read, none weakens all containers")


def _weak(found: Configuration, parameters: Parameters) -> Iterator[Weak]:
    if found.get("containers.privileged") is True:
        yield Weak("containers.privileged", True, "all containers are privileged", Severity.CRITICAL)
    if found.get("containers.seccomp_profile") == "unconfined":
        yield Weak(
            "containers.seccomp_profile", "unconfined", "no system call is filtered", Severity.CRITICAL
        )
    if found.get("containers.apparmor_profile") == "unconfined":
        yield Weak("containers.apparmor_profile", "unconfined", "AppArmor confines nobody", Severity.HIGH)
    if found.get("containers.label") is False:
        yield Weak("containers.label", False, "SELinux keeps no container apart", Severity.MEDIUM)
    for name in _HOST_NAMESPACES:
        if found.get(f"containers.{name}") == "host" and name not in _EXPECTED_HOST:
            yield Weak(f"containers.{name}", "host", "all containers share it with the host", Severity.HIGH)
    if found.get("containers.env_host") is True:
        yield Weak("containers.env_host", True, "the host's environment leaks into all", Severity.HIGH)
    if found.get("engine.no_pivot_root") is True:
        yield Weak("engine.no_pivot_root", True, "the change of root is weaker", Severity.HIGH)
    yield from _extra_capabilities(found)
    allowed = set(parameters.texts("allowed_for_all"))
    for name in _GIVEN_TO_ALL:
        given = [str(one) for one in found.get(f"containers.{name}") or () if str(one) not in allowed]
        if given:
            yield Weak(f"containers.{name}", ", ".join(given), "all containers get them", Severity.HIGH)


def _extra_capabilities(found: Configuration) -> Iterator[Weak]:
    listed = found.get("containers.default_capabilities")
    names = {f"CAP_{str(one).upper().removeprefix('CAP_')}" for one in listed or ()}
    extra = sorted(names - DEFAULT_CAPABILITIES)
    if extra:
        text = ", ".join(one.removeprefix("CAP_") for one in extra)
        yield Weak(
            "containers.default_capabilities",
            text,
            "all containers get more than Podman's own",
            Severity.HIGH,
        )


def _failed(found: Configuration, weak: tuple[Weak, ...]) -> Verdict:
    worst = max(one.severity for one in weak)
    first = next(one for one in weak if one.severity is worst)
    return failed(
        f"{first.name} in {found.file_of(first.name)}: {first.why}",
        "; ".join(f"{one.name} = {one.value}" for one in weak),
        evidence=tuple(Evidence(found.file_of(one.name), f"{one.name} = {one.value}") for one in weak),
        severity=worst,
        commands=tuple(f"# {found.file_of(one.name)}: remove `{one.name.partition('.')[2]}`" for one in weak),
    )


def _engine(**values: Any) -> EngineFacts:
    return engine(accepting(configuration=configuration(**values)))


CHECK = Check(
    id="weak-engine-defaults",
    title="The engine's configuration weakens all containers",
    step=9,
    severity=Severity.HIGH,
    kind=Kind.ENGINE,
    doc=__doc__ or "",
    summary="Remove the setting from containers.conf and give it only to the containers that need it",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        _engine(containers__pids_limit=2048),
        _engine(containers__default_capabilities=["CHOWN", "SETUID"], containers__userns="host"),
    ),
    fails=lambda: (
        _engine(containers__privileged=True),
        _engine(containers__seccomp_profile="unconfined"),
        _engine(containers__label=False),
        _engine(containers__netns="host"),
        _engine(containers__env_host=True),
        _engine(engine__no_pivot_root=True),
        _engine(containers__default_capabilities=["CHOWN", "NET_RAW"]),
        _engine(containers__volumes=["/etc/pki:/etc/pki:ro"]),
    ),
    references=(
        "CIS Docker 1.6 2.9",
        "CIS Docker 1.6 2.14",
        "CIS Docker 1.6 2.17",
        "CIS Docker 1.6 5.4",
        "NIST SP 800-190 4.4.3",
    ),
    catalogue="S9-08",
    parameters={"allowed_for_all": ()},
)
