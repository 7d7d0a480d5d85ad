"""What a screen and the command tell of a rollback that did not go as it should."""

import io

import pytest

from hardentui.cli.change_events import tell
from hardentui.cli.terminal import Terminal
from hardentui.features.apply.entry_text import trouble_back
from hardentui.model.journal import ChangeEvent, OperationCleared, OperationUndone, ServiceKept
from hardentui.model.operations import CreateContainer, NoteContainer

ORIGINAL = NoteContainer(
    id="old",
    name="web",
    running=True,
)
SUCCESSOR = CreateContainer(
    name="web",
    original="old",
    arguments=(),
)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (OperationUndone(ORIGINAL), ""),
        (
            OperationUndone(ORIGINAL, "no such file."),
            "not rolled back: restore the state of web: no such file.",
        ),
        (
            OperationUndone(SUCCESSOR, "in use."),
            "not rolled back: set the hardened web aside: in use.",
        ),
        (OperationCleared(SUCCESSOR), ""),
        (
            OperationCleared(SUCCESSOR, "in use."),
            "left behind: remove the hardened web: in use.",
        ),
        (
            ServiceKept("we\x1bb"),
            "the original does not start, so we␛b is started with the change again",
        ),
    ],
)
def test_what_went_wrong_is_told(event: ChangeEvent, told: str) -> None:
    assert trouble_back(event) == told


def test_it_is_told_with_quiet_too() -> None:
    errors = io.StringIO()
    terminal = Terminal(
        out=io.StringIO(),
        err=errors,
        quiet=True,
    )
    tell(terminal, OperationUndone(ORIGINAL))
    tell(terminal, ServiceKept("web"))
    assert (
        errors.getvalue()
        == "the original does not start, so web is started with the change again\n"
    )
