"""The whole table: every flavour on every engine that it is for, and what nobody can tell by looking."""

from __future__ import annotations

from collections.abc import Iterator

from tests.live.flavours import auditor, confinement, mounts, others, privileges, surroundings, truths
from tests.live.flavours.model import Flavour

FLAVOURS: tuple[Flavour, ...] = (
    *privileges.FLAVOURS,
    *confinement.FLAVOURS,
    *surroundings.FLAVOURS,
    *others.FLAVOURS,
    *truths.FLAVOURS,
    *mounts.FLAVOURS,
    *auditor.FLAVOURS,
)

MACHINE_DECIDES = {
    "reachable-cloud-metadata": "it depends on whether the tests run in a cloud",
    "missing-vulnerability-scan": "it depends on the reports that are kept where the tests run",
    "apparmor-unconfined": "it depends on the security module of the machine that runs the tests",
    "apparmor-complain-mode": "it depends on the security module of the machine that runs the tests",
    "selinux-disabled": "it depends on the security module of the machine that runs the tests",
    "shared-mcs-categories": "it depends on the security module of the machine that runs the tests",
    "relabelled-system-directory": "it depends on the security module of the machine that runs the tests",
    "runtime-denials": "it depends on how far back the kernel's buffer of the machine goes",
}
"""Checks without a verdict here: tests on a host with SELinux and AppArmor judge them."""

NOT_LOOKED_AT = {
    **dict.fromkeys(
        (
            *("credentials-in-layers", "end-of-life-image", "setuid-files-in-image", "tools-in-image"),
            *("weak-accounts-in-image", "world-writable-files-in-image", "remote-login-in-image"),
        ),
        "a scan of containers does not read the files of images",
    ),
    **dict.fromkeys(
        ("exploited-vulnerabilities", "fixable-vulnerabilities"),
        "no scanner is installed where the tests run",
    ),
    "outdated-tag": "no registry was asked",
}
"""What a scan leaves out: the answer must be unknown (or not applicable), never a pass."""


INFRA_UNKNOWN = {
    "undeclared-published-port": "the pod's ports are served by its members, whose images are not at hand",
    "unsafe-sysctls": "its options leave no trace while it has not started",
    "open-device-cgroup": "its options leave no trace while it has not started",
    "unmasked-system-paths": "its options leave no trace while it has not started",
    "loose-secret": "its options leave no trace while it has not started",
}
"""What may be unknown of the infra container of a pod."""


def on(engine: str) -> Iterator[Flavour]:
    """The flavours for an engine."""
    return (flavour for flavour in FLAVOURS if engine in flavour.engines)
