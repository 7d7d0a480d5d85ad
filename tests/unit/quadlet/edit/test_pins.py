"""Digests in Quadlet files: found where they stand, and replaced without touching anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.quadlet.edit.container import moved, pins_in

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
UNIT = f"""\
# Image=docker.io/library/old:1@{OLD}
[Unit]
Image=docker.io/not/here:1@{OLD}
[Container]
  Image = quay.io/team/app:2@{OLD}
Environment=IMAGE=quay.io/team/app:2@{OLD}
Exec=run quay.io/team/app:2@{OLD}
"""


def test_only_the_digest_of_the_image_key_changes() -> None:
    (pin,) = pins_in(UNIT)
    assert (pin.name, pin.digest, pin.line, pin.tagged) == ("quay.io/team/app:2", OLD, 5, True)
    text = moved(UNIT, [(pin, NEW)])
    before, after = UNIT.splitlines(), text.splitlines()
    assert [line for line, new in zip(before, after, strict=True) if line != new] == [before[4]]
    assert after[4] == f"  Image = quay.io/team/app:2@{NEW}"


def test_several_pins_move_at_once() -> None:
    text = f"[Container]\nImage=a.io/x:1@{OLD}\n[Image]\r\nImage=b.io:5000/y@{OLD}\r\n"
    first, second = pins_in(text)
    assert (first.tagged, second.tagged) == (True, False)
    assert moved(text, [(first, NEW), (second, NEW)]) == text.replace(OLD, NEW)


@pytest.mark.parametrize(
    "line",
    [
        "Image=quay.io/team/app:2",
        "Image=app.image",
        f"Image=quay.io/team/app:2@{OLD} x",
        f"Image=%h/app@{OLD}",
        f"Image=quay.io/team/app:2@{OLD[:-1]}",
    ],
)
def test_what_is_no_plain_pin_is_left_alone(line: str) -> None:
    assert pins_in(f"[Container]\n{line}\n") == ()


@given(st.text(alphabet=st.sampled_from("[]Container=Image\n\\# @:./ab"), max_size=120))
def test_any_text_is_read_and_only_digests_change(noise: str) -> None:
    text = f"{noise}\n[Container]\nImage=a.io/x:1@{OLD}\n{noise}"
    pins = pins_in(text)
    after = moved(text, [(pin, NEW) for pin in pins])
    assert after.replace(NEW, OLD) == text
    assert after.count(NEW) == len(pins)
