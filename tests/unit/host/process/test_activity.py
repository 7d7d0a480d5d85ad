"""Addresses in the tables of /proc/PID/net."""

import struct

import pytest

from hardentui.host.process.activity import decoded_address


@pytest.mark.parametrize(
    ("address", "numbers"),
    [
        ("127.0.0.1", (0x7F000001,)),
        ("0.0.0.0", (0,)),
        ("::", (0, 0, 0, 0)),
        ("::1", (0, 0, 0, 1)),
        ("fe80::1:0:2", (0xFE800000, 0, 0x00000001, 0x00000002)),
        ("::ffff:192.0.2.1", (0, 0, 0xFFFF, 0xC0000201)),
    ],
)
def test_an_address_is_decoded_in_the_byte_order_of_the_machine(
    address: str, numbers: tuple[int, ...]
) -> None:
    as_read = (struct.unpack("=I", struct.pack(">I", number))[0] for number in numbers)
    assert decoded_address("".join(f"{number:08X}" for number in as_read)) == address


@pytest.mark.parametrize("text", ["", "0100", "00000000" * 2, "x" * 8])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"length|literal"):
        decoded_address(text)
