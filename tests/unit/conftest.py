"""No unit test reads or writes what HardenTUI keeps for the account that runs the tests."""

from itertools import count
from pathlib import Path

import pytest

_NUMBERS = count()


@pytest.fixture(scope="session")
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("account")


@pytest.fixture(autouse=True)
def own_directories(_elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has directories of its own, which are made when something is written."""
    place = _elsewhere / str(next(_NUMBERS))
    for name in ("CACHE", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(place / name.lower()))
