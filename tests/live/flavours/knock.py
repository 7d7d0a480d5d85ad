"""`knock [x] [r] NR [ARGUMENT…]`: make one system call and end with its errno, 0 for success.

A program of x86-64 without a library, for images that hold little more than busybox. With `x` the
call is made in the 32-bit way (int 0x80); with `r` it ends with the low byte of the result instead.
Numbers are decimal; an argument that starts with anything else is passed as the address of a string
(no `x` or `r`). A filter for system calls shows in the errno: whatever is not its own has got past
it. The code below was assembled from the text that follows it.
"""

from __future__ import annotations

import struct

_ADDRESS = 0x400000
_HEADERS = 64 + 56


def knock() -> bytes:
    """The program as an ELF file: its header, one segment, the code."""
    size = _HEADERS + len(_CODE)
    entry = _ADDRESS + _HEADERS
    elf = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack(
        "<IIQQQQQQ",
        1,
        5,
        0,
        _ADDRESS,
        _ADDRESS,
        size,
        size,
        4096,
    )
    return elf + segment + _CODE


_CODE = bytes.fromhex(
    "488b0c24488d74241048ffc94531e44531ed4531ff4883ec404889e54889ef31c04989ceb908000000f348ab4c89f148"
    "85c97458488b164883c60848ffc90fb61a83fb78750541ffc4ebe483fb72750541ffc7ebda31c083fb39770583fb3073"
    "054889d0eb160fb61a85db740f83eb30486bc00a4801d848ffc2ebea4183fd0773ad4a8944ed0041ffc5eba34585e475"
    "20488b4500488b7d08488b7510488b55184c8b55204c8b45284c8b4d300f05eb158b45008b5d088b4d108b551831f631"
    "ffcd804863c04889c74585ff750d31ff4885c079064889c748f7dfb83c0000000f05"
)
ASSEMBLER = """
.globl _start
_start:
    mov (%rsp), %rcx            # argc
    lea 16(%rsp), %rsi          # &argv[1]
    dec %rcx
    xor %r12d, %r12d            # 32-bit?
    xor %r13d, %r13d            # index
    xor %r15d, %r15d            # end with the result?
    sub $64, %rsp
    mov %rsp, %rbp
    mov %rbp, %rdi
    xor %eax, %eax
    mov %rcx, %r14
    mov $8, %ecx
    rep stosq
    mov %r14, %rcx
next:
    test %rcx, %rcx
    jz call
    mov (%rsi), %rdx
    add $8, %rsi
    dec %rcx
    movzbl (%rdx), %ebx
    cmp $'x', %ebx
    jne other
    inc %r12d
    jmp next
other:
    cmp $'r', %ebx
    jne value
    inc %r15d
    jmp next
value:
    xor %eax, %eax
    cmp $'9', %ebx
    ja text
    cmp $'0', %ebx
    jae digit
text:
    mov %rdx, %rax              # the address of a string
    jmp store
digit:
    movzbl (%rdx), %ebx
    test %ebx, %ebx
    jz store
    sub $'0', %ebx
    imul $10, %rax, %rax
    add %rbx, %rax
    inc %rdx
    jmp digit
store:
    cmp $7, %r13d
    jae next
    mov %rax, (%rbp,%r13,8)
    inc %r13d
    jmp next
call:
    test %r12d, %r12d
    jnz compat
    mov (%rbp), %rax
    mov 8(%rbp), %rdi
    mov 16(%rbp), %rsi
    mov 24(%rbp), %rdx
    mov 32(%rbp), %r10
    mov 40(%rbp), %r8
    mov 48(%rbp), %r9
    syscall
    jmp done
compat:
    mov (%rbp), %eax
    mov 8(%rbp), %ebx
    mov 16(%rbp), %ecx
    mov 24(%rbp), %edx
    xor %esi, %esi
    xor %edi, %edi
    int $0x80
    movslq %eax, %rax
done:
    mov %rax, %rdi
    test %r15d, %r15d
    jnz quit
    xor %edi, %edi
    test %rax, %rax
    jns quit
    mov %rax, %rdi
    neg %rdi
quit:
    mov $60, %eax
    syscall
"""
