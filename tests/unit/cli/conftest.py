"""Calling the command as a user does."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from hardentui.__main__ import main


class Answer(NamedTuple):
    """What one call of the command gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.delenv("CONTAINER_HOST", raising=False)

    def call(*arguments: str) -> Answer:
        return Answer(main(arguments), *capsys.readouterr())

    return call
