"""How packages, updates, files below /usr and kernel arguments are changed on a host, in its words.

The only place that turns "install X" into a command. On a host whose /usr is read-only (SLE Micro,
Leap Micro, MicroOS, Fedora CoreOS, image mode) a package manager refuses, and what does work takes
effect after a reboot.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from enum import StrEnum

OSTREE_BOOTED = "/run/ostree-booted"
"""Of rpm-ostree and bootc: the running system is an image."""
BOOTC, RPM_OSTREE, TRANSACTIONAL = (
    "/usr/bin/bootc",
    "/usr/bin/rpm-ostree",
    "/usr/sbin/transactional-update",
)
UPDATER = "HARDENTUI_UPDATER"
"""Beside the keys of os-release: an `Updater`, where the host shows one."""


CGROUP_V2 = "systemd.unified_cgroup_hierarchy=1"
NO_RELEASE: Mapping[str, str] = {}
"""Of files that a setting of the engine names, wherever that engine is."""


class Updater(StrEnum):
    """What changes the files below /usr."""

    PACKAGES = "packages"
    TRANSACTIONAL = "transactional-update"
    RPM_OSTREE = "rpm-ostree"
    BOOTC = "bootc"


_OF_SUSE_IMAGES = (
    *("opensuse-microos", "opensuse-leap-micro", "opensuse-aeon", "opensuse-kalpa"),
    *("suse-microos", "sle-micro", "sle-micro-rancher", "sl-micro"),
)
_ROLLING = ("opensuse-microos", "opensuse-aeon", "opensuse-kalpa")
_OSTREE_VARIANTS = frozenset("coreos iot silverblue kinoite sericea onyx".split())
_OF_THE_IMAGE = ("/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/")
_AFTER_REBOOT = "  # takes effect after a reboot"
_INSTALL = {
    "debian": "sudo apt-get install",
    "ubuntu": "sudo apt-get install",
    "fedora": "sudo dnf install",
    "rhel": "sudo dnf install",
    "suse": "sudo zypper install",
    "opensuse": "sudo zypper install",
    "arch": "sudo pacman -S",
    "alpine": "sudo apk add",
}
_UPGRADE = {
    "debian": "apt-get update && apt-get upgrade --with-new-pkgs",
    "ubuntu": "apt-get update && apt-get upgrade --with-new-pkgs",
    "fedora": "dnf upgrade --security",
    "rhel": "dnf upgrade --security",
    "suse": "zypper patch --category security",
    "opensuse": "zypper patch --category security",
}
_REINSTALL = {
    "debian": "apt-get install --reinstall golang-github-containers-common",
    "ubuntu": "apt-get install --reinstall golang-github-containers-common",
    "suse": "zypper install --force libcontainers-common",
    "opensuse": "zypper install --force libcontainers-common",
}
_NAMES = {"auditd": {"suse": "audit", "opensuse": "audit", "fedora": "audit", "rhel": "audit"}}
"""Package -> its name in other families."""


def os_release_of(text: str) -> dict[str, str]:
    """/etc/os-release as a mapping."""
    pairs = (line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def updater_of(release: Mapping[str, str]) -> Updater:
    """By what the host shows, else by its name."""
    if shown := release.get(UPDATER):
        return Updater(shown)
    name, variant = release.get("ID", ""), release.get("VARIANT_ID", "")
    if name in _OF_SUSE_IMAGES:
        return Updater.TRANSACTIONAL
    if name == "rhcos" or variant in _OSTREE_VARIANTS or "OSTREE_VERSION" in release:
        return Updater.RPM_OSTREE
    return Updater.PACKAGES


def families(release: Mapping[str, str]) -> tuple[str, ...]:
    """Its distribution and those that it is like, the nearest first: `opensuse`, `suse`."""
    names = (
        release.get("ID", ""),
        *release.get("ID_LIKE", "").split(),
    )
    families = [name.partition("-")[0] for name in names if name]
    return tuple("suse" if name in ("sle", "sl", "sles") else name for name in families)


def _in_family(
    release: Mapping[str, str],
    table: Mapping[str, str],
) -> str:
    return next(
        (table[family] for family in families(release) if family in table),
        "",
    )


def to_install(release: Mapping[str, str], package: str) -> str:
    """The command or sentence that installs a package there."""
    package = (
        _in_family(
            release,
            _NAMES.get(package, {}),
        )
        or package
    )
    updater = updater_of(release)
    if updater is Updater.TRANSACTIONAL:
        return f"sudo transactional-update pkg install {package}{_AFTER_REBOOT}"
    if updater is Updater.RPM_OSTREE:
        return f"sudo rpm-ostree install {package}{_AFTER_REBOOT}"
    if updater is Updater.BOOTC:
        return f"# in the Containerfile of the host's image: RUN dnf install -y {package}"
    command = _in_family(release, _INSTALL)
    return f"{command} {package}" if command else f"install the package {package}"


def to_upgrade(release: Mapping[str, str]) -> tuple[str, ...]:
    """The command that installs its security updates; none if it is not known."""
    updater = updater_of(release)
    if updater is Updater.TRANSACTIONAL:
        verb = "dup" if release.get("ID", "") in _ROLLING else "patch"
        return (f"transactional-update {verb}{_AFTER_REBOOT}",)
    if updater is Updater.RPM_OSTREE:
        return (f"rpm-ostree upgrade{_AFTER_REBOOT}",)
    if updater is Updater.BOOTC:
        return (f"bootc upgrade{_AFTER_REBOOT}",)
    command = _in_family(release, _UPGRADE)
    return (command,) if command else ()


def to_restore_default_files(release: Mapping[str, str]) -> tuple[str, ...]:
    """The command that brings back what the package of Podman's defaults installs below /usr."""
    updater = updater_of(release)
    if updater is Updater.TRANSACTIONAL:
        return (f"transactional-update pkg install --force libcontainers-common{_AFTER_REBOOT}",)
    if updater is not Updater.PACKAGES:
        back = "bootc rollback" if updater is Updater.BOOTC else "rpm-ostree rollback"
        return (f"{back}  # /usr is a part of the host's image: boot one that is intact",)
    return (_in_family(release, _REINSTALL) or "dnf reinstall containers-common",)


def is_of_its_image(release: Mapping[str, str], path: str) -> bool:
    """Whether the host mounts this path read-only, as a part of what its updater replaces."""
    updater = updater_of(release)
    if updater is Updater.PACKAGES:
        return False
    path = posixpath.normpath(path)
    if path.startswith(("/usr/local/", "/opt/")):  # elsewhere subvolumes, or links into /var
        return updater is Updater.BOOTC
    return path.startswith(_OF_THE_IMAGE)


def to_change_file(
    release: Mapping[str, str],
    path: str,
    command: str,
) -> str:
    """The command that changes a file of the host, where it can be changed."""
    if not is_of_its_image(release, path):
        return command
    updater = updater_of(release)
    if updater is Updater.TRANSACTIONAL:
        return f"sudo transactional-update run {command}{_AFTER_REBOOT}"
    again = "bootc upgrade" if updater is Updater.BOOTC else "rpm-ostree upgrade"
    return f"# {path} is a part of the host's image: change it there, then {again} and reboot"


def to_add_kernel_argument(
    release: Mapping[str, str],
    argument: str,
) -> str:
    """How the kernel gets one more argument at its next boot."""
    updater = updater_of(release)
    if updater is Updater.TRANSACTIONAL:
        return (
            f"# add {argument} to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then: "
            "sudo transactional-update grub.cfg && sudo systemctl reboot"
        )
    if updater is Updater.RPM_OSTREE:
        return f"sudo rpm-ostree kargs --append-if-missing={argument}{_AFTER_REBOOT}"
    if updater is Updater.BOOTC:
        return (
            "# in the Containerfile of the host's image: kargs = "
            f'["{argument}"] in /usr/lib/bootc/kargs.d/50-hardentui.toml'
        )
    if {"fedora", "rhel"} & {*families(release)}:
        return f"sudo grubby --update-kernel=ALL --args={argument}{_AFTER_REBOOT}"
    return f"# add {argument} to the kernel command line, then: systemctl reboot"


def to_confine(release: Mapping[str, str]) -> str:
    """How a host without a security module gets its own back."""
    updater = updater_of(release)
    if updater is Updater.TRANSACTIONAL:
        return f"sudo transactional-update setup-selinux{_AFTER_REBOOT}"
    if updater is Updater.RPM_OSTREE:
        return f"sudo rpm-ostree kargs --delete-if-present=selinux=0{_AFTER_REBOOT}"
    if updater is Updater.BOOTC:
        return "in the host's image: no selinux=0 below /usr/lib/bootc/kargs.d"
    if {"fedora", "rhel"} & {*families(release)}:
        return f"sudo grubby --update-kernel=ALL --remove-args=selinux=0{_AFTER_REBOOT}"
    return to_add_kernel_argument(release, "security=apparmor")


def to_relabel_all(release: Mapping[str, str]) -> str:
    """How the files of a host get their SELinux labels again after a time without SELinux."""
    updater = updater_of(release)
    if updater is Updater.TRANSACTIONAL:
        return "touch /etc/selinux/.autorelabel && systemctl reboot"
    if updater is Updater.PACKAGES:
        return "fixfiles onboot && systemctl reboot"
    return "restorecon -RF /etc /var && systemctl reboot  # /usr has the labels of its image"


def to_install_hardentui(release: Mapping[str, str]) -> str:
    """The ways that a host with a read-only /usr has; empty where there is nothing to say."""
    image = "or as a container: docs/in-a-container.md"
    updater = updater_of(release)
    if updater is Updater.TRANSACTIONAL:
        return f"sudo transactional-update pkg install ./hardentui.rpm{_AFTER_REBOOT}; {image}"
    if updater is Updater.RPM_OSTREE:
        return f"sudo rpm-ostree install ./hardentui.rpm{_AFTER_REBOOT}; {image}"
    if updater is Updater.BOOTC:
        rpm = "COPY hardentui.rpm /tmp, RUN dnf install -y /tmp/hardentui.rpm"
        return f"# in the Containerfile of the host's image: {rpm}; {image}"
    return ""
