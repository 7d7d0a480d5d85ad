"""Plans and trials from files are requests: what no fix of ours offers is refused, whatever else is
asked."""

import json
from pathlib import Path

import pytest

from hardentui.__main__ import main

ASK = (
    ["fix", "--to", "run"],
    ["fix", "--to", "quadlet", "--quiet"],
)


def _trial(tmp_path: Path, option: str, *after: str) -> str:
    path = tmp_path / "trial.json"
    document = {
        "schema": "hardentui/trial/1",
        "container": "shop-web",
        "result": "works",
        "baseline": {"ready": True, "how": "ports", "seconds": 1},
        "fixes": [
            {
                "check": "no-memory-limit",
                "parameters": {"memory": "128m"},
            }
        ],
        "options": [
            {"option": "memory", "before": [], "after": ["128m"]},
            {"option": option, "before": [], "after": list(after)},
        ],
        "sure": "Everything was proven.",
    }
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.parametrize("asked", ASK)
@pytest.mark.parametrize(
    ("option", "after"),
    [
        ("privileged", ""),
        ("volume", "/:/host"),
        ("image", "evil:1"),
        ("hooks-dir", "/tmp/h"),
        ("env", "A=b"),
    ],
)
def test_a_trial_takes_only_what_a_fix_offers(
    asked: list[str],
    option: str,
    after: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = _trial(tmp_path, option, after)
    assert (
        main(
            [
                asked[0],
                "shop-web",
                "--demo",
                "--trial",
                path,
                *asked[1:],
            ]
        )
        == 2
    )
    printed = capsys.readouterr()
    assert "is refused" in printed.err
    assert printed.out == ""


def test_its_claims_are_told_as_claims(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = _trial(tmp_path, "memory", "128m")
    assert main(["fix", "shop-web", "--demo", "--trial", path, "--to", "quadlet"]) == 0
    printed = capsys.readouterr()
    assert "--memory=128m" in printed.out
    assert "which was not made here; not checked" in printed.err
    assert "proven" not in printed.out


@pytest.mark.parametrize(
    "fix",
    [
        'check = "no-memory-limit"\nparameters = { image = "evil" }',
        'check = "no-memory-limit"\nparameters = { memory = "all" }',
    ],
)
def test_a_plan_with_values_that_no_check_takes_is_refused(
    fix: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(f"[[fix]]\n{fix}\n")
    arguments = [
        "fix",
        "shop-web",
        "--demo",
        "--plan",
        str(path),
        "--to",
        "run",
        "--quiet",
    ]
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") <= 3


@pytest.mark.parametrize(
    "row",
    [
        'option = "privileged"\noperator = "equals"\nvalue = true',
        'option = "cap-add"\noperator = "contains"\nvalue = "SYS_ADMIN"',
        'option = "network"\noperator = "equals"\nvalue = "host"',
        'option = "seccomp"\noperator = "equals"\nvalue = "unconfined"',
        'option = "volume"\noperator = "contains"\nvalue = "/:/host"',
        'option = "hooks-dir"\noperator = "contains"\nvalue = "/tmp/hooks"',
        'option = "image"\noperator = "equals"\nvalue = "evil:1"',
        'option = "runtime"\noperator = "present"\nset = "/tmp/evil"',
        'option = "seccomp"\noperator = "present"\nset = "/tmp/allow-all.json"',
        'option = "label-type"\noperator = "equals"\nvalue = "spc_t"',
        'option = "apparmor"\noperator = "equals"\nvalue = "weak"',
        'option = "env"\noperator = "contains"\nvalue = "LD_PRELOAD=/evil.so"',
        'option = "passwd-entry"\noperator = "equals"\nvalue = "x:x:0:0:x:/:/bin/sh"',
        'option = "health-cmd"\noperator = "present"\nset = "evil"',
    ],
)
def test_a_row_of_ones_own_sets_nothing_that_weakens(
    row: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "site.toml"
    path.write_text(
        'id = "site"\ntitle = "Site"\nextends = "baseline"\n'
        f'[[own]]\nid = "site-evil"\ntitle = "Evil"\nstep = 5\nseverity = "high"\nwhy = "no"\n{row}\n'
    )
    arguments = ["fix", "shop-web", "--demo", "--check", "site-evil", "--to", "run", "--quiet"]
    assert main([*arguments, "--checklist", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert (
        "would weaken the container" in printed.err or "no container option fixes it" in printed.err
    )
