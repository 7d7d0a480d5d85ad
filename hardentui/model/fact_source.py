"""What a fact is learned from, so that what is unknown can be told by its cause."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class FactSource(StrEnum):
    """What a fact is learned from."""

    ENGINE = "the engine"
    KERNEL = "the kernel (/proc)"
    IMAGE = "the image"
    SCAN = "a scan of the image"
    HOST = "the host"
    OPTIONS = "its options"
    OTHERS = "other sources"


OF_CONTAINER: Mapping[str, FactSource] = {
    **dict.fromkeys(
        ("kernel", "denials", "exec_uids", "runtime"),
        FactSource.KERNEL,
    ),
    **dict.fromkeys(
        ("image", "image_ids", "named_uid", "registry_digest"),
        FactSource.IMAGE,
    ),
    **dict.fromkeys(
        (
            "host host_listening unit unit_exists env_files secret_files programs seccomp_file "
            "seccomp_rules mounted sockets log_limit_in_force"
        ).split(),
        FactSource.HOST,
    ),
}
"""Fact of a container -> what tells it, where that is not its engine."""

OF_IMAGE: Mapping[str, FactSource] = {"scan": FactSource.SCAN}
"""Fact of an image -> what tells it, where that is not the image."""
