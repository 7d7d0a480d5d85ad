"""What is generated from the command line is fresh: the man page, completion, help with examples."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.cli.parser import COMMANDS, EXAMPLES, parse
from tests.conftest import cannot_run
from tools.man_page import TARGET, man_page


def test_the_man_page_is_that_of_this_parser() -> None:
    # each Python wraps usage lines in its own way
    assert TARGET.read_text().split() == man_page().split(), "make docs"


def test_groff_has_nothing_to_say_of_the_man_page() -> None:
    groff = shutil.which("groff")
    if groff is None:
        cannot_run("groff is not here")
    done = subprocess.run(
        [groff, "-k", "-man", "-Tutf8", "-ww", str(TARGET)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in COMMANDS:
        assert f"hardentui {name}" in done.stdout.replace("\N{HYPHEN}", "-")


def test_bash_takes_the_completion_and_offers_commands(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["config", "completion", "bash"]) == 0
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    ask = (
        f"source {script}; COMP_WORDS=(hardentui tr); COMP_CWORD=1; _shtab_hardentui; echo ${{COMPREPLY[@]}}"
    )
    done = subprocess.run(
        ["bash", "-c", ask], capture_output=True, text=True, timeout=30, check=True, cwd=tmp_path
    )
    assert {"train", "trial", "trust"} <= set(done.stdout.split())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_help_has_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([name, "--help"])
    assert "examples:" in capsys.readouterr().out
