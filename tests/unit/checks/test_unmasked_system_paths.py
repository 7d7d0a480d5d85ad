"""When open /proc and /sys paths hand over the host."""

import pytest

from hardentui.checks import CHECKS
from hardentui.harden.attack import attack_path
from hardentui.model.spec import Port
from tests.support.judging import *

CHECK = CHECKS["unmasked-system-paths"]
_MASKED = frozenset({"/proc/kcore", "/proc/keys", "/proc/irq"})
_ALL = _MASKED | {"/proc/sys"}
_AGAIN = (KernelMount("/mnt", "proc", "rw,relatime"),)
_CHROOT = KernelMount(
    "/c/proc",
    "proc",
    "rw",
    device="0:90",
    paths=("/srv/chroot/proc",),
)
_ITS_SYS = KernelMount(
    "/k", "proc", "rw", root="/sys", device="0:90", paths=("/srv/chroot/proc/sys",)
)


def facts(*values: Any, **kernel: Any) -> ContainerFacts:
    if not kernel:
        return container(*values)
    told = {
        "lost_masks": frozenset(),
        "other_uids": frozenset(),
        **kernel,
    }
    return container(*values, kernel=Kernel(7, **told))


def judged(subject: ContainerFacts) -> Finding:
    return run(
        subject,
        container_subject(subject),
        [(CHECK, Parameters())],
    )[0]


@pytest.mark.parametrize(
    "opened",
    [
        facts(
            (UNMASK, ("/proc/sys",)),
            uid=0,
            masked_paths=_MASKED,
        ),
        facts(
            uid=0,
            masked_paths=_ALL,
            mounts=_AGAIN,
        ),
        facts(
            uid=0,
            masked_paths=_ALL,
            mounts=(_CHROOT,),
        ),
        facts(
            uid=0,
            masked_paths=_ALL,
            mounts=(_ITS_SYS,),
        ),
        facts(
            uid=0,
            masked_paths=_ALL,
            mounts=(replace(_CHROOT, kind="binfmt_misc"),),
        ),
        facts(
            uid=1000,
            other_uids=frozenset({0}),
            masked_paths=_ALL,
            mounts=_AGAIN,
        ),
        facts(
            uid=0,
            masked_paths=_MASKED,
            lost_masks=frozenset({"/proc/sys"}),
        ),
        facts((UNMASK, ("/proc/*",))),
        facts((UNMASK, ("ALL",))),
    ],
)
def test_a_proc_sys_that_root_of_the_host_can_write_hands_over_the_host(
    opened: ContainerFacts,
) -> None:
    finding = judged(opened)
    assert (finding.status, finding.severity, finding.takes_over) == (
        Status.FAIL,
        Severity.CRITICAL,
        True,
    )
    assert "change the kernel's settings" in attack_path(opened, [finding])


@pytest.mark.parametrize(
    "less",
    [
        facts(
            (UNMASK, ("/proc/keys",)),
            uid=0,
            masked_paths=_ALL - {"/proc/keys"},
        ),
        facts(
            (UNMASK, ("/proc/sys",)),
            uid=1000,
            masked_paths=_MASKED,
        ),
        facts((UNMASK, ("ALL",)), (USER, "app")),
        facts(
            (UNMASK, ("ALL",)),
            (USER, "app"),
            (PUBLISH, (Port(8080, "80"),)),
        ),
        facts((UNMASK, ("ALL",)), (USERNS, "auto")),
        facts(
            (PRIVILEGED, True),
            uid=0,
            masked_paths=frozenset(),
        ),
        facts(
            uid=0,
            masked_paths=_ALL,
            mounts=(KernelMount("/mnt", "proc", "ro"),),
        ),
        facts(
            uid=0,
            masked_paths=_ALL,
            mounts=(KernelMount("/mnt", "sysfs", "rw"),),
        ),
        facts(
            uid=1000,
            masked_paths=_ALL,
            mounts=(_CHROOT,),
        ),
        *(
            facts(
                uid=0,
                masked_paths=_ALL,
                mounts=(replace(_CHROOT, kind=kind),),
            )
            for kind in ("configfs", "debugfs", "efivarfs", "tracefs")
        ),
    ],
)
def test_others_need_one_more_weakness(less: ContainerFacts) -> None:
    finding = judged(less)
    assert finding.status is Status.FAIL
    assert not finding.takes_over


@pytest.mark.parametrize(
    "shown",
    [
        KernelMount(
            "/host/proc",
            "proc",
            "ro",
            paths=("/proc",),
        ),
        KernelMount(
            "/k",
            "proc",
            "rw",
            root="/sys/kernel",
            paths=("/proc/sys/kernel",),
        ),
        replace(
            _CHROOT,
            root="/812/ns",
            paths=("/srv/chroot/proc/812/ns",),
        ),
        replace(_CHROOT, options="rw,subset=pid"),
        replace(_CHROOT, kind="tmpfs"),
        replace(
            _CHROOT,
            kind="debugfs",
            paths=("/sys/kernel/debug",),
        ),
    ],
)
def test_a_proc_of_the_host_is_a_mount_of_the_host_and_a_process_no_kernel(
    shown: KernelMount,
) -> None:
    assert (
        judged(
            facts(
                uid=0,
                masked_paths=_ALL,
                mounts=(shown,),
            )
        ).status
        is Status.PASS
    )


def test_what_the_host_has_mounted_is_removed_there() -> None:
    subject = facts(
        uid=0,
        masked_paths=_ALL,
        mounts=(_CHROOT,),
    )
    assert CHECK.remediate
    with pytest.raises(
        CannotFix, match=r"^/srv/chroot/proc is a proc file system that the host mounted"
    ):
        CHECK.remediate(subject.spec, FixContext(subject, Parameters()))


@pytest.mark.parametrize(
    ("options", "more", "severity"),
    [
        (
            {"type": "proc", "device": "proc"},
            (),
            Severity.CRITICAL,
        ),
        (
            {"type": "binfmt_misc", "device": "none"},
            (),
            Severity.CRITICAL,
        ),
        (
            {"type": "proc", "device": "proc", "o": "ro"},
            (),
            Severity.HIGH,
        ),
        (
            {"type": "proc", "device": "proc"},
            ((USERNS, "auto"),),
            Severity.HIGH,
        ),
        ({"type": "tmpfs", "device": "tmpfs"}, (), None),
        (
            {"type": "proc", "device": "proc", "o": "subset=pid"},
            (),
            None,
        ),
        (
            {"type": "binfmt_misc", "device": "none"},
            ((USERNS, "auto"),),
            None,
        ),
        ({}, (), None),
    ],
)
def test_before_the_start_the_type_of_a_volume_tells(
    options: dict[str, str],
    more: Any,
    severity: Severity | None,
) -> None:
    volumes = {
        "v": VolumeFacts(
            "v",
            {"Options": options, "Mountpoint": "/var/lib/volumes/v/_data"},
        )
    }
    created = container("--volume=v:/v", *more, volumes=volumes)
    finding = judged(created.replace(kernel=NotRunning("created")))
    assert (finding.status is Status.FAIL) is (severity is not None)
    assert severity is None or finding.verdict.severity in (severity, None)
    assert finding.takes_over is (severity is Severity.CRITICAL)


_OWN = KernelMount(
    "/sys",
    "sysfs",
    "ro",
    device="0:60",
)
_STORAGE = KernelMount(
    "/seen",
    "ext4",
    "rw",
    device="254:0",
    paths=("/var/lib/containers",),
)


@pytest.mark.parametrize(
    ("again", "status"),
    [
        (
            KernelMount(
                "/seen/overlay/1/merged/sys",
                "sysfs",
                "rw",
                device="0:60",
            ),
            Status.PASS,
        ),
        (
            KernelMount(
                "/seen/overlay/1/merged/sys",
                "sysfs",
                "rw",
                device="0:77",
            ),
            Status.FAIL,
        ),
        (
            KernelMount(
                "/other/sys",
                "sysfs",
                "rw",
                device="0:60",
            ),
            Status.FAIL,
        ),
        (
            KernelMount(
                "/seen/proc",
                "proc",
                "rw",
                device="0:78",
            ),
            Status.FAIL,
        ),
    ],
)
def test_its_own_sys_below_a_mount_of_the_storage_came_with_that_mount(
    again: KernelMount,
    status: Status,
) -> None:
    """Whether the kernel shows it there depends on the order in which the runtime mounts."""
    seen = facts(
        uid=0,
        masked_paths=_ALL,
        mounts=(_OWN, _STORAGE, again),
    )
    assert judged(seen).status is status
