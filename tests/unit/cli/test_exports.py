"""`convert` and `fix` with `--to kube` and `--to ansible`, on the simulated host."""

import os
from pathlib import Path

import pytest
import yaml

from hardentui.__main__ import main
from tests.unit.cli.conftest import Run


def test_a_container_is_written_as_a_pod(run: Run) -> None:
    answer = run(
        "fix",
        "db",
        "--as-is",
        "--demo",
        "--to",
        "kube",
    )
    assert answer.code == 0
    first = next(yaml.safe_load_all(answer.out))
    assert first["kind"] == "Pod"
    assert first["metadata"]["name"] == "db-pod"
    assert "Nothing was hardened" in answer.out
    assert 'Not admitted by Pod Security "restricted"' in answer.out


def test_the_changes_of_a_plan_are_in_the_pod(
    run: Run,
    tmp_path: Path,
) -> None:
    plan = ("--check", "new-privileges-allowed", "--check", "no-memory-limit")
    answer = run(
        "fix",
        "db",
        "--demo",
        *plan,
        "--to",
        "kube",
        "-o",
        str(tmp_path),
    )
    assert answer.code == 0
    text = (tmp_path / "db.kube.yaml").read_text()
    container = next(yaml.safe_load_all(text))["spec"]["containers"][0]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["resources"]["limits"]["memory"]
    assert "# Changed --memory: " in text
    assert "db.kube.yaml" in answer.err


def test_a_playbook_is_written_with_what_it_requires(
    run: Run,
    tmp_path: Path,
) -> None:
    plan = ("--check", "new-privileges-allowed")
    answer = run(
        "fix",
        "db",
        "--demo",
        *plan,
        "--to",
        "ansible",
        "-o",
        str(tmp_path),
    )
    assert answer.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"db.playbook.yml", "requirements.yml"}
    assert "no-new-privileges" in (tmp_path / "db.playbook.yml").read_text()
    assert yaml.safe_load((tmp_path / "requirements.yml").read_text())["collections"]


@pytest.mark.parametrize("target", ["kube", "ansible"])
def test_a_file_with_a_secret_is_private(
    run: Run,
    tmp_path: Path,
    target: str,
) -> None:
    answer = run(
        "fix",
        "db",
        "--as-is",
        "--demo",
        "--to",
        target,
        "-o",
        str(tmp_path),
    )
    assert answer.code == 0
    (file,) = tmp_path.glob("db.*")
    assert "correct-horse-battery" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert "correct-horse-battery" not in answer.err


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="root writes into the folder of another account",
)
def test_a_report_of_root_in_a_users_folder_stays_roots(tmp_path: Path) -> None:
    os.chown(tmp_path, 4321, 4321)
    path = tmp_path / "report.json"
    path.touch()
    os.chown(path, 4321, 4321)  # put there by the user, to be its owner
    assert main(
        [
            "check",
            "--demo",
            "--format",
            "json",
            "-o",
            str(path),
            "--quiet",
        ]
    ) in (1, 4)
    fix = "fix shop-web --demo --check no-memory-limit --to run -o".split()
    assert main([*fix, str(tmp_path / "out")]) == 0
    assert path.stat().st_uid == 0
    assert [file.stat().st_uid for file in (tmp_path / "out").iterdir()] == [0, 0]
