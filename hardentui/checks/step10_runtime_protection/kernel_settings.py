"""Kernel paths and sysctls."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hardentui.checks.prelude import *
from hardentui.reading.capabilities import WITH_PRIVILEGED
from hardentui.reading.mounts import bare_kernel_mounts
from hardentui.reading.networks import modes, uses_network_of_pod
from hardentui.reading.user_namespaces import own_user_namespace

_HIDDEN = frozenset(
    "/proc/kcore /proc/keys /proc/timer_list /proc/acpi /proc/scsi /sys/firmware".split()
)
_SETTINGS = ("proc", "binfmt_misc")
_PROTECTED = frozenset({"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"})

_MASKS = (
    _HIDDEN
    | _PROTECTED
    | {
        "/proc/asound",
        "/proc/interrupts",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/timer_stats",
    }
    | {"/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/fs/selinux"}
)
"""What Podman masks or makes read-only; lifting any other path changes nothing."""


def _fix_unmasked_system_paths(spec: Spec, context: FixContext) -> Spec:
    if spec[PRIVILEGED]:
        raise CannotFix("privileged mode removes every mask", joined(WITH_PRIVILEGED, "."))
    lost = ask(context.facts, lambda kernel: kernel.lost_masks)
    bare = bare_kernel_mounts(context.facts)
    if not spec[UNMASK] and (of_host := [row for row in bare if row.paths]):
        raise CannotFix(
            f"{visible(of_host[0].paths[0], 200)} is a {of_host[0].kind} file system that the host "
            "mounted",
            "Unmount it on the host, or remove the mount that shows it.",
        )
    if not spec[UNMASK] and bare:
        raise CannotFix(
            "/proc or /sys was mounted again after the start", "Find out by whom, then restart it."
        )
    if not spec[UNMASK] and isinstance(lost, frozenset) and lost:
        raise CannotFix(
            "masks were removed by hand after the start", "Find out by whom, then restart it."
        )
    return spec.without(UNMASK)


_MASKED = frozenset({"/proc/kcore", "/proc/keys", "/proc/sys", "/proc/irq"})

_AGAIN = (KernelMount("/mnt", "proc", "rw,relatime"),)

_OF_A_CHROOT = (
    KernelMount(
        "/c/proc",
        "proc",
        "rw",
        paths=("/srv/chroot/proc",),
    ),
)

_PIDS_ONLY = (KernelMount("/run/p", "proc", "rw,subset=pid"),)


@Check(
    gives=Gain.HOST.after(1),  # kernel memory and settings; critical where they can be written
    points=2,
    summary="Restore the default masks",
    remediate=_fix_unmasked_system_paths,
    passes=lambda: (
        "",
        container(
            kernel=Kernel(
                7,
                masked_paths=_MASKED,
                lost_masks=frozenset(),
                mounts=(),
            )
        ),
        container(
            "--pid=host",
            kernel=Kernel(
                7,
                masked_paths=frozenset({"/proc/keys"}),
                mounts=(),
            ),
            engine=rootless(),
        ),
        container(
            kernel=Kernel(
                7,
                masked_paths=_MASKED,
                lost_masks=frozenset(),
                mounts=_PIDS_ONLY,
            )
        ),
    ),
    fails=lambda: (
        "--security-opt=unmask=ALL",
        container(
            "--security-opt=unmask=/proc/kcore",
            kernel=Kernel(7, masked_paths=_MASKED - {"/proc/kcore"}),
        ),
        container(
            "--privileged",
            kernel=Kernel(7, masked_paths=frozenset({"/sys/fs/cgroup"})),
        ),
        container(
            kernel=Kernel(
                7,
                masked_paths=_MASKED,
                lost_masks=frozenset({"/proc/timer_list"}),
            )
        ),
        container(
            kernel=Kernel(
                7,
                uid=0,
                masked_paths=_MASKED,
                lost_masks=frozenset(),
                mounts=_AGAIN,
            )
        ),
        container(
            kernel=Kernel(
                7, uid=0, masked_paths=_MASKED, lost_masks=frozenset(), mounts=_OF_A_CHROOT
            )
        ),
    ),
    references=("NIST SP 800-190 4.4.3", "kube-linter unsafe-proc-mount"),
)
def unmasked_system_paths(facts: ContainerFacts) -> Verdict:
    """Masked /proc and /sys paths exposed.

    What it checks:
    Whether default masks were removed with `unmask`, or all of them by privileged mode. For a
    running container, the mounts over /proc and /sys decide: some path must be hidden (such as
    /proc/kcore, /proc/keys, /sys/firmware), and some must be write-protected (such as /proc/sys,
    /proc/irq). None of those that the runtime made at the start may be gone, and no second /proc or
    /sys may be mounted over them or elsewhere, not even one that the host mounted for a chroot or
    as a volume (`podman volume create -o type=proc`). The same goes for binfmt_misc, configfs,
    debugfs, efivarfs and tracefs without a user namespace. A /proc/sys that root of the host can
    write is critical: it needs no other weakness.

    Why it matters:
    These files belong to the whole machine, not to a container. /proc/kcore is its memory,
    /proc/keys its key rings; writing to /proc/sys/kernel/core_pattern or /proc/sysrq-trigger runs a
    program as root on the host, or reboots it. Root in a container needs nothing else if the masks
    are gone and there is no user namespace.

    What may break:
    Nested engines and tools that set kernel parameters from inside. For parameters that belong to
    the container's own namespaces, use `--sysctl`; set the others on the host.
    """
    live = ask(facts, lambda kernel: kernel.masked_paths)
    lifted = _lifted(facts.spec)
    if UNMASK in facts.spec.unknowable and isinstance(live, NotRunning | Unread) and not lifted:
        return unknown(
            "the engine does not show removed masks, and the running process cannot be inspected"
        )
    writable_anyhow = (
        facts.engine.rootless is True and facts.spec[PID] == "host"
    )  # Podman's own rule

    gives = _at_once(facts, live)
    if bare := bare_kernel_mounts(facts):
        points = [row.point for row in bare]
        shown = tuple(
            Evidence(proc(facts, "mountinfo"), f"{row.kind} at {row.point}") for row in bare
        )
        why = f"the kernel's files are mounted without masks: {listed(points)}"
        return failed(
            why, lifted or "default masks", f"no masks below {listed(points)}", shown, gives
        )
    lost = ask(facts, lambda kernel: kernel.lost_masks)
    if isinstance(lost, frozenset) and lost and not lifted:
        gone = tuple(sorted(lost))
        return failed(
            f"masks were removed after the start: {listed(gone)}",
            "default masks",
            f"not masked: {listed(gone)}",
            (Evidence(proc(facts, "mountinfo"), f"nothing covers {listed(gone)}"),),
            gives,
        )

    def assess(masked: frozenset[str]) -> tuple[bool, str]:
        bad = not masked & _HIDDEN or not (masked & _PROTECTED or writable_anyhow)
        shown = listed(masked, 6) if masked else "no masks"
        return bad or bool(lifted), shown

    verdict = judge(
        live,
        assess,
        declared_bad=bool(lifted),
        declared=lifted or "default masks",
        reason="files of the whole machine are accessible through /proc and /sys",
        where=proc(facts, "mountinfo"),
        gives=gives,
    )
    return sure(verdict, ask(facts, lambda kernel: kernel.mounts))


def _at_once(
    facts: ContainerFacts,
    live: frozenset[str] | Unread | NotRunning,
) -> Gained | None:
    """What root of the host has who can write /proc/sys, which names the program that the kernel
    runs as root for the next crash, core(5), or for programs of a format: with the flag F of
    binfmt_misc (binfmt-misc.rst of the kernel) that one comes from the container. Privileged mode
    has a check of its own."""
    if facts.spec[PRIVILEGED]:
        return None
    rows = [row for row in bare_kernel_mounts(facts) if row.kind in _SETTINGS and not row.read_only]
    if isinstance(live, frozenset):
        opened = "/proc/sys" not in live
    else:
        opened = any(path == "ALL" or fnmatchcase("/proc/sys", path) for path in facts.spec[UNMASK])
    return Gain.HOST.at_once if (rows or opened) and _is_root_of_host(facts) else None


def _is_root_of_host(facts: ContainerFacts) -> bool:
    uid = ask_or(facts, lambda kernel: kernel.uid, None)
    if uid is not None:
        return 0 in (
            uid,
            *ask_or(facts, lambda kernel: kernel.other_uids, ()),
        )
    return is_root(declared_user(facts)) and not own_user_namespace(facts)


def _lifted(spec: Spec) -> str:
    if spec[PRIVILEGED]:
        return "privileged: no masks"
    opened = [
        path
        for path in spec[UNMASK]
        if path == "ALL" or any(fnmatchcase(mask, path) for mask in _MASKS)
    ]
    return f"unmask {listed(opened)}" if opened else ""


_SAFE = tuple(
    "kernel.shm_rmid_forced net.core.somaxconn net.ipv4.conf.all.src_valid_mark "
    "net.ipv4.conf.default.src_valid_mark net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports "
    "net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range net.ipv4.tcp_fin_timeout "
    "net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_keepalive_time "
    "net.ipv4.tcp_rmem net.ipv4.tcp_syncookies net.ipv4.tcp_tw_reuse net.ipv4.tcp_wmem "
    "net.ipv6.conf.all.disable_ipv6 net.ipv6.conf.default.disable_ipv6".split()
)

_OFF = "net.ipv4.tcp_syncookies=0"
"""Turns off what it is on the list for: ip-sysctl.rst of the kernel."""
_BORROWED = frozenset({"container", "ns"})


def _fix_unsafe_sysctls(spec: Spec, context: FixContext) -> Spec:
    safe = context.parameters.texts("safe")
    of_engine = [s for s in _of_engine(context.facts, spec[SYSCTL]) if not _is_safe(s, safe)]
    if of_engine and all(_is_safe(setting, safe) for setting in spec[SYSCTL]):
        raise CannotFix(
            f"the engine sets {listed([_name(setting) for setting in of_engine])} for all "
            "containers",
            "Remove it from default_sysctls in containers.conf, then recreate the container.",
        )
    return spec.with_(
        SYSCTL,
        tuple(setting for setting in spec[SYSCTL] if _is_safe(setting, safe)),
    )


@Check(
    gives=Gain.HOST.after(2),  # a setting of its namespace that is not known to be harmless
    points=1,
    summary="Remove the sysctls that are not on the list",
    remediate=_fix_unsafe_sysctls,
    parameters={"safe": _SAFE},
    passes=("", "--sysctl=net.ipv4.ip_unprivileged_port_start=80"),
    fails=lambda: (
        "--sysctl=net.ipv4.ip_forward=1 --sysctl=net.ipv4.tcp_syncookies=1",
        "--sysctl=kernel.msgmax=65536",
        "--sysctl='net.ipv4.tcp_syncookies = 0'",
        container(runtime=RuntimeConfig(sysctl={"net.ipv4.ip_forward": "1"})),
    ),
    references=("NIST SP 800-190 4.4.3", "kube-linter unsafe-sysctls"),
)
def unsafe_sysctls(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Sysctls not known to be safe.

    What it checks:
    The sysctls set with `--sysctl` or by the engine (`default_sysctls` in containers.conf),
    compared with a list of those that belong to the container's own namespaces and affect nobody
    else (parameter `safe`). Inspect does not show them; they come from the command that created the
    container, and from the configuration that its runtime got at the last start. Those of a shared
    network belong to its owner: the pod or the other container. What was changed in a running
    container is not seen: the kernel shows it only from inside.

    Why it matters:
    A sysctl outside the list may weaken the container (packet forwarding, accepting redirects,
    larger shared memory) or use kernel memory that no limit counts. Often it was copied from a
    guide for a whole host.

    What may break:
    Whatever the sysctl was set for: message queues of old databases (kernel.msg*), shared memory
    (kernel.shm*), VPN and routing (net.ipv4.ip_forward). Add those that are needed to `safe`, with
    a reason.
    """
    given = facts.spec[SYSCTL]
    of_engine = () if is_planned(facts) else _of_engine(facts, given)
    safe = parameters.texts("safe")
    bad = tuple(setting for setting in (*given, *of_engine) if not _is_safe(setting, safe))
    if bad:
        evidence = tuple(
            Evidence(
                "--sysctl" if setting in given else "the runtime's configuration",
                setting,
            )
            for setting in bad
        )
        return failed(
            f"sets {listed([_name(setting) for setting in bad])}", listed(given), "", evidence
        )
    if SYSCTL in facts.spec.unknowable:
        return unknown("the engine does not show sysctls, and the create command is not known")
    if uses_network_of_pod(facts):
        return not_applicable(
            "the sysctls of its network belong to the pod; see the pod's infra container"
        )
    if modes(facts.spec) & _BORROWED:
        return not_applicable(
            "the sysctls of its network are those of another container, where this check applies"
        )
    return passed(listed(given) or "no sysctls")


def _of_engine(
    facts: ContainerFacts,
    given: tuple[str, ...],
) -> tuple[str, ...]:
    """Sysctls in the runtime's configuration that the container does not declare. One that was
    never started has none yet."""
    sysctls: Mapping[str, str] = (
        facts.runtime.sysctl if facts.running else known(lambda: facts.runtime.sysctl, else_={})
    )
    declared = {_name(setting) for setting in given}
    return tuple(
        f"{name}={value}" for name, value in sorted(sysctls.items()) if name not in declared
    )


def _is_safe(setting: str, safe: tuple[str, ...]) -> bool:
    value = setting.partition("=")[2].strip()
    return _name(setting) in safe and f"{_name(setting)}={value}" != _OFF


def _name(setting: str) -> str:
    return setting.partition("=")[0].strip().replace("/", ".")
