"""What a fact is learned from, so that what is unknown can be told by its cause."""

from __future__ import annotations

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
