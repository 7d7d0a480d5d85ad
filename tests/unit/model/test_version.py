"""Versions of Podman: compared as tuples, copied as versions."""

import copy

import pytest

from hardentui.model.spec import Version


def test_it_compares_like_a_tuple_and_reads_what_podman_writes() -> None:
    assert Version.parse("v6.0.0-rc1") == Version(6) == (6, 0, 0)
    assert Version(5, 10) > Version(5, 9, 9)
    assert str(Version.parse("5.4")) == "5.4.0"
    with pytest.raises(ValueError, match="not a version"):
        Version.parse("new")


def test_a_copy_is_the_same_version() -> None:
    version = Version(5, 4, 2)
    for copied in (copy.copy(version), copy.deepcopy(version)):
        assert (copied.major, copied.minor, copied.patch) == (5, 4, 2)
