"""What is generated from the command line is fresh: the man page, completion, help with examples."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.cli.commands import COMMANDS, EXAMPLES
from hardentui.cli.parser import parse
from tests.conftest import cannot_run
from tests.support.documented import ROOT
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
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    assert main(["config", "completion", "bash"]) == 0
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    ask = (
        f"source {script}; COMP_WORDS=(hardentui tr); COMP_CWORD=1; _shtab_hardentui; echo "
        f"${{COMPREPLY[@]}}"
    )
    done = subprocess.run(
        ["bash", "-c", ask], capture_output=True, text=True, timeout=30, check=True, cwd=tmp_path
    )
    assert {"train", "trial", "trust"} <= set(done.stdout.split())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_help_has_examples(
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse([name, "--help-all"])
    assert "examples:" in capsys.readouterr().out


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_site_has_a_page_for_each_check_and_loads_nothing_from_elsewhere() -> None:
    done = subprocess.run(
        ["make", "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "connection" in done.stderr.lower():
        cannot_run("the package registry cannot be reached")
    assert done.returncode == 0, done.stderr[-2000:]
    site = ROOT / "dist/site"
    missing = [
        check.id
        for check in all_checks()
        if not (site / "checks" / check.id / "index.html").is_file()
    ]
    assert missing == []
    elsewhere = "[\"']?(?:https?:)?//"
    loaded = (
        rf"<(?:script|img|link|iframe)\b[^>]*(?:src|href)={elsewhere}|(?:url\(|@import ){elsewhere}"
    )
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    assert [str(path) for path in files if re.search(loaded, path.read_text())] == []
