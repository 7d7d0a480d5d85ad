"""Kernel: sysctls, security modules, cgroups, and whether a newer kernel is pending a reboot."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardentui.host.files.reader import Files, examine, names, text, text_or, there
from hardentui.model.configuration import Accounts, FileFact, Missing
from hardentui.model.host import SecurityModules
from hardentui.model.known import Known, Unread, known

KNOBS = tuple(
    "kernel.unprivileged_bpf_disabled kernel.kptr_restrict kernel.dmesg_restrict kernel.yama.ptrace_scope "
    "kernel.perf_event_paranoid kernel.core_pattern kernel.randomize_va_space kernel.modprobe "
    "vm.unprivileged_userfaultfd fs.suid_dumpable fs.protected_symlinks fs.protected_hardlinks "
    "net.ipv4.ip_unprivileged_port_start user.max_user_namespaces".split()
)
_FLAVOUR = r"[-.]([a-z][a-z0-9_]*)$"


def read_sysctls(files: Files) -> dict[str, Known[str]]:
    """The sysctls of this kernel; names with dots, values without the line end."""
    values: dict[str, Known[str]] = {}
    for name in KNOBS:
        content = known(text, files, f"/proc/sys/{name.replace('.', '/')}")
        if not isinstance(content, Missing):
            values[name] = content if isinstance(content, Unread) else content.strip()
    return values


def read_core_handler(files: Files, accounts: Accounts | None) -> Known[FileFact | Missing | None]:
    """The program that receives core dumps, with who can change it; None if they go to a file."""
    pattern = text(files, "/proc/sys/kernel/core_pattern")
    if isinstance(pattern, Missing):
        return None
    program = pattern.strip().removeprefix("|").split(" ")[0]
    return examine(files, program, accounts=accounts) if pattern.startswith("|") else None


def read_security_modules(files: Files) -> SecurityModules:
    return SecurityModules(
        known(_active, files),
        known(_selinux, files),
        known(_selinux_configured, files),
        known(_apparmor, files),
        known(_apparmor_profiles, files),
    )


def _active(files: Files) -> tuple[str, ...]:
    listed = text(files, "/sys/kernel/security/lsm")
    if isinstance(listed, Missing):
        raise Unread("securityfs is not mounted, so the kernel's list of security modules is hidden")
    return tuple(listed.strip("\0\n ").split(","))


def _apparmor_profiles(files: Files) -> Mapping[str, str]:
    """Name of each loaded profile and its mode; only root can read them."""
    content = text(files, "/sys/kernel/security/apparmor/profiles")
    if isinstance(content, Missing):
        raise Unread("the kernel has no list of AppArmor profiles")
    rows = (line.rpartition(" (") for line in content.splitlines())
    return {name: mode.rstrip(")") for name, bracket, mode in rows if bracket}


def _selinux(files: Files) -> str:
    content = text(files, "/sys/fs/selinux/enforce")
    if isinstance(content, Missing):
        return "absent"
    return "enforcing" if content.strip() == "1" else "permissive"


def _selinux_configured(files: Files) -> str:
    content = text(files, "/etc/selinux/config")
    lines = content.splitlines() if isinstance(content, str) else []
    values = [
        line.partition("=")[2].strip() for line in lines if line.replace(" ", "").startswith("SELINUX=")
    ]
    return values[-1].lower() if values else ""


def _apparmor(files: Files) -> bool:
    content = text(files, "/sys/module/apparmor/parameters/enabled")
    return isinstance(content, str) and content.strip() == "Y"


def read_cgroup_version(files: Files) -> Known[int]:
    if there(files, "/sys/fs/cgroup/cgroup.controllers"):
        return 2
    return 1 if there(files, "/sys/fs/cgroup") else Unread("no cgroup filesystem is mounted")


def read_restarts_at_boot(files: Files) -> bool:
    """podman-restart.service is enabled: it starts containers with --restart=always at boot."""
    return there(files, "/etc/systemd/system/default.target.wants/podman-restart.service")


def read_kernel(files: Files) -> str:
    return text_or(files, "/proc/sys/kernel/osrelease").strip()


def read_reboot_required(files: Files, kernel: str) -> Known[str]:
    """Why a reboot is due; empty if it is known not to be."""
    for path in (
        "/run/reboot-required",
        "/var/run/reboot-required",
        "/run/reboot-needed",
        "/boot/reboot-needed",
    ):
        if there(files, path):
            why = ", ".join(sorted(set(text_or(files, f"{path}.pkgs").split())))
            return f"{path} asks for it" + (f" (after updates of {why})" if why else "")
    installed = names(files, "/usr/lib/modules")
    if kernel not in installed:
        return Unread(f"the running kernel {kernel} is not installed any more")
    newest = max((image for image in installed if _flavour(image) == _flavour(kernel)), key=_order)
    if _order(newest) > _order(kernel):
        return f"kernel {kernel} runs and {newest} is installed"
    return ""


def _flavour(release: str) -> str:
    match = re.search(_FLAVOUR, release)
    return match[1] if match else ""


def _order(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release.removesuffix(_flavour(release))))
