"""An interpreter for compiled seccomp filters: the result for one system call.

Instructions are those of classic BPF as seccomp(2) allows them: linux/filter.h, linux/bpf_common.h. `A` is
the accumulator, `X` the index register, and there are sixteen words of memory.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence

AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 = 0xC000003E, 0x40000003
_LETS_THROUGH = frozenset({0x7FFF0000, 0x7FFC0000, 0x7FF00000, 0x7FC00000})  # ALLOW, LOG, TRACE, USER_NOTIF
_MOST_STEPS = 4096  # the kernel's own limit for the length of a program, which has no loops
_WORD = 0xFFFFFFFF

X86_64_NUMBERS = {
    name: int(number)
    for name, _, number in (
        word.partition("=")
        for word in (
            "_sysctl=156 add_key=248 bpf=321 clone=56 clone3=435 create_module=174 delete_module=176 "
            "finit_module=313 init_module=175 io_uring_enter=426 io_uring_register=427 io_uring_setup=425 "
            "ioperm=173 iopl=172 kcmp=312 kexec_file_load=320 kexec_load=246 lookup_dcookie=212 "
            "nfsservctl=180 open_by_handle_at=304 perf_event_open=298 process_madvise=440 "
            "query_module=178 request_key=249 socket=41 unshare=272 uselib=134 userfaultfd=323"
        ).split()
    )
}
"""System call numbers on x86-64 (asm/unistd_64.h), which never change."""
I386_SOCKETCALL = 102


def lets_through(
    program: bytes, number: int, arguments: Sequence[int] = (), architecture: int = AUDIT_ARCH_X86_64
) -> bool:
    """Whether the program allows a call with these arguments (0 by default).

    Raises:
        ValueError: the kernel would not accept it as a seccomp filter.
    """
    if not program or len(program) % 8:
        raise ValueError("its length is not a multiple of eight bytes")
    order = "<" if sys.byteorder == "little" else ">"
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack(f"{order}iIQ6Q", number, architecture, 0, *values)
    words = struct.unpack(f"{order}16I", data)
    code = [struct.unpack_from(f"{order}HBBI", program, at) for at in range(0, len(program), 8)]
    return _run(code, words) & 0xFFFF0000 in _LETS_THROUGH


def _run(code: list[tuple[int, int, int, int]], data: tuple[int, ...]) -> int:
    accumulator = index = at = 0
    memory = [0] * 16
    for _ in range(_MOST_STEPS):
        if not 0 <= at < len(code):
            raise ValueError("it jumps outside itself")
        operation, if_true, if_false, constant = code[at]
        at += 1
        kind = operation & 0x07
        if kind == 0x06:  # return
            return accumulator if operation & 0x18 == 0x10 else constant
        if kind in (0x00, 0x01):  # load A, load X
            value = _loaded(operation, constant, data, memory)
            accumulator, index = (value, index) if kind == 0x00 else (accumulator, value)
        elif kind in (0x02, 0x03):  # store A, store X
            memory[constant & 15] = accumulator if kind == 0x02 else index
        elif kind == 0x04:
            accumulator = _computed(operation & 0xF0, accumulator, index if operation & 0x08 else constant)
        elif kind == 0x05:
            if operation & 0xF0 == 0:  # always
                at += constant
            else:
                other = index if operation & 0x08 else constant
                at += if_true if _holds(operation & 0xF0, accumulator, other) else if_false
        elif operation & 0x80:  # 0x87: A = X, 0x07: X = A
            accumulator = index
        else:
            index = accumulator
    raise ValueError("it does not end")


def _loaded(operation: int, constant: int, data: tuple[int, ...], memory: list[int]) -> int:
    mode = operation & 0xE0
    if mode == 0x20 and constant % 4 == 0 and constant < 64:
        return data[constant // 4]
    if mode == 0x00:
        return constant
    if mode == 0x60:
        return memory[constant & 15]
    if mode == 0x80:
        return 64  # the length of seccomp_data
    raise ValueError("it loads from an address that is not allowed in a seccomp filter")


def _computed(operation: int, left: int, right: int) -> int:
    if operation in (0x30, 0x90) and right == 0:
        raise ValueError("it divides by zero")
    results = {
        0x00: left + right,
        0x10: left - right,
        0x20: left * right,
        0x30: left // (right or 1),
        0x40: left | right,
        0x50: left & right,
        0x60: left << (right & 31),
        0x70: left >> (right & 31),
        0x80: -left,
        0x90: left % (right or 1),
        0xA0: left ^ right,
    }
    if operation not in results:
        raise ValueError("it has an instruction that is not allowed in a seccomp filter")
    return results[operation] & _WORD


def _holds(operation: int, left: int, right: int) -> bool:
    if operation == 0x10:
        return left == right
    if operation == 0x20:
        return left > right
    if operation == 0x30:
        return left >= right
    if operation == 0x40:
        return bool(left & right)
    raise ValueError("it has a jump that is not allowed in a seccomp filter")
