"""The checks: a module for each theme, in a directory per step.

The directory gives a check's step, the name of its `evaluate` function its ID (`def
no_memory_limit` is `no-memory-limit`), and the docstring of that function its title and
documentation. A module is imported when one of its checks is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from msgspec.structs import replace

from hardentui.model.check import Check

_MODULES = {
    "step01_minimal_base_images": {
        "image_credentials": "credentials-in-image-config credentials-in-layers",
        "image_files": (
            "remote-login-in-image setuid-files-in-image tools-in-image weak-accounts-in-image "
            "world-writable-files-in-image"
        ),
        "image_base": "end-of-life-image unclean-image-build",
    },
    "step02_updates_and_scans": {
        "image_age": (
            "mutable-image-tag old-image outdated-tag stale-container stale-image superseded-image"
        ),
        "vulnerabilities": (
            "exploited-vulnerabilities fixable-vulnerabilities missing-vulnerability-scan"
        ),
        "update_paths": "no-update-path update-without-rollback",
        "engine_version": "engine-steering-image vulnerable-engine",
    },
    "step03_image_signing": {
        "registries": (
            "ambiguous-short-names exposed-registry-credentials insecure-registry short-image-name "
            "tls-verification-off unapproved-registry"
        ),
        "signatures": (
            "insecure-default-policy sigstore-attachments-off unsafe-trust-keys "
            "unsigned-scope-in-use"
        ),
    },
    "step04_user_privileges": {
        "users": "root-user",
        "groups": "dangerous-supplementary-groups",
        "new_privileges": "new-privileges-allowed",
        "user_namespaces": "host-user-namespace nested-user-namespaces overlapping-uid-ranges",
        "sub_ids": "missing-sub-ids",
        "root_at_work": "needless-rootful-engine root-exec-session",
    },
    "step05_security_contexts": {
        "limits": "no-cpu-limit no-memory-limit no-pids-limit unenforceable-limits",
        "process_limits": "disabled-cgroups loose-ulimits oom-kill-exempt unbraked-restart",
        "namespaces": "foreign-ipc host-ipc host-pid",
        "secret_variables": "plaintext-secret-env",
        "secrets": "loose-secret secret-in-metadata secret-on-command-line",
        "host_environment": "leaking-host-environment",
        "mounts": (
            "relabelled-system-directory sensitive-host-mount shared-mount-propagation "
            "writable-mount"
        ),
        "root_filesystem": "loose-tmpfs writable-rootfs",
        "sockets": "mounted-control-socket mounted-engine-socket",
        "mandatory_access": (
            "apparmor-unconfined selinux-disabled selinux-not-enforcing shared-mcs-categories"
        ),
    },
    "step06_network_segmentation": {
        "networks": (
            "default-network internal-capable-network shared-network unfiltered-network-driver "
            "unisolated-network"
        ),
        "ports": "exposed-admin-port low-host-port undeclared-published-port wildcard-port",
        "firewall": "unfirewalled-port",
        "host_network": "host-network",
        "ways_out": "reachable-cloud-metadata reachable-host-services",
    },
    "step07_runtime_monitoring": {
        "health": "missing-health-check restart-loop unhealthy",
        "logs": "engine-events-off no-logs unbounded-logs volatile-journal",
        "owning_units": "refused-unit unit-drift unowned-container",
        "drift": "drifted-files unexpected-listener unexpected-process",
        "sensors": "no-runtime-sensor unaudited-engine",
    },
    "step08_capabilities": {
        "capabilities": (
            "capabilities-beyond-declared disruptive-capabilities "
            "docker-default-capabilities host-takeover-capabilities unneeded-capabilities"
        ),
        "default_capabilities": "default-capabilities-kept",
        "devices": "host-devices",
        "device_cgroup": "open-device-cgroup",
        "privileged": "privileged",
    },
    "step09_secure_host": {
        "waivers": "expired-waiver unused-waiver",
        "engine_sockets": (
            "exposed-engine-socket idle-engine-socket root-equivalent-users tcp-api-without-tls"
        ),
        "replaceable_files": (
            "replaceable-container-programs untrusted-engine-programs writable-engine-configuration "
            "writable-unit-files"
        ),
        "storage": "weak-storage-settings",
        "host": "failed-host-rules pending-security-updates weak-kernel-settings",
        "engine_defaults": "weak-engine-defaults",
    },
    "step10_runtime_protection": {
        "seccomp": (
            "altered-seccomp-default default-seccomp-only open-socket-families seccomp-disabled "
            "seccomp-profile-file-unsafe seccomp-unconfined"
        ),
        "seccomp_profiles": "weak-seccomp-profile",
        "confinement": "apparmor-complain-mode runtime-denials",
        "kernel_settings": "unmasked-system-paths unsafe-sysctls",
    },
}
"""Directory -> module -> IDs of its checks."""

RETIRED = {
    "labelling-disabled-for-mounts": "selinux-disabled",
    "shared-storage-filesystem": "weak-storage-settings",
    "side-loaded-image": "unsigned-scope-in-use",
    "unknown-base-image": "end-of-life-image",
    "unknown-host-baseline": "failed-host-rules",
    "unpinned-image": "mutable-image-tag",
}
"""IDs of earlier releases -> the check to look at instead. Waivers and checklists may still name
them, without effect: what someone accepted once must not hide anything else."""


class Checks(Mapping[str, Check]):
    """Checks by ID, in the order of step and ID.

    Args:
        modules: ID -> directory and module of the checks to import when they are asked for.
        own: further ones, such as those of a checklist.

    Attributes:
        steps: ID -> number of its step.
    """

    def __init__(
        self,
        modules: Mapping[str, tuple[str, str]],
        own: Iterable[Check] = (),
    ) -> None:
        self._modules = modules
        self._loaded = {check.id: check for check in own}
        self.steps = {name: int(directory[4:6]) for name, (directory, _) in modules.items()}
        self.steps |= {check.id: check.step for check in self._loaded.values()}

    def with_own(self, own: Iterable[Check]) -> Checks:
        """These and the checks of a checklist."""
        return Checks(self._modules, (*self._loaded.values(), *own))

    def __getitem__(self, check_id: str) -> Check:
        if check_id not in self._loaded:
            module = importlib.import_module(".".join((__name__, *self._modules[check_id])))
            for check in [value for value in vars(module).values() if isinstance(value, Check)]:
                name = check.evaluate.__name__.replace("_", "-")
                doc = check.evaluate.__doc__ or ""
                title = doc.partition("\n")[0].removesuffix(".")
                check = replace(
                    check,
                    id=name,
                    step=self.steps[name],
                    title=title,
                    doc=doc,
                )
                self._loaded.setdefault(name, check)
        return self._loaded[check_id]

    def __contains__(self, check_id: object) -> bool:
        return check_id in self.steps

    def __iter__(self) -> Iterator[str]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


def _places() -> Iterator[tuple[str, tuple[str, str]]]:
    """ID -> directory and module, by step and ID."""
    for directory, modules in _MODULES.items():
        places = {
            name: (directory, module) for module, names in modules.items() for name in names.split()
        }
        yield from sorted(places.items())


CHECKS = Checks(dict(_places()))


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check, by step and ID. To know the IDs alone, take CHECKS."""
    return tuple(CHECKS.values())


def check_by_id(check_id: str) -> Check | None:
    return CHECKS.get(check_id)
