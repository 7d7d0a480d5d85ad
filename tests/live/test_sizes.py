"""What we read as a size is what Podman reads."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from hardentui.options.codecs import size_of
from tests.support.option_samples import NO_SIZES, SIZES
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

NAME = "sized"


@pytest.fixture
def created(podman: Bench) -> Iterator[Bench]:
    yield podman
    podman.remove(NAME)


@pytest.mark.parametrize("text", SIZES)
def test_sizes_mean_the_same(created: Bench, text: str) -> None:
    created.podman(
        "create",
        "--name",
        NAME,
        f"--shm-size={text}",
        BUSYBOX,
    )
    assert created.get(f"/containers/{NAME}/json")["HostConfig"]["ShmSize"] == size_of(text)


@pytest.mark.parametrize("text", NO_SIZES)
def test_what_podman_refuses_is_no_size(
    created: Bench,
    text: str,
) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        size_of(text)
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        created.podman(
            "create",
            "--name",
            NAME,
            f"--shm-size={text}",
            BUSYBOX,
        )
    assert "size" in refusal.value.stderr
