"""The engine's storage."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import Storage

_OLD = ("vfs", "devicemapper", "aufs")
_ROOT = "/var/lib/containers/storage"
_OTHERS = 0o007
_OTHERS_WRITE = 0o002
_MASKS = ("storage.options.overlay.force_mask", "storage.options.force_mask")


@Check(
    gives=Gain.OTHERS_DATA.after(2),  # a layer is missing for all
    summary="Use overlay with nodev, in a directory that only root can enter",
    passes=lambda: (
        _storage(),
        _storage(
            driver="overlay",
            mount_options=("nodev", "metacopy=on"),
        ),
        _storage(settings=configuration(storage__options__overlay__force_mask="shared")),
    ),
    fails=lambda: (
        _storage(driver="vfs"),
        _storage(driver="aufs"),
        _storage(used_drivers=("vfs",)),
        _storage(mount_options=("metacopy=on",)),
        _storage(settings=configuration(storage__options__overlay__force_mask="0777")),
        _storage(root=file(_ROOT, 0o755, kind="directory")),
    ),
    references=("CIS Docker 1.6 2.6",),
)
def weak_storage_settings(facts: HostFacts) -> Verdict:
    """Weak container storage settings.

    What it checks:
    The rootful engine's storage: whether the driver is obsolete or wasteful (`vfs`, `devicemapper`,
    `aufs`), according to the configuration or the contents of the directory; whether the overlay
    mount options, if set, lack `nodev`; whether `force_mask` makes files of images writable for
    everybody; and whether accounts other than root can enter the storage directory.

    Why it matters:
    `vfs` copies every image for every container, so disks fill up, and there is no small write
    quota. `devicemapper` and `aufs` no longer get fixes. `nodev` makes a device node inside an
    image harmless. And an open storage directory lets every account read what containers write, and
    run their setuid programs as host programs, outside any container.

    What may break:
    Changing the driver hides all existing images and containers: save them first (`podman save`,
    volume exports), and recreate them. `nodev` breaks only containers that create device nodes in
    their own filesystem.
    """
    storage = facts.storage
    used = () if isinstance(storage.used_drivers, Unread) else storage.used_drivers
    driver = storage.driver or ", ".join(used)
    evidence, commands = _settings(storage, used)
    if isinstance(storage.root, FileFact) and storage.root.mode & _OTHERS:
        evidence.append(
            Evidence(
                storage.graph_root,
                f"open to other accounts (mode {storage.root.octal})",
            )
        )
        commands.append(f"chmod 0700 {storage.graph_root}")
    if evidence:
        return failed(
            f"{evidence[0].where}: {evidence[0].saw}",
            driver,
            evidence=tuple(evidence),
            commands=tuple(commands),
        )
    if isinstance(storage.root, Missing):
        return not_applicable(
            f"{storage.graph_root} does not exist: nothing is stored by the rootful engine yet"
        )
    for part in (
        storage.settings.fault,
        storage.root,
        storage.used_drivers,
    ):
        if isinstance(part, Unread):
            return unknown(part)
    return passed(driver or "chosen by Podman", effective=_mode(storage))


def _mode(storage: Storage) -> str:
    return f"mode {storage.root.octal}" if isinstance(storage.root, FileFact) else ""


def _settings(
    storage: Storage,
    used: tuple[str, ...],
) -> tuple[list[Evidence], list[str]]:
    evidence: list[Evidence] = []
    commands: list[str] = []
    where = storage.settings.file_of("storage.driver") or "storage.conf"
    if storage.driver in _OLD:
        evidence.append(Evidence(where, f"driver = {storage.driver}"))
    elif not storage.driver and any(name in _OLD for name in used) and "overlay" not in used:
        evidence.append(Evidence(storage.graph_root, f"the driver {used[0]} is in use"))
    if evidence:
        commands += [
            "# /etc/containers/storage.conf, after saving images and volumes",
            "[storage]",
            'driver = "overlay"',
        ]
    for name in _MASKS:
        mask = str(storage.settings.get(name) or "")
        if mask and set(mask) <= set("01234567") and int(mask, 8) & _OTHERS_WRITE:
            evidence.append(Evidence(storage.settings.file_of(name), f"force_mask = {mask}"))
            commands += [
                "# /etc/containers/storage.conf: remove force_mask, then pull the images again"
            ]
    if storage.mount_options and "nodev" not in storage.mount_options:
        options = ",".join((*storage.mount_options, "nodev"))
        evidence.append(
            Evidence(
                "storage.conf",
                f"mountopt = {','.join(storage.mount_options)} lacks nodev",
            )
        )
        commands += [
            "# /etc/containers/storage.conf",
            "[storage.options.overlay]",
            f'mountopt = "{options}"',
        ]
    return evidence, commands


def _storage(**over: Any) -> HostFacts:
    values = {
        "root": file(_ROOT, 0o700, kind="directory"),
        "used_drivers": ("overlay",),
        **over,
    }
    return host(storage=Storage(**values))
