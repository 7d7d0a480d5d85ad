"""Passwords in environment files beside what uses them are found there, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.features.at_rest.test_checking import Run, finding, report, run, service

__all__ = ["run"]

FILE = "# of the database\nPOSTGRES_DB=shop\nPOSTGRES_PASSWORD=tr0ub4dor-and-3\n"
IMAGE = "docker.io/library/postgres:17"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compose.yaml", f"services:\n  db:\n    image: {IMAGE}\n    env_file: db.env\n"),
        (
            "compose.yaml",
            f"services:\n  db:\n    image: {IMAGE}\n    env_file: [{{path: ./db.env}}]\n",
        ),
        ("db.container", f"[Container]\nImage={IMAGE}\nEnvironmentFile=db.env\n"),
        ("db.sh", f"podman run --name db --env-file ./db.env {IMAGE}\n"),
    ],
)
def test_a_password_in_an_environment_file_is_found_at_its_line(
    run: Run,
    name: str,
    text: str,
) -> None:
    document = report(run, {f"s/{name}": text, "s/db.env": FILE}, "./s")
    password = finding(service(document, "db"), "plaintext-secret-env")
    assert password["status"] == "fail"
    assert (password["file"].rpartition("/")[2], password["line"]) == ("db.env", 3)
    assert "tr0ub4dor" not in str(document)


def test_what_a_unit_hands_on_of_its_own_environment_file_is_found_too(
    run: Run,
    tmp_path: Path,
) -> None:
    unit = (
        f"[Service]\nEnvironmentFile=-{tmp_path}/s/db.env\n"
        f"ExecStart=/usr/bin/podman run --name db {{flag}} {IMAGE}\n"
    )
    for flag, status in (("-e POSTGRES_PASSWORD", "fail"), ("-e POSTGRES_DB", "pass")):
        files = {"s/db.service": unit.format(flag=flag), "s/db.env": FILE}
        db = service(report(run, files, "./s"), "db")
        password_finding = {each["check"]: each for each in db["findings"]}.get(
            "plaintext-secret-env"
        )
        assert (password_finding["status"] if password_finding else "pass") == status
        assert not password_finding or password_finding["line"] == 3


def test_a_file_that_is_not_there_leaves_the_environment_open(run: Run) -> None:
    text = f"services:\n  db:\n    image: {IMAGE}\n    env_file: db.env\n"
    db = service(report(run, {"s/compose.yaml": text}, "./s"), "db")
    password = finding(db, "plaintext-secret-env")
    assert (password["status"], "db.env" in password["reason"]) == ("unknown", True)


def test_what_a_file_gives_is_not_written_again(run: Run) -> None:
    text = f"services:\n  db:\n    image: {IMAGE}\n    env_file: db.env\n"
    files = {"s/compose.yaml": text, "s/db.env": FILE}
    code, said = run(files, "fix", "./s", "--to", "quadlet")
    assert (code, "tr0ub4dor" in said, "EnvironmentFile=" in said) == (0, False, True)
    code, said = run(files, "fix", "./s", "--all")
    assert (code, "tr0ub4dor" in said) == (0, False)


def test_who_may_read_the_file_of_a_secret_only_its_host_knows(run: Run) -> None:
    text = (
        f"services:\n  db:\n    image: {IMAGE}\n    secrets: [key]\n"
        "secrets: {key: {file: ./key.txt}}\n"
    )
    db = service(report(run, {"s/compose.yaml": text, "s/key.txt": "x"}, "./s"), "db")
    assert finding(db, "loose-secret")["status"] == "unknown"
    text = f"services:\n  db:\n    image: {IMAGE}\n"
    db = service(report(run, {"t/compose.yaml": text}, "./t"), "db")
    assert "loose-secret" not in {each["check"] for each in db["findings"]}
