"""What apply refuses before anything is asked of a real host."""

from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.state import state_directory


def test_nothing_is_applied_on_a_simulated_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "shop-web", "--likely", "--yes", "--demo"]) == 2
    assert "simulated or saved" in capsys.readouterr().err
    assert not list(Path(state_directory()).rglob("*.json"))


@pytest.mark.parametrize("given", ["0", "-1", "soon", "1e9"])
def test_a_time_that_makes_no_sense_is_refused(
    given: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        main(
            [
                "apply",
                "shop-web",
                "--safe",
                "--yes",
                "--demo",
                f"--confirm-within={given}",
            ]
        )
        == 2
    )
    assert "--confirm-within" in capsys.readouterr().err


def test_data_is_either_kept_or_discarded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "shop-web", "--safe", "--keep-data", "--discard-data", "--demo"]) == 2
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["undo", "--yes"],
        ["confirm"],
        ["journal", "show", "3fa2"],
    ],
)
def test_an_empty_journal_has_nothing_to_offer(command: list[str]) -> None:
    assert main(command) == 2


def test_an_empty_journal_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "--format", "json"]) == 0
    assert '"entries": []' in capsys.readouterr().out
