"""Per-process limits are too high.

What it checks:
The values set with `--ulimit`: open files above the site's limit (parameter `nofile`), unlimited processes,
core dumps of any size, or `host`, which copies the host's limits. If a single running container is checked,
the kernel's limit of open files is also compared with the site's, no matter who set it. Other values that
Podman sets by itself are not checked.

Why it matters:
Ulimits are the second brake besides cgroups. Millions of open files fill kernel memory that no memory limit
counts in time, and a core dump writes everything the process knows, including keys and passwords, to a disk
from which an attacker or a backup carries it away.

What may break:
Servers with very many connections need a high limit of open files: raise the site's value for them instead
of removing it. Crash analysis that relies on core dumps needs another way.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import NotRunning, Rlimit
from hardentui.options import ULIMIT

_ENDLESS = ("-1", "unlimited", "infinity")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    limits = facts.spec[ULIMIT]
    highest = parameters.integer("nofile")
    bad = tuple(limit for limit in limits if _too_loose(limit, highest))
    declared = listed(limits) or "none set"
    if bad:
        evidence = tuple(Evidence("--ulimit", limit) for limit in bad)
        return failed(f"these limits are too high: {listed(bad)}", declared, evidence=evidence)
    if isinstance(facts.kernel, NotRunning):
        return passed(declared)
    live = facts.kernel.rlimits
    effective = ", ".join(f"{limit.name} {_shown(limit)}" for limit in live)
    seen = (Evidence(proc(facts, "limits"), effective),)
    files = next((limit for limit in live if limit.name == "nofile"), None)
    if files is not None and (files.hard is None or files.hard > highest):
        return failed("the kernel allows more open files than the checklist does", declared, effective, seen)
    return passed(declared, effective, seen)


def _shown(limit: Rlimit) -> str:
    return ":".join("unlimited" if value is None else str(value) for value in (limit.soft, limit.hard))


def _parts(limit: str) -> tuple[str, str, str]:
    """Name, soft and hard limit; a single value is both."""
    name, _, values = limit.partition("=")
    soft, _, hard = values.partition(":")
    name = name.strip().lower().removeprefix("rlimit_")
    return name, soft.strip(), (hard or soft).strip()


def _too_loose(limit: str, highest: int) -> bool:
    name, _, hard = _parts(limit)
    if name == "host":
        return True
    if name == "nofile":
        return hard in _ENDLESS or (hard.isdecimal() and int(hard) > highest)
    return name in ("nproc", "core") and hard in _ENDLESS


def remediate(spec: Spec, context: FixContext) -> Spec:
    highest, processes = context.parameters.integer("nofile"), context.parameters.integer("nproc")
    kept = tuple(
        _tightened(limit, highest, processes) if _too_loose(limit, highest) else limit
        for limit in spec[ULIMIT]
    )
    kept = tuple(limit for limit in kept if limit)
    if not any(_parts(limit)[0] == "nofile" for limit in kept) and _live_is_loose(context, highest):
        kept = (*kept, f"nofile={highest}:{highest}")
    return spec.with_(ULIMIT, kept)


def _live_is_loose(context: FixContext, highest: int) -> bool:
    live = ask(context.facts, lambda kernel: kernel.rlimits)
    if isinstance(live, NotRunning | Unread):
        return False
    return any(limit.name == "nofile" and (limit.hard is None or limit.hard > highest) for limit in live)


def _tightened(limit: str, highest: int, processes: int) -> str:
    name, soft, _ = _parts(limit)
    if name == "host":
        return ""
    if name == "core":
        return "core=0:0"
    most = highest if name == "nofile" else processes
    kept = min(int(soft), most) if soft.isdecimal() else most
    return f"{name}={kept}:{most}"


CHECK = Check(
    title="Ulimits too high",
    severity=Severity.LOW,  # other limits hold
    summary="Set ulimits to the site's values",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"nofile": 1048576, "nproc": 8192},
    takes={"nofile": "count", "nproc": "count"},
    passes=lambda: (
        container(),
        container((ULIMIT, ("nofile=4096:8192", "core=0:0"))),
        container(kernel=Kernel(7, rlimits=(Rlimit("nofile", 1024, 1048576), Rlimit("core", 0, None)))),
    ),
    fails=lambda: (
        container((ULIMIT, ("nofile=4096:99999999", "rtprio=1:1"))),
        container((ULIMIT, ("core=-1:-1",))),
        container((ULIMIT, ("nproc=unlimited",))),
        container((ULIMIT, ("host",))),
        container(kernel=Kernel(7, rlimits=(Rlimit("nofile", 1024, 1073741816),))),
    ),
    references=("CIS Docker 1.6 5.19", "OWASP Docker rule 7"),
    catalogue="S5-04",
)
