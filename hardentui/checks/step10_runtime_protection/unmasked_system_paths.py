"""Parts of /proc and /sys that are masked by default are accessible.

What it checks:
Whether default masks were removed with `unmask`, or all of them by privileged mode. For a running container,
the mounts over /proc and /sys decide: some path must be hidden (such as /proc/kcore, /proc/keys,
/sys/firmware), and some must be write-protected (such as /proc/sys, /proc/irq). None of those that the
runtime made at the start may be gone, and no second /proc or /sys may be mounted over them or elsewhere, not
even one that the host mounted for a chroot or as a volume (`podman volume create -o type=proc`). The same
goes for binfmt_misc, configfs, debugfs, efivarfs and tracefs without a user namespace. A /proc/sys that root
of the host can write is critical: it needs no other weakness.

Why it matters:
These files belong to the whole machine, not to a container. /proc/kcore is its memory, /proc/keys its key
rings; writing to /proc/sys/kernel/core_pattern or /proc/sysrq-trigger runs a program as root on the host, or
reboots it. Root in a container needs nothing else if the masks are gone and there is no user namespace.

What may break:
Nested engines and tools that set kernel parameters from inside. For parameters that belong to the container's
own namespaces, use `--sysctl`; set the others on the host.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from hardentui.checks.prelude import *
from hardentui.model.facts import NotRunning
from hardentui.model.mounts import KernelMount
from hardentui.options import PID, PRIVILEGED, UNMASK
from hardentui.reading.containers import ask_or, declared_user, is_root, sure
from hardentui.reading.mounts import bare_kernel_mounts, own_user_namespace

_HIDDEN = frozenset(
    {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi", "/proc/scsi", "/sys/firmware"}
)
_SETTINGS = ("proc", "binfmt_misc")
_PROTECTED = frozenset({"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"})

_MASKS = (
    _HIDDEN
    | _PROTECTED
    | {"/proc/asound", "/proc/interrupts", "/proc/latency_stats", "/proc/sched_debug", "/proc/timer_stats"}
    | {"/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/fs/selinux"}
)
"""What Podman masks or makes read-only; lifting any other path changes nothing."""


def evaluate(facts: ContainerFacts) -> Verdict:
    live = ask(facts, lambda kernel: kernel.masked_paths)
    lifted = _lifted(facts.spec)
    if UNMASK in facts.spec.unknowable and isinstance(live, NotRunning | Unread) and not lifted:
        return unknown("the engine does not show removed masks, and the running process cannot be inspected")
    writable_anyhow = facts.engine.rootless is True and facts.spec[PID] == "host"  # Podman's own rule

    severity = _severity(facts, live)
    if bare := bare_kernel_mounts(facts):
        points = [row.point for row in bare]
        shown = tuple(Evidence(proc(facts, "mountinfo"), f"{row.kind} at {row.point}") for row in bare)
        why = f"the kernel's files are mounted without masks: {listed(points)}"
        return failed(why, lifted or "default masks", f"no masks below {listed(points)}", shown, severity)
    lost = ask(facts, lambda kernel: kernel.lost_masks)
    if isinstance(lost, frozenset) and lost and not lifted:
        gone = tuple(sorted(lost))
        return failed(
            f"masks were removed after the start: {listed(gone)}",
            "default masks",
            f"not masked: {listed(gone)}",
            (Evidence(proc(facts, "mountinfo"), f"nothing covers {listed(gone)}"),),
            severity,
        )

    def assess(masked: frozenset[str]) -> tuple[bool, str]:
        bad = not masked & _HIDDEN or not (masked & _PROTECTED or writable_anyhow)
        return bad or bool(
            lifted
        ), f"{plural(len(masked & (_HIDDEN | _PROTECTED)), 'mask')}: {listed(masked, 6)}"

    verdict = judge(
        live,
        assess,
        declared_bad=bool(lifted),
        declared=lifted or "default masks",
        reason="files of the whole machine are accessible through /proc and /sys",
        where=proc(facts, "mountinfo"),
        severity=severity,
    )
    return sure(verdict, ask(facts, lambda kernel: kernel.mounts))


def _severity(facts: ContainerFacts, live: frozenset[str] | Unread | NotRunning) -> Severity | None:
    """Critical if root of the host can write /proc/sys: it names the program that the kernel runs as root for
    the next crash, core(5), or for programs of a format: with the flag F of binfmt_misc (binfmt-misc.rst of
    the kernel) that one comes from the container. Privileged mode has a check of its own."""
    if facts.spec[PRIVILEGED]:
        return None
    rows = [row for row in bare_kernel_mounts(facts) if row.kind in _SETTINGS and not row.read_only]
    if isinstance(live, frozenset):
        opened = "/proc/sys" not in live
    else:
        opened = any(path == "ALL" or fnmatchcase("/proc/sys", path) for path in facts.spec[UNMASK])
    return Severity.CRITICAL if (rows or opened) and _is_root_of_host(facts) else None


def _is_root_of_host(facts: ContainerFacts) -> bool:
    uid = ask_or(facts, lambda kernel: kernel.uid, None)
    if uid is not None:
        return 0 in (uid, *ask_or(facts, lambda kernel: kernel.other_uids, ()))
    return is_root(declared_user(facts)) and not own_user_namespace(facts)


def _lifted(spec: Spec) -> str:
    if spec[PRIVILEGED]:
        return "privileged: no masks"
    opened = [
        path for path in spec[UNMASK] if path == "ALL" or any(fnmatchcase(mask, path) for mask in _MASKS)
    ]
    return f"unmask {listed(opened)}" if opened else ""


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[PRIVILEGED]:
        raise CannotFix("privileged mode removes every mask", "Fix both at once (add --check privileged).")
    lost = ask(context.facts, lambda kernel: kernel.lost_masks)
    bare = bare_kernel_mounts(context.facts)
    if not spec[UNMASK] and (of_host := [row for row in bare if row.paths]):
        raise CannotFix(
            f"{visible(of_host[0].paths[0], 200)} is a {of_host[0].kind} file system that the host mounted",
            "Unmount it on the host, or remove the mount that shows it.",
        )
    if not spec[UNMASK] and bare:
        raise CannotFix(
            "/proc or /sys was mounted again after the start", "Find out by whom, then restart it."
        )
    if not spec[UNMASK] and isinstance(lost, frozenset) and lost:
        raise CannotFix("masks were removed by hand after the start", "Find out by whom, then restart it.")
    return spec.without(UNMASK)


_MASKED = frozenset({"/proc/kcore", "/proc/keys", "/proc/sys", "/proc/irq"})

_AGAIN = (KernelMount("/mnt", "proc", "rw,relatime"),)
_OF_A_CHROOT = (KernelMount("/c/proc", "proc", "rw", paths=("/srv/chroot/proc",)),)
_PIDS_ONLY = (KernelMount("/run/p", "proc", "rw,subset=pid"),)

CHECK = Check(
    title="Masked /proc and /sys paths exposed",
    severity=Severity.HIGH,  # kernel memory and settings; critical where they can be written
    points=2,
    takes_over=True,
    summary="Restore the default masks",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container(kernel=Kernel(7, masked_paths=_MASKED, lost_masks=frozenset(), mounts=())),
        container(
            (PID, "host"),
            kernel=Kernel(7, masked_paths=frozenset({"/proc/keys"}), mounts=()),
            engine=rootless(),
        ),
        container(kernel=Kernel(7, masked_paths=_MASKED, lost_masks=frozenset(), mounts=_PIDS_ONLY)),
    ),
    fails=lambda: (
        container((UNMASK, ("ALL",))),
        container((UNMASK, ("/proc/kcore",)), kernel=Kernel(7, masked_paths=_MASKED - {"/proc/kcore"})),
        container((PRIVILEGED, True), kernel=Kernel(7, masked_paths=frozenset({"/sys/fs/cgroup"}))),
        container(kernel=Kernel(7, masked_paths=_MASKED, lost_masks=frozenset({"/proc/timer_list"}))),
        container(kernel=Kernel(7, uid=0, masked_paths=_MASKED, lost_masks=frozenset(), mounts=_AGAIN)),
        container(kernel=Kernel(7, uid=0, masked_paths=_MASKED, lost_masks=frozenset(), mounts=_OF_A_CHROOT)),
    ),
    references=("NIST SP 800-190 4.4.3", "kube-linter unsafe-proc-mount"),
    catalogue="S10-07",
)
