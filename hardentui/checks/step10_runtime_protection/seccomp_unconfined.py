"""No seccomp filter.

What it checks:
Whether a seccomp filter is in force. There is none with `seccomp=unconfined`, and none in privileged mode
unless a profile is named, although the security options of such a container do not say so. For a running
container, the mode of the main process must be 2 (filter). A filter that a program installed itself does not
make up for a disabled one: if the runtime's configuration can be read, it must contain a filter.

Why it matters:
The kernel offers some 400 system calls, and nearly every vulnerability that leads from a container to the
host is in one that ordinary programs never use: keyrings, BPF, user-space page faults, module loading. The
default profile blocks those. Without it, an attacker can try all of them.

What may break:
Programs that need a blocked call: some debuggers, nested engines, old runtimes. They fail with "operation not
permitted", and the audit log names the call. The answer is a custom profile that allows just that call.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.seccomp import NoFilter, RuntimeConfig, SeccompProfile
from hardentui.options import PRIVILEGED, SECCOMP_PROFILE
from hardentui.reading.system_calls import filter_of

_STOCK = ("/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json")
_MODES = {0: "none", 1: "strict", 2: "filter"}


def evaluate(facts: ContainerFacts) -> Verdict:
    why = _switched_off(facts)
    return judge(
        ask(facts, lambda kernel: kernel.seccomp_mode),
        lambda mode: (mode != 2 or bool(why), _words(mode, bool(why))),
        declared_bad=bool(why),
        declared=why or f"profile {facts.spec[SECCOMP_PROFILE] or 'of the engine'}",
        reason="every system call of the kernel is allowed",
        where=proc(facts),
    )


def _words(mode: int, switched_off: bool) -> str:
    whose = ", but not Podman's" if mode == 2 and switched_off else ""
    return f"Seccomp {mode} ({_MODES.get(mode, 'unknown')}{whose})"


def _switched_off(facts: ContainerFacts) -> str:
    """What turns the filter off; empty if nothing. The runtime's configuration overrides the options."""
    seccomp = filter_of(facts)
    if not isinstance(seccomp, Unread):
        return seccomp.filter.why if isinstance(seccomp.filter, NoFilter) else ""
    return _by_options(facts.spec)


def _by_options(spec: Spec) -> str:
    """Podman leaves out its own profile in privileged mode."""
    profile = spec[SECCOMP_PROFILE]
    if profile == "unconfined":
        return "seccomp=unconfined"
    return "privileged" if spec[PRIVILEGED] and profile in ("", *_STOCK) else ""


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[SECCOMP_PROFILE] == "unconfined":
        spec = spec.without(SECCOMP_PROFILE)
    if _by_options(spec):
        raise CannotFix(
            "privileged mode also turns the filter off",
            "Fix both at once (add --check privileged), or name a profile.",
        )
    if (
        spec == context.facts.spec
        and isinstance(context.facts.kernel, Kernel)
        and _switched_off(context.facts)
    ):
        raise CannotFix("no container option turns the filter off", "See seccomp_profile in containers.conf.")
    return spec


_RULES = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}

CHECK = Check(
    title="No seccomp filter",
    severity=Severity.HIGH,  # every system call: one kernel hole from the host (CIS 5.22)
    points=12,
    summary="Restore the seccomp filter",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container(kernel=Kernel(7, seccomp_mode=2)),
        container(
            (SECCOMP_PROFILE, "/etc/containers/seccomp/web.json"), (PRIVILEGED, True), seccomp_rules=_RULES
        ),
        container(  # an annotation that pretends
            (SECCOMP_PROFILE, "unconfined"),
            kernel=Kernel(7, seccomp_mode=2),
            runtime=RuntimeConfig(seccomp=SeccompProfile("ERRNO")),
        ),
    ),
    fails=lambda: (
        container((SECCOMP_PROFILE, "unconfined")),
        container((SECCOMP_PROFILE, "unconfined"), kernel=Kernel(7, seccomp_mode=2), engine=rootless()),
        container((PRIVILEGED, True)),
        container((PRIVILEGED, True), kernel=Kernel(7, seccomp_mode=0)),
        container(  # a filter of the program's own
            kernel=Kernel(7, seccomp_mode=2), runtime=RuntimeConfig(seccomp=NoFilter("no linux.seccomp"))
        ),
    ),
    references=("CIS Docker 1.6 5.22", "NIST SP 800-190 4.4.4", "OWASP Docker rule 6"),
    catalogue="S10-01",
    contextual=True,
)
