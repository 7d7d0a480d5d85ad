"""The device filter of a container's cgroup."""

from __future__ import annotations

from msgspec import Struct

from hardentui.checks.prelude import *
from hardentui.reading.capabilities import WITH_PRIVILEGED, granted
from hardentui.reading.user_namespaces import maps_root_of_host, own_user_namespace

_MEMORY = "1"
_MEMORY_MINORS = ("1", "2", "4")
"""/dev/mem, /dev/kmem and /dev/port; the others of this driver are /dev/null and the like."""


_RAW_DISKS = ("21", "90", "162")
"""SCSI generic, flash memory and raw disks, see devices.txt of the kernel."""


def _fix_open_device_cgroup(spec: Spec, context: FixContext) -> Spec:
    if spec[PRIVILEGED]:
        raise CannotFix(
            "privileged mode turns the device filter off",
            joined(WITH_PRIVILEGED, "."),
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
    gives=Gain.HOST.after(1),  # with MKNOD, the host's disks
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
            gives=Gain.HOST.after(1),
        )
    rules = facts.spec[DEVICE_CGROUP_RULE]
    bad = tuple(rule for rule in rules if _is_open(rule))
    if bad:
        evidence = tuple(Evidence("--device-cgroup-rule", rule) for rule in bad)
        gives = _gained(facts, bad)
        why = (
            "disks or memory"
            if any(_opens_disk_or_memory(rule) for rule in bad)
            else "classes of devices"
        )
        return failed(
            f"{why} of the host are open: {listed(bad)}", listed(rules), "", evidence, gives
        )
    if _is_unfiltered(facts):
        shown = (Evidence("the runtime's configuration", "no linux.resources.devices"),)
        gives = Gain.HOST.after(int("CAP_MKNOD" not in granted(facts)))
        why = "it shares the user namespace of the host and has no device filter"
        return failed(
            why,
            listed(rules) or "no added rules",
            "no filter",
            shown,
            gives,
        )
    added = _since_start(facts)
    if added:
        evidence = tuple(Evidence(proc(facts, "cgroup, devices.list"), rule) for rule in added)
        why = f"opened after the start: {listed(added)}"
        gives = _gained(facts, added)
        return failed(
            why,
            listed(rules) or "no added rules",
            listed(added),
            evidence,
            gives,
        )
    if DEVICE_CGROUP_RULE in facts.spec.unknowable:
        return unknown("the engine does not show device rules, and the create command is not known")
    return passed(listed(rules) or "no added rules")


def _gained(facts: ContainerFacts, rules: tuple[str, ...]) -> Gained:
    reaches_disk = any(_opens_disk_or_memory(rule) for rule in rules) and "CAP_MKNOD" in granted(
        facts
    )
    at_once = reaches_disk and not own_user_namespace(facts)
    return Gain.HOST.at_once if at_once else Gain.HOST.after(1)


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
