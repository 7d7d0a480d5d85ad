"""The whole table: every flavour on every engine that it is for, and what nobody can tell by
looking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from hardentui.model.podman_version import Version
from tests.live.flavours import through_api, truths
from tests.live.flavours.model import KERNEL_DOORS, ROOTFUL, Flavour, Ids, ids
from tests.live.flavours.reading import read_flavours

FLAVOURS = (
    *read_flavours(),
    *through_api.FLAVOURS,
    *truths.FLAVOURS,
)

MACHINE_DECIDES = {
    "reachable-cloud-metadata": "it depends on whether the tests run in a cloud",
    "missing-vulnerability-scan": "it depends on the reports that are kept where the tests run",
    "apparmor-unconfined": "it depends on the security module of the machine that runs the tests",
    "apparmor-complain-mode": (
        "it depends on the security module of the machine that runs the tests"
    ),
    "selinux-disabled": "it depends on the security module of the machine that runs the tests",
    "shared-mcs-categories": "it depends on the security module of the machine that runs the tests",
    "relabelled-system-directory": (
        "it depends on the security module of the machine that runs the tests"
    ),
    "runtime-denials": "it depends on how far back the kernel's buffer of the machine goes",
}
"""Checks without a verdict here: tests on a host with SELinux and AppArmor judge them."""

NOT_LOOKED_AT = {
    **dict.fromkeys(
        (
            *(
                "credentials-in-layers",
                "end-of-life-image",
                "setuid-files-in-image",
                "tools-in-image",
            ),
            *(
                "weak-accounts-in-image",
                "world-writable-files-in-image",
                "remote-login-in-image",
            ),
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
    "undeclared-published-port": (
        "the pod's ports are served by its members, whose images are not at hand"
    ),
    "unsafe-sysctls": "its options leave no trace while it has not started",
    "open-device-cgroup": "its options leave no trace while it has not started",
    "unmasked-system-paths": "its options leave no trace while it has not started",
    "loose-secret": "its options leave no trace while it has not started",
}
"""What may be unknown of the infra container of a pod."""


class Differs(NamedTuple):
    """What an old Podman does otherwise with flavours of these names, and why.

    Attributes:
        bad, fine, unknown: checks that fail, that do not, and that nobody can answer there.
        engine: empty = both.
    """

    names: str
    why: str
    bad: Ids = ids("")
    fine: Ids = ids("")
    unknown: Ids = ids("")
    engine: str = ""


_OPTIONS_LOST = "beside a user namespace, crun of Debian 12 leaves out nosuid, nodev and noexec"
BEFORE_5 = (
    Differs(
        "default-caps drop-one-default caps-beyond-image cap-default-added created-bad exited-bad",
        "its default capabilities are those of Docker",
        bad=ids("docker-default-capabilities"),
    ),
    Differs(
        "bind-var-log shared-propagation",
        _OPTIONS_LOST,
        bad=ids("writable-mount"),
    ),
    Differs(
        "bind-tight slave-propagation", _OPTIONS_LOST, bad=ids("writable-mount"), engine=ROOTFUL
    ),
    Differs(
        "log-limited-by-override",
        "it does not know the variable",
        bad=ids("unbounded-logs"),
    ),
    Differs(
        "mount-pod-keys*", "--read-only makes mounts of the pod writable", bad=ids("writable-mount")
    ),
    Differs(
        "audit-mount-alias-left-out",
        "it mounts what is below all the same",
        bad=ids("writable-mount sensitive-host-mount"),
    ),
    Differs(
        "api-userns-trap",
        "it sets up the device filter",
        fine=ids("open-device-cgroup"),
    ),
    Differs(
        "api-* filter-through-api",
        "inspect shows no secrets of such containers",
        unknown=ids("loose-secret"),
    ),
    Differs(
        "hardened-keep-id audit-no-map",
        "the runtime's configuration is in a directory that the account itself may not open",
        unknown=ids(
            "nested-user-namespaces open-socket-families unsafe-sysctls weak-seccomp-profile"
        ),
    ),
)


def of_version(
    flavour: Flavour,
    engine: str,
    version: Version,
) -> Flavour:
    """The flavour as a Podman of that version makes it."""
    if version >= Version(5):
        return flavour
    for differs in BEFORE_5:
        of_this = differs.engine in ("", engine)
        if of_this and any(fnmatchcase(flavour.name, name) for name in differs.names.split()):
            unknown = {
                **flavour.unknown,
                **dict.fromkeys(differs.unknown - KERNEL_DOORS, differs.why),
            }
            bad = (flavour.bad | differs.bad) - differs.fine - differs.unknown
            free = flavour.free | (differs.unknown & KERNEL_DOORS)  # open, and nobody can say so
            flavour = replace(
                flavour,
                bad=bad,
                unknown=unknown,
                free=free,
            )
    return flavour


def on(engine: str) -> Iterator[Flavour]:
    """The flavours for an engine."""
    return (flavour for flavour in FLAVOURS if engine in flavour.engines)
