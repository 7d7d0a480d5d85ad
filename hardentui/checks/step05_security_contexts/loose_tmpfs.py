"""A tmpfs mount has no size, or lets programs run from it.

What it checks:
The mounts made with `--tmpfs`: whether each has a size, and whether exec, suid or dev was switched on again.
Podman mounts a plain tmpfs with nosuid and nodev, but without a size and without noexec.

Why it matters:
A tmpfs without a size grows up to half of the host's memory. A folder that everybody can write to and that
programs can be started from is where an intruder puts their tools: in memory, where no scanner of disks
looks.

What may break:
Programs that unpack and start code in /tmp (some installers, Java agents, Python wheels with libraries) need
exec there: give them a folder of their own. What grows beyond the size fails with "no space left": choose the
size with the parameter `size`.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed
from hardentui.model.spec import Spec
from hardentui.options import TMPFS
from hardentui.reading.containers import bytes_of, listed

_LOOSE = frozenset({"exec", "suid", "dev"})
_TIGHT = ("noexec", "nosuid", "nodev")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    mounts = facts.spec[TMPFS]
    bad = tuple(mount for mount in mounts if _is_loose(mount))
    declared = "; ".join(mounts) or "no tmpfs"
    if bad:
        paths = [mount.partition(":")[0] for mount in bad]
        evidence = tuple(Evidence("--tmpfs", mount) for mount in bad)
        return failed(f"no size, or programs may run: {listed(paths)}", declared, evidence=evidence)
    return passed(declared)


def _options(mount: str) -> list[str]:
    return [option for option in mount.partition(":")[2].split(",") if option]


def _is_loose(mount: str) -> bool:
    options = _options(mount)
    return bool(_LOOSE.intersection(options)) or not any(option.startswith("size=") for option in options)


def remediate(spec: Spec, context: FixContext) -> Spec:
    size = context.parameters.text("size")
    try:
        bytes_of(size)
    except ValueError as error:
        raise CannotFix(str(error), "Give the parameter size a value such as 64m.") from error
    return spec.with_(TMPFS, tuple(_tightened(m, size) if _is_loose(m) else m for m in spec[TMPFS]))


def _tightened(mount: str, size: str) -> str:
    options = [option for option in _options(mount) if option not in _LOOSE]
    options += [option for option in _TIGHT if option not in options]
    if not any(option.startswith("size=") for option in options):
        options.append(f"size={size}")
    return f"{mount.partition(':')[0]}:{','.join(options)}"


CHECK = Check(
    id="loose-tmpfs",
    title="A tmpfs mount has no size, or lets programs run from it",
    step=5,
    severity=Severity.LOW,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Give every tmpfs a size and mount it noexec, nosuid and nodev",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"size": "64m"},
    takes={"size": "tmpfs-size"},
    passes=lambda: (container(), container((TMPFS, ("/tmp:rw,noexec,nosuid,nodev,size=64m",)))),  # noqa: S108
    fails=lambda: (
        container((TMPFS, ("/tmp",))),  # noqa: S108
        container((TMPFS, ("/run:size=1m,exec,mode=1777", "/a:size=1k"))),
    ),
    references=("OWASP Docker rule 8", "compose-lint CL-0022"),
    catalogue="S5-08",
)
