"""Devices of the host, and privileged mode."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.mount import HostMount
from hardentui.reading.capabilities import WITH_PRIVILEGED
from hardentui.reading.devices import disk_devices, is_disk_or_memory, path_of
from hardentui.reading.mounts import at_or_above, came_from, host_mounts
from hardentui.reading.user_namespaces import own_user_namespace

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
        raise CannotFix("privileged mode brings every device", joined(WITH_PRIVILEGED, "."))
    bound = [
        mount for mount in _bound(context.facts.planned(spec)) if _device_of(mount) not in allowed
    ]
    if inherited := [mount for mount in bound if not mount.declared]:
        raise CannotFix(
            f"{_device_of(inherited[0])} {came_from(inherited[0])}", "Remove the mount there."
        )
    mounts = {mount.asked for mount in bound}
    spec = spec.with_(
        MOUNTS,
        tuple(mount for mount in spec[MOUNTS] if mount not in mounts),
    )
    return spec.without(GPUS).with_(DEVICES, kept)


_OF_A_DISK = RuntimeConfig(device_rules=frozenset({"b 253:0 rwm"}))


@Check(
    gives=Gain.HOST.after(2),  # what the device is decides
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
                HostMount(
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
        gives = Gain.HOST.after(int(own_user_namespace(facts)))
        shown = (Evidence("HostConfig.Privileged", "true"),)
        return failed(
            "every device of the host is accessible",
            "privileged",
            "",
            shown,
            gives,
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
    steps = min(_steps(path_of(device), mapped=mapped) for device in bad)
    if disks := disk_devices(facts):
        steps = min(steps, int(mapped))
        evidence += tuple(Evidence("the runtime's configuration, devices", rule) for rule in disks)
    return failed(
        f"accessible: {listed(bad)}",
        declared,
        "",
        evidence,
        Gain.HOST.after(steps),
        things=bad,
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
        and "nodev" not in mount.options
    )


def _device_of(mount: HostMount) -> str:
    """Its path below /dev. The kernel names the file behind it where /dev/fuse is itself a mount,
    and for whatever nobody asked for the file system's disk as its source."""
    asked = (mount.asked.source,) if mount.declared else ()
    return next(
        (path for path in (*mount.paths, *asked) if path.startswith("/dev/")),
        "",
    )


def _counts(device: str, allowed: tuple[str, ...]) -> bool:
    return path_of(device) not in (*_HARMLESS, *allowed)


def _steps(path: str, *, mapped: bool) -> int:
    """To the host: a disk or the memory is the host; the kernel's messages show its addresses, and
    another driver needs a hole."""
    if path == "/dev/kmsg":
        return 1
    if is_disk_or_memory(path):
        return int(mapped)
    return 2
