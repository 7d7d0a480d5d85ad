"""The seccomp profile of its own is weaker than the default one.

What it checks:
A profile that was named with `seccomp=FILE`: whether what it does not list is allowed (or only logged), and
whether it allows without any condition a call that Podman's own profile refuses or ties to a capability:
bpf, perf_event_open, userfaultfd, open_by_handle_at, loading modules, loading kernels.

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
    unknown,
)
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import SECCOMP_PROFILE
from hardentui.reading.containers import listed

# mount, umount2, ptrace, keyctl, setns and unshare are not here: Podman's own profile allows them
_DANGEROUS = frozenset(
    {
        *("bpf", "perf_event_open", "userfaultfd", "open_by_handle_at", "kexec_load", "kexec_file_load"),
        *("init_module", "finit_module", "delete_module", "create_module"),
    }
)
_LETS_THROUGH = frozenset({"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"})


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    path = facts.spec[SECCOMP_PROFILE]
    if not path:
        return not_applicable("it has the engine's default profile")
    if path == "unconfined":
        return not_applicable("it has no filter at all, which is judged by seccomp-unconfined")
    rules = facts.seccomp_rules
    if isinstance(rules, Unreadable):
        return unknown(rules.reason, path)
    default = str(rules.get("defaultAction"))
    open_calls = _allowed(rules) & _DANGEROUS
    if default in _LETS_THROUGH:
        evidence = (Evidence(path, f"defaultAction {default}"),)
        return failed("everything that it does not list is let through", path, evidence=evidence)
    if open_calls:
        evidence = (Evidence(path, f"allowed: {listed(open_calls)}"),)
        return failed(f"it allows {listed(open_calls)}", path, evidence=evidence)
    return passed(path, evidence=(Evidence(path, f"defaultAction {default}"),))


def _allowed(rules: Mapping[str, Any]) -> frozenset[str]:
    """Calls that are let through whatever their arguments and the capabilities of the container."""
    found: set[str] = set()
    for rule in rules.get("syscalls") or ():
        conditional = rule.get("args") or (rule.get("includes") or {}).get("caps")
        if rule.get("action") in _LETS_THROUGH and not conditional:
            found.update(rule.get("names") or (rule.get("name"),))
    return frozenset(str(name) for name in found)


def remediate(spec: Spec, context: FixContext) -> Spec:
    return spec if spec[SECCOMP_PROFILE] == "unconfined" else spec.without(SECCOMP_PROFILE)


_FILE = (SECCOMP_PROFILE, "/etc/containers/seccomp/web.json")


def _profile(default: str, *syscalls: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"defaultAction": default, "syscalls": list(syscalls)}


_CONDITIONAL = {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}}

CHECK = Check(
    id="weak-seccomp-profile",
    title="The seccomp profile of its own is weaker than the default one",
    step=10,
    severity=Severity.HIGH,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Go back to the engine's default profile",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container(_FILE, seccomp_rules=_profile("SCMP_ACT_ERRNO", _CONDITIONAL)),
    ),
    fails=lambda: (
        container(_FILE, seccomp_rules=_profile("SCMP_ACT_ALLOW")),
        container(_FILE, seccomp_rules=_profile("SCMP_ACT_LOG")),
        container(
            _FILE,
            seccomp_rules=_profile("SCMP_ACT_ERRNO", {"names": ["read", "bpf"], "action": "SCMP_ACT_ALLOW"}),
        ),
    ),
    references=("CIS Docker 1.6 5.22", "NIST SP 800-190 4.4.4"),
    catalogue="S10-03",
)
