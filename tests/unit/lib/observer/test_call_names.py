"""Numbers of system calls and their names."""

import ctypes
import ctypes.util
import platform

import pytest

from hardentui.lib.observer.call_names import AARCH64, ARM, I386, NATIVE, X86_64, call_name
from tests.conftest import cannot_run


@pytest.mark.parametrize(
    ("architecture", "number", "name"),
    [
        (X86_64, 0, "read"),
        (X86_64, 41, "socket"),
        (X86_64, 435, "clone3"),
        (I386, 102, "socketcall"),
        (I386, 359, "socket"),
        (AARCH64, 198, "socket"),
        (AARCH64, 56, "openat"),
        (ARM, 281, "socket"),
        (ARM, 0xF0005, "set_tls"),
        (X86_64, 0x40000000 | 1, ""),
        (X86_64, 9999, ""),
        (0x12345, 1, ""),
    ],
)
def test_a_number_has_the_name_of_its_architecture(
    architecture: int,
    number: int,
    name: str,
) -> None:
    assert call_name(architecture, number) == name


@pytest.mark.skipif(
    platform.machine() not in NATIVE,
    reason="no table for this machine",
)
@pytest.mark.parametrize("architecture", [X86_64, I386, AARCH64, ARM])
def test_libseccomp_says_the_same(architecture: int) -> None:
    result = ctypes.util.find_library("seccomp")
    if not result:
        cannot_run("libseccomp is not installed")
    resolve = ctypes.CDLL(result).seccomp_syscall_resolve_num_arch
    resolve.restype, resolve.argtypes = ctypes.c_void_p, [ctypes.c_uint32, ctypes.c_int]
    compared = 0
    for number in range(463):
        pointer = resolve(architecture, number)
        name = ctypes.string_at(pointer).decode() if pointer else ""
        if name:
            assert call_name(architecture, number) == name
            compared += 1
    assert compared > 300
