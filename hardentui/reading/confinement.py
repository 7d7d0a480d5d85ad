"""The seccomp filter of a container, and what it allows."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from hardentui.lib.seccomp import EngineDefault, NoFilter, SeccompProfile, parse_profile
from hardentui.model.check import Settled
from hardentui.model.facts import ContainerFacts, NotRunning
from hardentui.model.finding import Verdict, not_applicable, unknown
from hardentui.model.known import Known, Unread, known, need
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.reading.containers import ask_or, engine_info

SELINUX, APPARMOR_LSM, NO_LSM = "selinux", "apparmor", "none"
UNCONFINED_TYPES = frozenset(
    "spc_t unconfined_t unconfined_service_t container_runtime_t init_t".split()
)
"""SELinux types that do not confine a process; which one applies depends on the policy."""


def looks_like_selinux(label: str) -> bool:
    """`user:role:type[:level]`, as SELinux writes it."""
    return label.count(":") >= 2 and "_r:" in label


def selinux_type(label: str) -> str:
    """The type in an SELinux label; empty if it is not one."""
    words = label.split(":")
    return words[2] if looks_like_selinux(label) else ""


def selinux_switched_off(spec: Spec) -> str:
    """The option that makes Podman run the container without SELinux separation; empty if none
    does."""
    if spec[LABEL_DISABLE]:
        return "label=disable"
    if spec[LABEL_TYPE]:
        return f"label=type:{spec[LABEL_TYPE]}" if spec[LABEL_TYPE] in UNCONFINED_TYPES else ""
    if any(spec[option] for option in (LABEL_LEVEL, LABEL_ROLE, LABEL_USER)):
        return ""
    if spec[PRIVILEGED]:
        return "privileged"
    return next((f"{o.flag}=host" for o in (PID, IPC) if spec[o] == "host"), "")


def lsm(facts: ContainerFacts) -> Known[str]:
    """The security module that confines containers here: `selinux`, `apparmor` or `none`."""
    if label := ask_or(facts, lambda kernel: kernel.lsm_label, ""):
        return SELINUX if looks_like_selinux(label) else APPARMOR_LSM
    security = engine_info(facts.engine, "security")
    if security.get("selinuxEnabled"):
        return SELINUX
    if security.get("apparmorEnabled"):
        return APPARMOR_LSM
    if facts.inspect.get("ProcessLabel"):
        return SELINUX
    if facts.inspect.get("AppArmorProfile"):
        return APPARMOR_LSM
    modules = known(lambda: facts.host.security_modules)
    if not isinstance(modules, Unread):
        if modules.selinux in ("enforcing", "permissive"):
            return SELINUX
        if modules.apparmor is True:
            return APPARMOR_LSM
        if modules.selinux == "absent" and modules.apparmor is False:
            return NO_LSM
    if "selinuxEnabled" in security or "apparmorEnabled" in security:
        return NO_LSM
    return Unread("the engine's security module is not known")


def need_selinux(facts: ContainerFacts) -> None:
    """Not applicable where SELinux does not confine containers; raises Unread."""
    if need(lsm(facts)) != SELINUX:
        raise Settled(not_applicable("the engine does not use SELinux"))


def need_apparmor(facts: ContainerFacts) -> None:
    """Not applicable where AppArmor does not confine containers; raises Unread."""
    if facts.engine.rootless is True:
        raise Settled(not_applicable("Podman applies no AppArmor profile to rootless containers"))
    if need(lsm(facts)) != APPARMOR_LSM:
        raise Settled(not_applicable("the engine does not use AppArmor"))


def unconfined_by_apparmor(label: str) -> bool:
    """Whether no profile applies; a stack with one confining part is confined."""
    return label in ("", "unconfined") or label.endswith("(unconfined)")


RAW_FILTER = "run.oci.seccomp_bpf_data"
"""Annotation with a compiled filter, which crun uses instead of the profile (crun(1))."""
_STOCK = ("/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json")
NEVER_STARTED_WITH_DEFAULT = "the container was not started with the engine's default profile yet"
_NEVER_STARTED = ("created", "configured")
_IMAGE_LABEL = "io.containers.seccomp.profile"


class FilterInForce(Struct, frozen=True):
    """A filter and its source."""

    # EngineDefault if only the name of the engine's own profile is known
    filter: SeccompProfile | NoFilter | EngineDefault
    source: str
    in_force: bool = True  # the runtime installed it; otherwise it is only requested


def filter_of(facts: ContainerFacts) -> FilterInForce | Unread:
    """The filter from the runtime's configuration; the requested one if the container never
    started."""
    runtime = known(lambda: facts.runtime)
    state = facts.kernel.state if isinstance(facts.kernel, NotRunning) else "running"
    if state == "planned" or (state in _NEVER_STARTED and isinstance(runtime, Unread)):
        return _declared(facts)
    if isinstance(runtime, Unread):
        asked = _declared(facts)
        if isinstance(asked, Unread) or isinstance(asked.filter, NoFilter):
            return asked
        if isinstance(asked.filter, EngineDefault):
            return Unread(f"the installed filter is not known: {runtime.reason}")
        return replace(asked, in_force=False)
    source = str(facts.inspect.get("OCIConfigPath") or "config.json of the runtime")
    if runtime.seccomp is None:
        return Unread(f"the filter in {source} cannot be parsed")
    return FilterInForce(runtime.seccomp, f"linux.seccomp of {source}")


class FilterRules(Struct, frozen=True):
    """A filter whose rules can be judged."""

    rules: SeccompProfile
    declared: str  # the profile that the configuration requests, in words
    source: str
    in_force: bool  # the runtime installed it; otherwise it is only requested


def filter_rules(facts: ContainerFacts) -> FilterRules:
    """The rules of the filter; none to judge settle the verdict."""
    seccomp, declared = filter_of(facts), declared_filter(facts)
    if isinstance(seccomp, Unread):
        raise Settled(unknown(seccomp, declared))
    if isinstance(seccomp.filter, NoFilter):
        raise Settled(not_applicable("no filter at all (see seccomp-unconfined)"))
    if isinstance(seccomp.filter, EngineDefault):
        raise Settled(not_applicable(NEVER_STARTED_WITH_DEFAULT))
    return FilterRules(
        seccomp.filter,
        declared,
        seccomp.source,
        seccomp.in_force,
    )


def declared_filter(facts: ContainerFacts) -> str:
    """The profile that the configuration requests, in words."""
    return facts.spec[SECCOMP_PROFILE] or "the engine's profile"


def good_but_not_seen(declared: str) -> Verdict:
    """For rules that are good, where only the request can be read."""
    return unknown(
        "the profile is good, but the installed filter cannot be read",
        declared,
    )


def _declared(facts: ContainerFacts) -> FilterInForce | Unread:
    spec = facts.spec
    raw = dict(word.partition("=")[::2] for word in spec[ANNOTATIONS]).get(
        RAW_FILTER,
        "",
    )
    path = spec[SECCOMP_PROFILE]
    if path == "unconfined":
        return FilterInForce(
            NoFilter("seccomp=unconfined"),
            "configuration of the container",
        )
    if spec[PRIVILEGED] and path in ("", *_STOCK):
        return FilterInForce(
            NoFilter("privileged mode"),
            "configuration of the container",
        )
    if raw:
        return Unread(f"the compiled filter in the annotation {RAW_FILTER} is not read")
    if spec[SECCOMP_POLICY] == "image" and facts.labels.get(_IMAGE_LABEL):
        return Unread("the image brings the profile, which only the runtime's configuration shows")
    if not path:
        return FilterInForce(EngineDefault(), "the engine's default profile")
    rules = known(lambda: facts.seccomp_rules)
    return rules if isinstance(rules, Unread) else parsed(rules, path, capabilities_held(facts))


def parsed(
    rules: Mapping[str, object],
    path: str,
    held: frozenset[str],
) -> FilterInForce | Unread:
    """The filter that a container with these capabilities gets from a profile file."""
    try:
        return FilterInForce(parse_profile(rules, capabilities=held), path)
    except (AttributeError, TypeError, ValueError) as error:
        return Unread(f"{path} is not a seccomp profile: {error}")


def capabilities_held(facts: ContainerFacts) -> frozenset[str]:
    """The bounding set of the live process, otherwise as recorded by Podman."""
    recorded = frozenset(map(str, facts.inspect.get("BoundingCaps") or ()))
    return ask_or(
        facts,
        lambda kernel: kernel.capabilities.bounding,
        recorded,
    )
