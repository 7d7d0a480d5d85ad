"""No test reads or writes what HardenTUI keeps for the account that runs the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

_NUMBERS = count()


@contextmanager
def _below(place: Path) -> Iterator[None]:
    """The directories of an account are here; they are made when something is written."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(place / name.lower()))
        yield


@pytest.fixture(scope="session")
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("account")


@pytest.fixture(autouse=True, scope="module")
def shared_directories(_elsewhere: Path) -> Iterator[None]:
    """What the tests of a module have in common comes before the directories of each of them."""
    with _below(_elsewhere / str(next(_NUMBERS))):
        yield


@pytest.fixture(autouse=True)
def own_directories(_elsewhere: Path) -> Iterator[None]:
    with _below(_elsewhere / str(next(_NUMBERS))):
        yield
