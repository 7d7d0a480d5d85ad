"""What a host calls itself, and what changes the files below its /usr."""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.host.files import Files, text_or, there
from hardentui.reading.host_words import (
    BOOTC,
    OSTREE_BOOTED,
    TRANSACTIONAL,
    UPDATER,
    Updater,
    os_release_of,
)


def release_of(files: Files) -> Mapping[str, str]:
    """/etc/os-release as a mapping, with the tool that updates the host where it shows one."""
    content = text_or(files, "/etc/os-release") or text_or(files, "/usr/lib/os-release")
    release = os_release_of(content)
    if there(files, OSTREE_BOOTED):
        tool = Updater.BOOTC if there(files, BOOTC) else Updater.RPM_OSTREE
        return {**release, UPDATER: tool.value}
    if there(files, TRANSACTIONAL):
        return {**release, UPDATER: Updater.TRANSACTIONAL.value}
    return release
