"""What container checks share: the kernel's view, the user, other containers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hardentui.model.application import Application
from hardentui.model.application_labels import app_of
from hardentui.model.check import Settled
from hardentui.model.facts import ContainerFacts, EngineFacts, Kernel, NotRunning
from hardentui.model.finding import (
    Evidence,
    Status,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.gain import Gained
from hardentui.model.known import Known, Unread, known
from hardentui.model.peers import Peer, PeerGroup
from hardentui.options import CGROUPS, LABELS, POD, SYSTEMD, USER
from hardentui.reading.vendors import application_by_vendor

T = TypeVar("T")
W = TypeVar("W")

CONFIGURATION = "configuration of the container"


def ask(
    facts: ContainerFacts,
    read: Callable[[Kernel], Known[T]],
) -> T | Unread | NotRunning:
    """One value of the kernel's view, or why there is none."""
    try:
        kernel = facts.kernel
        return read(kernel) if isinstance(kernel, Kernel) else kernel
    except Unread as unread:
        return unread.with_traceback(None)


def ask_or(
    facts: ContainerFacts,
    read: Callable[[Kernel], T],
    else_: W,
) -> T | W:
    """One value of the kernel's view; `else_` if it is not running, or that cannot be read."""
    value = ask(facts, read)
    return else_ if isinstance(value, NotRunning | Unread) else value


def proc(facts: ContainerFacts, name: str = "status") -> str:
    """The path of a file of the main process, for evidence."""
    kernel = known(lambda: facts.kernel)
    return f"/proc/{(kernel.pid if isinstance(kernel, Kernel) else 0) or 'PID'}/{name}"


def judge(
    seen: T | Unread | NotRunning,
    assess: Callable[[T], tuple[bool, str]],
    *,
    declared_bad: bool,
    declared: str,
    reason: str,
    where: str,
    gives: Gained | None = None,
    commands: tuple[str, ...] = (),
) -> Verdict:
    """Compare the declared value with the effective one. The kernel's value takes precedence if it
    is known.

    Args:
        assess: that value -> (whether it is bad, the value in a few words).
        declared_bad, declared: whether the configured value is bad, and that value in a few words.
        reason: what is wrong, for a failure.
        where: the file that holds the kernel's answer.
    """
    asked = Evidence(CONFIGURATION, declared)
    if isinstance(seen, NotRunning | Unread):
        effective = "not running" if isinstance(seen, NotRunning) else f"unknown: {seen.reason}"
        if declared_bad:
            return failed(
                reason,
                declared,
                effective,
                (asked,),
                gives,
                commands,
            )
        if isinstance(seen, Unread):
            return unknown(seen, declared, (asked,))
        return passed(declared, effective, (asked,))
    bad, effective = assess(seen)
    evidence = (asked, Evidence(where, effective))
    if bad:
        why = reason if declared_bad else f"{reason}, whatever its configuration says"
        return failed(
            why,
            declared,
            effective,
            evidence,
            gives,
            commands,
        )
    why = "the configuration says otherwise, but the kernel decides" if declared_bad else ""
    return passed(
        declared,
        effective,
        evidence,
        why,
    )


def sure(verdict: Verdict, *seen: object) -> Verdict:
    """The verdict; unknown where it would be fine, although one of `seen` is an Unread."""
    unread = next((value for value in seen if isinstance(value, Unread)), None)
    if unread is None or verdict.status not in (Status.PASS, Status.NOT_APPLICABLE):
        return verdict
    return unknown(
        unread.reason,
        verdict.declared,
        verdict.evidence,
        do=unread.do,
    )


def is_planned(facts: ContainerFacts) -> bool:
    """Whether these are the facts of a plan, for which inspect no longer holds."""
    return isinstance(facts.kernel, NotRunning) and facts.kernel.state == "planned"


def section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of an inspect document; empty when it is missing or null."""
    part = document.get(name)
    if part is None:
        return {}
    return part if isinstance(part, (dict, Mapping)) else {}  # isinstance is fastest for dict


def image_config(facts: ContainerFacts) -> Mapping[str, Any]:
    """The image's `Config`; empty if the image is not known."""
    return known(lambda: facts.image.config, else_={})


def labels_of(facts: ContainerFacts) -> Mapping[str, str]:
    """The labels that Podman acts on: the image's, overridden by the container's."""
    of_image = section(image_config(facts), "Labels")
    own = dict(label.partition("=")[::2] for label in facts.spec[LABELS])
    recorded = {} if is_planned(facts) else facts.labels
    return {
        **{str(name): str(value) for name, value in of_image.items()},
        **recorded,
        **own,
    }


def declared_user(facts: ContainerFacts) -> str:
    """The user of the main process, as declared by the container or its image; empty means root."""
    if facts.spec[USER]:
        return facts.spec[USER]
    read = {} if is_planned(facts) else section(facts.inspect, "Config")
    config = known(lambda: facts.image.config, else_=None)
    if config is not None or "User" in read:
        return str((read if config is None else config).get("User") or "")
    application = known_application(facts)
    return "" if application is None else application.user.image


def known_application(facts: ContainerFacts) -> Application | None:
    """What its image is known to need; None if no entry is about it, or that cannot be read."""
    return known(lambda: facts.application, else_=None)


def known_health(facts: ContainerFacts) -> str:
    """The command in its image that tells whether it serves, as its entry says; empty if unknown."""
    application = known_application(facts)
    return "" if application is None else application.health.command


def is_root(user: str) -> bool:
    name = user.partition(":")[0].strip()
    return name in ("", "root") or (name.isdecimal() and int(name) == 0)


def is_infra(facts: ContainerFacts) -> bool:
    """Whether it is the container that holds the namespaces of a pod."""
    return bool(facts.inspect.get("IsInfra"))


def need_own_program(facts: ContainerFacts) -> None:
    """Not applicable to the container that holds the namespaces of a pod."""
    if is_infra(facts):
        raise Settled(
            not_applicable(
                "a pod's infra container: Podman's own program, which only holds namespaces"
            )
        )


def pod_of(facts: ContainerFacts) -> str:
    """Name or ID of the pod; empty if there is none."""
    return str(facts.spec[POD] or facts.inspect.get("Pod") or "")


def own_unit_of(facts: ContainerFacts) -> str:
    """The systemd unit that runs it; empty if there is none. A label proves nothing: podman-compose
    names a unit that hardly anybody installs, and others are gone.
    """
    unit = facts.labels.get("PODMAN_SYSTEMD_UNIT", "")
    return (
        unit
        if known(
            lambda: facts.unit_exists,
            else_=not unit.startswith("podman-compose@"),
        )
        else ""
    )


def related(facts: ContainerFacts, peer: Peer | PeerGroup) -> bool:
    """Whether both belong to the same pod or application."""
    mine = {
        str(facts.spec[POD]),
        str(facts.inspect.get("Pod") or ""),
    } - {""}
    app = app_of(facts.labels) or application_by_vendor(facts)
    return peer.pod in mine or bool(app and peer.app == app)


def engine_info(engine: EngineFacts, part: str) -> Mapping[str, Any]:
    """A part of the answer of /info below `host`; empty if it was not asked."""
    host = known(lambda: section(engine.info, "host"), else_={})
    return section(host, part) if part else host


def runs_systemd(facts: ContainerFacts) -> bool:
    """Whether systemd is the main process, so that Podman prepared the container for it."""
    return (
        bool(section(facts.inspect, "Config").get("SystemdMode")) or facts.spec[SYSTEMD] == "always"
    )


def without_cgroup(facts: ContainerFacts) -> bool:
    """Created with `--cgroups=disabled`: nothing can be limited or counted."""
    return facts.spec[CGROUPS] == "disabled"


def listed(
    words: frozenset[str] | tuple[str, ...] | list[str],
    most: int = 12,
) -> str:
    names = sorted(words)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
