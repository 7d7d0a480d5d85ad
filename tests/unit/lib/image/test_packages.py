"""Packages of dpkg and apk databases."""

import io

from hypothesis import given
from hypothesis import strategies as st

from hardentui.lib.image import Package
from hardentui.lib.image.packages import read_apk, read_dpkg, read_dpkg_part

DPKG = b"""\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.41-12)
Version: 2.41-12+b1
Description: GNU C Library
 Package: not-a-field
Version: 9

Package: removed
Status: deinstall ok config-files
Version: 1

Package: nameless-version
Status: install ok installed

Package: bash
Status: install ok installed
Source: bash
Version: 5.2.37-2
"""
APK = b"""\
C:Q1abc
P:libssl3
V:3.3.2-r0
A:x86_64
L:Apache-2.0
o:openssl

C:Q1def
P:musl
V:1.2.5-r0
o:musl
"""


def test_what_dpkg_has_installed() -> None:
    result = read_dpkg(io.BytesIO(DPKG))
    assert result.count == 3
    assert result.packages == [
        Package(
            "deb",
            "libc6",
            "2.41-12+b1",
            "amd64",
            "glibc",
            "2.41-12",
        ),
        Package("deb", "bash", "5.2.37-2"),
    ]


def test_what_apk_has_installed() -> None:
    assert read_apk(io.BytesIO(APK)).packages == [
        Package(
            "apk",
            "libssl3",
            "3.3.2-r0",
            "x86_64",
            "openssl",
            "",
            "Apache-2.0",
        ),
        Package("apk", "musl", "1.2.5-r0"),
    ]


def test_a_line_without_end_hides_no_field_behind_it() -> None:
    long = b"P:a\nT:" + b"P" * 300_000 + b"\nV:1\n"
    assert read_apk(io.BytesIO(long)).packages == [Package("apk", "a", "1")]


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail(content: bytes) -> None:
    for read in (read_dpkg, read_dpkg_part, read_apk):
        result = read(io.BytesIO(content))
        assert all(package.name and package.version for package in result.packages)
