"""The engine cannot filter system calls.

What it checks:
Whether the engine reports seccomp support (`seccompEnabled` in `podman info`). It does not if the runtime was
built without it or the kernel lacks it.

Why it matters:
Without seccomp, every container can use every system call of the kernel, whatever profile its settings name.
Most known container escapes start with a call that the default profile blocks.

What may break:
Nothing: with the distribution's runtime package, the default profile is on, and nearly all images run with
it.
"""

from __future__ import annotations

from typing import Any

from hardentui.checks.prelude import *


def evaluate(facts: EngineFacts) -> Verdict:
    enabled = ((facts.info.get("host") or {}).get("security") or {}).get("seccompEnabled")
    evidence = (Evidence("info: host.security.seccompEnabled", str(enabled).lower()),)
    if enabled is True:
        return passed("on", evidence=evidence)
    if enabled is False:
        return failed("the engine does not support seccomp", "off", evidence=evidence)
    return unknown("the engine does not report whether it supports seccomp")


def _info(enabled: bool) -> dict[str, Any]:
    return {"host": {"security": {"seccompEnabled": enabled}}}


CHECK = Check(
    title="Seccomp not available to the engine",
    severity=Severity.HIGH,  # no container has a filter
    kind=Kind.ENGINE,
    summary="Use a runtime and a kernel with seccomp support",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (rootful(info=_info(True)),),
    fails=lambda: (rootful(info=_info(False)), rootless(info=_info(False))),
    references=("Catalogue S10-02", "CIS Docker 1.6 2.17", "NIST SP 800-190 4.5.5"),
)
