"""A site's own checks in the commands, on the simulated host."""

import json
from pathlib import Path

import pytest

from hardentui.cli.run import run

CHECKLISTS = Path(__file__).parents[3] / "checklists"
OWN = """
[[own]]
id = "site-memory"
title = "More memory than the site allows"
step = 5
severity = "critical"
option = "memory"
operator = "at-most"
value = "2g"
why = "Three services share 8 GiB."
"""


@pytest.fixture
def site(tmp_path: Path) -> str:
    text = (
        (CHECKLISTS / "ten-steps.toml")
        .read_text()
        .replace(
            'id = "ten-steps"',
            'id = "site"',
        )
    )
    path = tmp_path / "site.toml"
    path.write_text(text + OWN)
    return str(path)


def _out(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = run(argv)
    return code, capsys.readouterr().out


def test_check_explain_plan_and_fix_know_it(
    site: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out = _out(
        capsys,
        "explain",
        "site-memory",
        "--checklist",
        site,
    )
    assert code == 0
    assert "Three services share 8 GiB." in out
    code, out = _out(
        capsys,
        "explain",
        "--list",
        "--checklist",
        site,
    )
    assert "site-memory" in out
    args = ("shop-web", "--demo", "--check", "site-memory")
    code, out = _out(
        capsys,
        "plan",
        *args,
        "--checklist",
        site,
        "--format",
        "json",
    )
    assert code == 0
    assert [change["option"] for change in json.loads(out)["changes"]] == ["memory"]
    code, out = _out(
        capsys,
        "--checklist",
        site,
        "fix",
        *args,
        "--to",
        "run",
    )
    assert code == 0, "given before the command it counts too"
    assert "--memory=2g" in out
    code, out = _out(capsys, "check", *args)
    assert code == 2, "without its checklist there is no such check"


def test_a_saved_plan_says_what_it_needs(
    site: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = tmp_path / "plan.toml"
    args = ("shop-web", "--demo")
    assert (
        run(
            (
                "plan",
                *args,
                "--check",
                "site-memory",
                "--checklist",
                site,
                "-o",
                str(plan),
            )
        )
        == 0
    )
    assert (
        run(
            (
                "fix",
                *args,
                "--plan",
                str(plan),
                "--checklist",
                site,
                "--to",
                "run",
            )
        )
        == 0
    )
    assert "--memory=2g" in capsys.readouterr().out
    assert run(("fix", *args, "--plan", str(plan), "--to", "run")) == 1
    assert "site-memory" in capsys.readouterr().err


def test_a_profile_is_named_in_the_report_and_says_what_it_does_not_ask(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out = _out(
        capsys,
        "check",
        "uyuni-server",
        "--demo",
        "--checklist",
        "systemd",
    )
    assert code == 1
    assert "against the checklist systemd" in out
    assert "root-user" not in out
    assert (
        "against the checklist"
        not in _out(
            capsys,
            "check",
            "uyuni-server",
            "--demo",
        )[1]
    )
    code, out = _out(
        capsys,
        "explain",
        "root-user",
        "--checklist",
        "systemd",
    )
    assert "Not part of the checklist systemd" in out
    assert run(("check", "--demo", "--check", "root-user", "--checklist", "systemd")) == 2
    assert "systemd is root inside" in capsys.readouterr().err


def test_a_checklist_is_begun_and_linted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out = _out(
        capsys,
        "config",
        "checklist",
        "new",
        "site.toml",
    )
    assert (code, out.split()) == (0, ["site.toml"])
    assert (
        _out(
            capsys,
            "config",
            "checklist",
            "lint",
            "site.toml",
        )[0]
        == 0
    )
    assert run(("config", "checklist", "new", "site.toml")) == 2
    path = tmp_path / "site.toml"
    path.write_text(path.read_text().replace('operator = "at-most"', 'operator = "at-mots"'))
    code, out = _out(
        capsys,
        "config",
        "checklist",
        "lint",
        "site.toml",
    )
    assert code == 2
    line = path.read_text().split("\n").index('operator = "at-mots"') + 1
    assert out.startswith(f"site.toml:{line}: operator must be one of: present, absent")
    assert "did you mean 'at-most'?" in out
