"""Devices of the host that a container was given."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.options import DEVICE_CGROUP_RULE, DEVICES, PRIVILEGED

_DISKS = tuple(
    "/dev/" + name
    for name in "sd hd vd xvd nvme mmcblk loop dm- mapper disk md nbd zram drbd bcache".split()
)
_DISKS_AND_MEMORY = (
    *_DISKS,
    *("/dev/" + name for name in "ram sr sg bsg mem kmem port raw cpu/ mtd vfio".split()),
)


def path_of(device: str) -> str:
    """The host's path in a value of `--device`."""
    return device.partition(":")[0]


def is_disk_or_memory(path: str) -> bool:
    """Whether this device, or directory of devices, is a disk or the memory of the host."""
    return path.rstrip("/") == "/dev" or path.startswith(_DISKS_AND_MEMORY)


def disk_devices(facts: ContainerFacts) -> tuple[str, ...]:
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


def has_a_disk(facts: ContainerFacts) -> bool:
    """Whether a disk of the host can be opened in it by whoever its permissions allow: passed in,
    or by privileged mode, which brings all."""
    given = any(path_of(device).startswith(_DISKS) for device in facts.spec[DEVICES])
    return facts.spec[PRIVILEGED] or given or bool(disk_devices(facts))
