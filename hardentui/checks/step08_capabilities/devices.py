"""Devices of the host, and privileged mode."""

from __future__ import annotations

from msgspec import Struct

from hardentui.checks.prelude import *
from hardentui.reading.capabilities import HOST_TAKEOVER, granted, reach
from hardentui.reading.mounts import (
    HostMount,
    at_or_above,
    came_from,
    host_mounts,
    maps_root_of_host,
    own_user_namespace,
)

_DISKS_AND_MEMORY = tuple(
    "/dev/" + name
    for name in (
        *(
            "sd",
            "hd",
            "vd",
            "xvd",
            "nvme",
            "mmcblk",
            "loop",
            "dm-",
            "mapper",
            "disk",
            "md",
            "nbd",
            "zram",
        ),
        *(
            "ram",
            "sr",
            "sg",
            "bsg",
            "mem",
            "kmem",
            "port",
            "raw",
            "cpu/",
            "mtd",
            "vfio",
            "drbd",
            "bcache",
        ),
    )
)
_NO_DEVICES = (
    "/dev/shm",
    "/dev/mqueue",
    "/dev/log",
    "/dev/hugepages",
    "/dev/pts",
    "/dev/stdin",
)
_HARMLESS = (
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
)


def _fix_host_devices(spec: Spec, context: FixContext) -> Spec:
    allowed = context.parameters.texts("allowed")
    kept = tuple(device for device in spec[DEVICES] if not _counts(device, allowed))
    if spec[PRIVILEGED]:
        raise CannotFix(
            "privileged mode brings every device", "Fix both at once (add --check privileged)."
        )
    bound = [
        mount for mount in _bound(context.facts.planned(spec)) if _device_of(mount) not in allowed
    ]
    if inherited := [mount for mount in bound if not mount.declared]:
        raise CannotFix(
            f"{_device_of(inherited[0])} {came_from(inherited[0])}", "Remove the mount there."
        )
    mounts = {mount.mount for mount in bound}
    spec = spec.with_(
        MOUNTS,
        tuple(mount for mount in spec[MOUNTS] if mount not in mounts),
    )
    return spec.without(GPUS).with_(DEVICES, kept)


_OF_A_DISK = RuntimeConfig(device_rules=frozenset({"b 253:0 rwm"}))


@Check(
    severity=Severity.MEDIUM,  # what the device is decides
    gain=Gain.HOST,
    points=1,
    summary="Remove the devices that are not needed",
    remediate=_fix_host_devices,
    parameters={"allowed": ()},
    passes=lambda: (
        "",
        "--device=/dev/urandom:/dev/random:r",
        container("-v /dev/log:/dev/log", engine=rootless()),
        container("-v /dev/fuse:/dev/fuse:nodev", engine=rootless()),
        "-v /dev/dri:/dev/dri",
        container(
            mounted=(
                MountedPath(
                    "/etc/hosts",
                    ("/etc/hosts",),
                    "bind",
                    "/dev/vda",
                ),
            ),
            engine=rootless(),
        ),
    ),
    fails=lambda: (
        "--device=/dev/sda:/dev/sda:r --device=/dev/null",
        container("--device=/dev/net/tun", engine=rootless()),
        container("-v /dev/fuse:/dev/app0:ro", engine=rootless()),
        "--gpus=all",
        container("--device=/dev/rtc0:/dev/data", runtime=_OF_A_DISK),
        "--privileged",
    ),
    references=("CIS Docker 1.6 5.18", "NIST SP 800-190 4.4.3"),
)
def host_devices(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Host devices accessible.

    What it checks:
    The devices that were passed in (`--device`, `--gpus`), and privileged mode, which brings all of
    them although inspect lists none. With a rootless engine no device cgroup stands in between, so
    a device that is mounted (`--volume /dev/fuse:/dev/fuse`) counts like one that was passed in.
    Disks and memory are critical, the kernel log is high, others (KVM, tun, FUSE, graphics, sound,
    serial ports) are medium. Harmless ones such as /dev/null do not count (parameter `allowed`).

    Why it matters:
    A disk device is the host's files without any permissions: mount it, or write to it, and the
    host is taken. Memory devices reveal every password in use. Other devices talk to drivers, which
    have more vulnerabilities than the rest of the kernel, or reach machines and networks behind
    them.

    What may break:
    The fix removes the devices, so whatever used them fails: hardware acceleration, VPN tunnels
    (/dev/net/tun), FUSE mounts, serial adapters. First put the ones that are needed into `allowed`,
    with `:r` if reading is enough.
    """
    if facts.spec[PRIVILEGED]:
        severity = Severity.HIGH if own_user_namespace(facts) else Severity.CRITICAL
        shown = (Evidence("HostConfig.Privileged", "true"),)
        return failed(
            "every device of the host is accessible",
            "privileged",
            "",
            shown,
            severity,
        )
    allowed = parameters.texts("allowed")
    bad = tuple(device for device in facts.spec[DEVICES] if _counts(device, allowed))
    bad += tuple(f"gpus={gpu}" for gpu in facts.spec[GPUS])
    bound = tuple(path for path in map(_device_of, _bound(facts)) if path not in allowed)
    bad += bound
    declared = listed((*facts.spec[DEVICES], *facts.spec[GPUS], *bound)) or "no devices"
    if not bad:
        return passed(declared)
    evidence = tuple(
        Evidence("--volume" if device in bound else "--device", device) for device in bad
    )
    mapped = own_user_namespace(facts)
    severity = max(_grade(_path(device), mapped) for device in bad)
    if disks := _disks(facts):
        severity = max(severity, Severity.HIGH if mapped else Severity.CRITICAL)
        evidence += tuple(Evidence("the runtime's configuration, devices", rule) for rule in disks)
    return failed(
        f"accessible: {listed(bad)}",
        declared,
        "",
        evidence,
        severity,
        things=bad,
    )


def _disks(facts: ContainerFacts) -> tuple[str, ...]:
    """Block devices that the runtime was told to allow. Inspect looks a device up by its number
    alone and may name a character device with the same one: /dev/rtc0 for the disk 253:0."""
    if not facts.spec[DEVICES]:
        return ()
    asked = {" ".join(rule.split()[:2]) for rule in facts.spec[DEVICE_CGROUP_RULE]}
    rules = (
        rule
        for rule in known(lambda: facts.runtime.device_rules, else_=())
        if rule.startswith("b ") and "*" not in rule
    )
    return tuple(
        sorted(
            r
            for r in rules
            if {"r", "w"} & {*r.split()[2]} and " ".join(r.split()[:2]) not in asked
        )
    )


def _bound(facts: ContainerFacts) -> list[HostMount]:
    """Mounted devices that can be opened; read-only makes no difference to a device."""
    if facts.engine.rootless is not True:
        return []
    return [mount for mount in host_mounts(facts) if _is_device(mount)]


def _is_device(mount: HostMount) -> bool:
    path = _device_of(mount)
    return (
        path.startswith("/dev/")
        and path not in _HARMLESS
        and not any(at_or_above(other, path) for other in _NO_DEVICES)
        and "nodev" not in (mount.options or mount.mount.options)
    )


def _device_of(mount: HostMount) -> str:
    """Its path below /dev. The kernel names the file behind it where /dev/fuse is itself a mount,
    and for whatever nobody asked for the file system's disk as its source."""
    asked = (mount.mount.source,) if mount.declared else ()
    return next(
        (path for path in (*mount.paths, *asked) if path.startswith("/dev/")),
        "",
    )


def _path(device: str) -> str:
    return device.partition(":")[0]


def _counts(device: str, allowed: tuple[str, ...]) -> bool:
    return _path(device) not in (*_HARMLESS, *allowed)


def _grade(path: str, mapped: bool) -> Severity:
    if path == "/dev/kmsg":
        return Severity.HIGH
    if path.rstrip("/") == "/dev" or path.startswith(_DISKS_AND_MEMORY):
        return Severity.HIGH if mapped else Severity.CRITICAL
    return Severity.MEDIUM


_MEMORY = "1"
_MEMORY_MINORS = ("1", "2", "4")
"""/dev/mem, /dev/kmem and /dev/port; the others of this driver are /dev/null and the like."""
_RAW_DISKS = ("21", "90", "162")
"""SCSI generic, flash memory and raw disks, see devices.txt of the kernel."""


def _fix_open_device_cgroup(spec: Spec, context: FixContext) -> Spec:
    if spec[PRIVILEGED]:
        raise CannotFix(
            "privileged mode turns the device filter off",
            "Fix both at once (add --check privileged).",
        )
    kept = tuple(rule for rule in spec[DEVICE_CGROUP_RULE] if not _is_open(rule))
    if kept == spec[DEVICE_CGROUP_RULE] and _is_unfiltered(context.facts):
        raise CannotFix(
            "Podman made it without a device filter; no option adds one",
            "Create it again: fix host-user-namespace, or any other finding whose fix does so.",
        )
    if kept == spec[DEVICE_CGROUP_RULE] and _since_start(context.facts):
        raise CannotFix(
            "devices were opened by hand after the start", "Find out by whom, then restart it."
        )
    return spec.with_(DEVICE_CGROUP_RULE, kept)


_WITH_DISK = RuntimeConfig(device_rules=frozenset({"b 8:0 r"}))


@Check(
    severity=Severity.HIGH,  # with MKNOD, the host's disks
    gain=Gain.HOST,
    points=1,
    summary="Remove the rules that allow disks or whole device classes",
    remediate=_fix_open_device_cgroup,
    passes=lambda: (
        "",
        (
            "--device-cgroup-rule='c *:* m' --device-cgroup-rule='c 188:* rw' --device-cgroup-rule='c "
            "1:3 rwm'"
        ),
        container("--privileged", engine=rootless()),
        container(
            kernel=_filter("c 1:3 rwm", "b 8:0 r"),
            runtime=_WITH_DISK,
        ),
        container(
            kernel=Kernel(
                7,
                device_rules=("a *:* rwm",),
                host_user_namespace=False,
            ),
            runtime=RuntimeConfig(),
        ),
        container(
            runtime=RuntimeConfig(device_filter=False), kernel=Kernel(7, host_user_namespace=False)
        ),
    ),
    fails=lambda: (
        "--device-cgroup-rule='b *:* rwm' --device-cgroup-rule='c 188:* rw'",
        "--device-cgroup-rule=a",
        "--device-cgroup-rule='b 8:* r'",
        "--device-cgroup-rule='b 8:1 r'",
        "--device-cgroup-rule='b 8:1 rwm' --cap-add=MKNOD",
        "--privileged",
        container(
            kernel=_filter("a *:* rwm"),
            runtime=RuntimeConfig(),
        ),
        container(
            kernel=_filter("b 8:0 rw"),
            runtime=_WITH_DISK,
        ),
        container(
            runtime=RuntimeConfig(device_filter=False), kernel=Kernel(7, host_user_namespace=True)
        ),
    ),
    references=("CIS Docker 1.6 5.18", "NIST SP 800-190 4.5.5"),
)
def open_device_cgroup(facts: ContainerFacts) -> Verdict:
    """Device cgroup allows disks or whole device classes.

    What it checks:
    Rules set with `--device-cgroup-rule` that open every device, every device of a type, a disk or
    the memory of the host for reading or writing, and privileged mode, which turns the filter off.
    The runtime's configuration shows whether there is a filter at all: Podman leaves it out if it
    expects a user namespace, which a container made through the API may not get. A rule that only
    allows creating nodes (`m`) is what Podman grants anyway. On cgroup v1, where the kernel shows
    the filter, also what was opened after the start counts. With MKNOD and no user namespace of its
    own, a rule for disks hands over the host, whenever it was added. Rootless containers have no
    device filter: there, the permissions of the device files decide.

    Why it matters:
    The filter is what makes MKNOD harmless: a device file can be created, but not opened. With a
    rule such as `b *:* rwm`, a process creates a file for the host's disk and reads or writes it
    block by block, past all permissions.

    What may break:
    Devices plugged in later that the rule was meant for (USB serial ports, cameras). Use the major
    number of that one driver instead of `*`. Programs that work on a disk itself need it: pass that
    one disk with `--device`.
    """
    if facts.engine.rootless is True:
        return not_applicable("rootless containers have no device filter")
    if without_cgroup(facts):
        return not_applicable("no cgroup, and so no device filter (see disabled-cgroups)")
    if facts.spec[PRIVILEGED]:
        shown = (Evidence("HostConfig.Privileged", "true"),)
        why = "privileged mode turns the device filter off"
        return failed(
            why,
            "privileged",
            evidence=shown,
            severity=Severity.HIGH,
        )
    rules = facts.spec[DEVICE_CGROUP_RULE]
    bad = tuple(rule for rule in rules if _is_open(rule))
    if bad:
        evidence = tuple(Evidence("--device-cgroup-rule", rule) for rule in bad)
        severity = _severity(facts, bad)
        why = (
            "disks or memory"
            if any(_opens_disk_or_memory(rule) for rule in bad)
            else "classes of devices"
        )
        return failed(
            f"{why} of the host are open: {listed(bad)}", listed(rules), "", evidence, severity
        )
    if _is_unfiltered(facts):
        shown = (Evidence("the runtime's configuration", "no linux.resources.devices"),)
        severity = Severity.CRITICAL if "CAP_MKNOD" in granted(facts) else Severity.HIGH
        why = "it shares the user namespace of the host and has no device filter"
        return failed(
            why,
            listed(rules) or "no added rules",
            "no filter",
            shown,
            severity,
        )
    added = _since_start(facts)
    if added:
        evidence = tuple(Evidence(proc(facts, "cgroup, devices.list"), rule) for rule in added)
        why = f"opened after the start: {listed(added)}"
        severity = _severity(facts, added)
        return failed(
            why,
            listed(rules) or "no added rules",
            listed(added),
            evidence,
            severity,
        )
    if DEVICE_CGROUP_RULE in facts.spec.unknowable:
        return unknown("the engine does not show device rules, and the create command is not known")
    return passed(listed(rules) or "no added rules")


def _severity(facts: ContainerFacts, rules: tuple[str, ...]) -> Severity:
    reaches_disk = any(_opens_disk_or_memory(rule) for rule in rules) and "CAP_MKNOD" in granted(
        facts
    )
    return Severity.CRITICAL if reaches_disk and not own_user_namespace(facts) else Severity.HIGH


def _since_start(facts: ContainerFacts) -> tuple[str, ...]:
    """Open rules in the kernel's filter that the runtime has not made.

    In another user namespace nobody can create device files, and the runtime leaves the filter
    open.
    """
    kernel = facts.kernel
    if isinstance(kernel, NotRunning) or not kernel.host_user_namespace:
        return ()
    rules = kernel.device_rules or ()
    if not rules or not facts.runtime.device_filter:
        return ()
    made = {_place(rule): _access(rule) for rule in facts.runtime.device_rules}
    return tuple(
        rule
        for rule in rules
        if _is_open(rule) and not _access(rule) <= made.get(_place(rule), frozenset())
    )


def _place(rule: str) -> str:
    return " ".join(rule.split()[:2])


def _access(rule: str) -> frozenset[str]:
    return frozenset("".join(rule.split()[2:3]))


def _is_unfiltered(facts: ContainerFacts) -> bool:
    """Whether it was started without a filter and in the user namespace of the host.

    In another one, no device file can be made, and only those of the container can be opened.
    """
    if is_planned(facts):
        return False
    if isinstance(facts.kernel, Kernel):
        return facts.kernel.host_user_namespace and not facts.runtime.device_filter
    # one that was never started gets its filter at the start
    unfiltered = not known(lambda: facts.runtime.device_filter, else_=True)
    return unfiltered and not own_user_namespace(facts) and not maps_root_of_host(facts)


class _Rule(Struct, frozen=True):
    """`TYPE MAJOR:MINOR ACCESS`, as the device filter reads it."""

    kind: str
    major: str
    minor: str
    access: str


def _parsed(rule: str) -> _Rule | None:
    words = rule.split()
    if not words:
        return None
    major, _, minor = (words[1] if len(words) > 1 else "*:*").partition(":")
    return _Rule(
        words[0],
        major,
        minor or "*",
        words[2] if len(words) > 2 else "rwm",
    )


def _is_open(rule: str) -> bool:
    """`b *:* rwm`, `a`, `c *:* rw`: more than one driver; or what holds the data of the host."""
    parsed = _parsed(rule)
    if parsed is None or not set(parsed.access) & {"r", "w"}:
        return False
    return parsed.major == "*" or parsed.kind == "a" or _opens_disk_or_memory(rule)


def _opens_disk_or_memory(rule: str) -> bool:
    parsed = _parsed(rule)
    if parsed is None or not set(parsed.access) & {"r", "w"}:
        return False
    if parsed.kind in ("a", "b"):
        return True
    if parsed.major == _MEMORY and parsed.minor not in ("*", *_MEMORY_MINORS):
        return False
    return parsed.kind == "c" and parsed.major in ("*", _MEMORY, *_RAW_DISKS)


def _filter(*rules: str) -> Kernel:
    return Kernel(
        7,
        device_rules=rules,
        host_user_namespace=True,
    )


_NEEDED = HOST_TAKEOVER - {"CAP_BPF"}  # missing on older kernels


def _fix_privileged(spec: Spec, context: FixContext) -> Spec:
    if spec[PRIVILEGED] and any(path.lower() == "all" for path in spec[UNMASK]):
        spec = spec.without(
            UNMASK
        )  # part of privileged mode, but inspect shows it as a separate option
    if _equal_by_options(spec):
        unwanted = HOST_TAKEOVER | {"all"}
        kept = tuple(word for word in spec[CAP_ADD] if capability_name(word) not in unwanted)
        spec = spec.without(SECCOMP_PROFILE).with_(CAP_ADD, kept)
    return spec.without(PRIVILEGED)


_ALL = CapabilitySets(
    bounding=ALL_CAPABILITIES,
    effective=ALL_CAPABILITIES,
)

_SOME = CapabilitySets(bounding=frozenset({"CAP_CHOWN"}))


@Check(
    severity=Severity.CRITICAL,  # all rights on the host
    gain=Gain.HOST,
    points=2,
    summary="Turn off privileged mode and grant only what is needed",
    remediate=_fix_privileged,
    passes=lambda: (
        "",
        container(
            kernel=Kernel(
                7,
                capabilities=_SOME,
                seccomp_mode=2,
            )
        ),
        container(
            "--privileged",
            kernel=Kernel(
                7,
                capabilities=_SOME,
                seccomp_mode=2,
            ),
        ),
        container(kernel=Kernel(7, capabilities=_ALL, seccomp_mode=2)),
    ),
    fails=lambda: (
        "--privileged",
        container("--privileged --security-opt=unmask=ALL", engine=rootless()),
        "--cap-add=ALL --security-opt=seccomp=unconfined",
        container(
            (CAP_ADD, tuple(sorted(ALL_CAPABILITIES))),
            (SECCOMP_PROFILE, "unconfined"),
        ),
    ),
    references=("CIS Docker 1.6 5.5", "NIST SP 800-190 4.4.3", "OWASP Docker rule 3"),
    contextual=True,
)
def privileged(facts: ContainerFacts) -> Verdict:
    """Privileged container.

    What it checks:
    Whether `--privileged` is set, or the container is equivalent: every host-takeover capability
    and no seccomp filter. Anybody can set the annotation by which Podman reports privileged mode,
    so the running process decides. Its security options show only `unmask=all`, so nothing else in
    inspect helps.

    Why it matters:
    A privileged container is the host with another filesystem: all capabilities, all devices, no
    seccomp filter, no masks on /proc and /sys, no SELinux or AppArmor. An attacker mounts the
    host's disk, or writes a helper into /proc/sys/kernel/core_pattern, and is root on the host with
    two commands. With a rootless engine, they get everything that the user has.

    What may break:
    Whatever needed one of those rights, often just one: a device (`--device`), a capability
    (`--cap-add`), a kernel setting (`--sysctl`), a mount. Nested engines and tools that manage the
    host need more. Grant what is needed individually; a trial shows what is missing.
    """
    live = ask(facts, _is_equivalent)
    if facts.spec[PRIVILEGED] and not _is_only_annotated(facts):
        effective = live[1] if isinstance(live, tuple) else ""
        return failed(
            "full access to the host",
            "privileged",
            effective,
        )
    return judge(
        live,
        lambda answer: answer,
        declared_bad=_equal_by_options(facts.spec),
        declared="all capabilities, no seccomp filter"
        if _equal_by_options(facts.spec)
        else "not privileged",
        reason="equivalent to a privileged container",
        where=proc(facts),
    )


def _is_only_annotated(facts: ContainerFacts) -> bool:
    """Whether only the annotation says privileged, while the process lacks the capabilities."""
    sets = ask(facts, lambda kernel: kernel.capabilities)
    return isinstance(sets, CapabilitySets) and not sets.bounding >= _NEEDED


def _is_equivalent(kernel: Kernel) -> tuple[bool, str]:
    """Whether the running process is equivalent to a privileged one, with the values as text."""
    sets, seccomp = kernel.capabilities, kernel.seccomp_mode
    return reach(
        sets
    ) >= _NEEDED and seccomp == 0, f"CapBnd {len(sets.bounding)}, Seccomp {seccomp}"


def _equal_by_options(spec: Spec) -> bool:
    added = {capability_name(word) for word in spec[CAP_ADD]}
    every = "all" in added or added >= _NEEDED  # inspect lists them all for `--cap-add=all`
    return every and spec[SECCOMP_PROFILE] == "unconfined"
