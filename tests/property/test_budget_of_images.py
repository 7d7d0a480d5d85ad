"""What is in an image costs a bounded time and memory to read, whatever it is. Each reader in a process
of its own with limits, which ends by a signal or a MemoryError where one of ours is missing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import hostile_images

MEMORY = 1 << 30
SECONDS = 100


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("reader", hostile_images.READERS)
def test_no_part_of_an_image_takes_more_than_its_share(reader: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", hostile_images.__file__, reader],
        capture_output=True,
        text=True,
        check=False,
        timeout=380,
        preexec_fn=_limited,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-600:])
    read, refused = map(int, done.stdout.split())
    assert read + refused > hostile_images.MUTATIONS
