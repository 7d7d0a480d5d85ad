"""The seccomp filter in force lets dangerous system calls through.

What it checks:
The filter that the runtime really installed, as its own configuration (config.json) says: the engine's
profile, one that was named with `seccomp=FILE` or through the API, one that the image brought
(`--seccomp-policy=image`), or a compiled program of the annotation `run.oci.seccomp_bpf_data`. It is bad when
calls get through that Podman's own profile refuses to a container with the same capabilities: bpf,
perf_event_open, userfaultfd, io_uring, open_by_handle_at, keyrings, loading modules and kernels. Rules are
read as the kernel will: conditions that are always true, later rules, several conditions on one argument. A
profile file that has changed since is judged too, because the next container is made from it.

Why it matters:
A profile of one's own looks like extra care. Copied from an old example, or recorded with "allow
everything" and never finished, it is worse than none that was chosen: the default profile would have
refused the very calls that exploits are made of.

What may break:
The fix goes back to the engine's default profile. What the service needed beyond it is refused then, with
"operation not permitted" and a line in the audit log. A profile that was recorded for the service is better
still.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext
from hardentui.model.facts import CapabilitySets, ContainerFacts, Kernel
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Risk,
    Severity,
    Status,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.known import Unreadable
from hardentui.model.runtime import RuntimeConfig
from hardentui.model.seccomp import EngineDefault, NoFilter, RawFilter, SeccompProfile
from hardentui.model.spec import Spec
from hardentui.options import ANNOTATIONS, SECCOMP_POLICY, SECCOMP_PROFILE
from hardentui.reading.containers import listed
from hardentui.reading.seccomp import LETS_THROUGH, OpenCalls, parse_profile
from hardentui.reading.system_calls import (
    RAW_FILTER,
    capabilities_held,
    filter_of,
    open_dangerous_calls,
    parsed,
)


def evaluate(facts: ContainerFacts) -> Verdict:
    found = filter_of(facts)
    declared = facts.spec[SECCOMP_PROFILE] or "the engine's profile"
    if isinstance(found, Unreadable):
        return unknown(found.reason, declared)
    if isinstance(found.filter, NoFilter):
        return not_applicable("it has no filter at all, which is judged by seccomp-unconfined")
    if isinstance(found.filter, EngineDefault):
        return not_applicable("it has the engine's default profile, and has not been started with it yet")
    judged = _judged(found.filter, found.source, declared, capabilities_held(facts))
    if judged is not None:
        return judged
    if not found.in_force:
        return unknown("its profile is good, but which filter was installed cannot be read", declared)
    return _next_time(facts, declared, found.source)


def _judged(
    filter_: SeccompProfile | RawFilter, source: str, declared: str, held: frozenset[str]
) -> Verdict | None:
    """The verdict on a filter that is weak or cannot be judged; None for a good one."""
    open_calls = open_dangerous_calls(filter_, held)
    if isinstance(open_calls, Unreadable):
        return unknown(open_calls.reason, declared)
    if not open_calls:
        return None
    names = frozenset(name for group in open_calls for name in group.calls)
    evidence = tuple(Evidence(source, _words(group)) for group in open_calls)
    what, effective = listed(names), f"lets through {listed(names)}"
    if isinstance(filter_, SeccompProfile) and filter_.default in LETS_THROUGH:
        what, effective = "everything that its profile does not list", f"defaultAction {filter_.default}"
    return failed(f"its filter lets through {what}", declared, effective, evidence)


def _words(group: OpenCalls) -> str:
    return f"{group.gives}: {', '.join(group.calls)}"


def _next_time(facts: ContainerFacts, declared: str, source: str) -> Verdict:
    """The filter in force is good; the file that it was made from may have changed since."""
    rules = facts.seccomp_rules
    good = passed(declared, "refuses what Podman's own profile refuses", (Evidence(source, "looked at"),))
    if facts.spec[SECCOMP_PROFILE] in ("", "unconfined") or isinstance(rules, Unreadable):
        return good
    now = parsed(rules, facts.spec[SECCOMP_PROFILE], capabilities_held(facts))
    if isinstance(now, Unreadable) or not isinstance(now.filter, SeccompProfile | RawFilter):
        return good
    weak = _judged(now.filter, now.source, declared, capabilities_held(facts))
    if weak is None:
        return good
    reason = f"the file was changed since it was made: {weak.reason} when it is made again"
    return failed(reason, declared, "the filter in force is good", weak.evidence)


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[SECCOMP_PROFILE] == "unconfined":
        return spec
    kept = tuple(word for word in spec[ANNOTATIONS] if word.partition("=")[0] != RAW_FILTER)
    fixed = spec.without(SECCOMP_PROFILE, SECCOMP_POLICY).with_(ANNOTATIONS, kept)
    if fixed == spec and evaluate(context.facts).status is Status.FAIL:
        raise CannotFix(
            "the engine's own profile is the weak one",
            "Install the profile of the package again, or name a better one in containers.conf.",
        )
    return fixed


_FILE = (SECCOMP_PROFILE, "/etc/containers/seccomp/web.json")


def _profile(default: str, *syscalls: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"defaultAction": default, "syscalls": list(syscalls)}


def _runs(profile: Mapping[str, Any]) -> RuntimeConfig:
    return RuntimeConfig(seccomp=parse_profile(profile))


_READ = {"names": ["read"], "action": "SCMP_ACT_ALLOW"}
_BPF = {"names": ["read", "bpf"], "action": "SCMP_ACT_ALLOW"}
_CONDITIONAL = {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}}
_ALWAYS_TRUE = {**_BPF, "args": [{"index": 0, "op": "SCMP_CMP_GE", "value": 0}]}
_TIGHT = _runs(_profile("SCMP_ACT_ERRNO", _READ))
_ALLOW_ALL = RawFilter(b"\x06\0\0\0\0\0\xff\x7f", f"annotation {RAW_FILTER}")
_HOLDS_BPF = Kernel(7, capabilities=CapabilitySets(bounding=frozenset({"CAP_BPF"})))

CHECK = Check(
    title="Seccomp profile allows dangerous system calls",
    severity=Severity.HIGH,
    summary="Return to the engine's default profile",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container(_FILE, seccomp_rules=_profile("SCMP_ACT_ERRNO", _CONDITIONAL)),
        container(_FILE, runtime=_TIGHT),
        container(_FILE, runtime=_runs(_profile("SCMP_ACT_ERRNO", _BPF)), kernel=_HOLDS_BPF),
    ),
    fails=lambda: (
        container(_FILE, seccomp_rules=_profile("SCMP_ACT_ALLOW")),
        container(_FILE, seccomp_rules=_profile("SCMP_ACT_LOG")),
        container(_FILE, seccomp_rules=_profile("SCMP_ACT_ERRNO", _BPF)),
        container(_FILE, runtime=_runs(_profile("SCMP_ACT_ERRNO", _ALWAYS_TRUE)), kernel=Kernel(7)),
        container(_FILE, runtime=_TIGHT, seccomp_rules=_profile("SCMP_ACT_ALLOW"), kernel=Kernel(7)),
        container((SECCOMP_POLICY, "image"), runtime=_runs(_profile("SCMP_ACT_ALLOW")), kernel=Kernel(7)),
        container(
            (ANNOTATIONS, (f"{RAW_FILTER}=BgAAAAAA/38=",)),
            runtime=RuntimeConfig(seccomp=_ALLOW_ALL),
            kernel=Kernel(7),
        ),
    ),
    references=("CIS Docker 1.6 5.22", "NIST SP 800-190 4.4.4"),
    catalogue="S10-03",
)
