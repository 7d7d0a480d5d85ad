"""What strangers wrote is read within limits: too much is one sentence about that file, and the
rest is judged. In processes of their own, which end by a signal when a limit is missing."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MEMORY = 1 << 30
SECONDS = 20
DEEP = 40_000
WEB = "services:\n  web:\n    image: docker.io/library/nginx:1\n    privileged: true\n"
MUCH: dict[str, Callable[[], str]] = {
    "brackets": lambda: "services: {web: " + "[" * DEEP + "]" * DEEP + "}",
    "braces": lambda: "services: " + "{a: " * DEEP + "1" + "}" * DEEP,
    "dashes": lambda: "- " * DEEP + "x",
    "questions": lambda: "? " * DEEP + "x",
    "indents": lambda: "".join(f"{' ' * depth}a:\n" for depth in range(1_500)),
    "documents": lambda: ("---\n" + "[" * 50 + "]" * 50 + "\n") * 4_000,
    "values": lambda: "services: {web: {image: [" + "a, " * 200_000 + "]}}",
    "aliases": lambda: (
        "a0: &a0 [x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40))
    ),
    "anchors": lambda: "services: {web: {image: a, x: &a [*a]}}",
    "a long line": lambda: "services: {web: {image: '" + "a" * 4_000_000 + "'}}",
    "no end": lambda: "services: {web: '" + "a\n\n" * 100_000,
}


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def _check(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hardentui", "check", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=_limited,
    )


@pytest.mark.parametrize("what", MUCH)
def test_one_file_that_is_too_much_hides_no_other(what: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/compose.yaml").write_text(MUCH[what]())
    (tmp_path / "b").mkdir()
    (tmp_path / "b/compose.yaml").write_text(WEB)
    done = _check(".", "--format", "json", cwd=tmp_path)
    assert done.returncode in (1, 4), (done.returncode, done.stderr[-400:])
    assert "internal error" not in done.stderr
    names = [subject["name"] for subject in json.loads(done.stdout)["subjects"]]
    assert "web" in names


@pytest.mark.parametrize("what", ["brackets", "braces", "dashes", "questions", "documents"])
def test_it_is_one_sentence_about_the_file(what: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(MUCH[what]())
    done = _check("./compose.yaml", cwd=tmp_path)
    told = done.stdout + done.stderr
    assert done.returncode in (2, 4), told[-400:]
    assert "compose.yaml: not checked: it" in told


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("waivers.toml", "a = " + "[" * 90_000 + "]" * 90_000),
        ("deep.container", "[Container]\n" + "PodmanArgs=" + "\\\n" * 90_000 + "x\n"),
        ("many.container", "[Container]\nImage=a\n" + "Environment=A=1\n" * 60_000),
        ("deep.sh", "podman run " + "$(" * 30_000 + ")" * 30_000 + " nginx\n"),
        ("quotes.sh", "podman run " + "'\"" * 50_000 + " nginx\n"),
        ("pod.yaml", "apiVersion: v1\nkind: Pod\nspec: " + "{a: " * DEEP + "1" + "}" * DEEP),
    ],
)
def test_other_kinds_end_too(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "compose.yaml").write_text(WEB)
    done = _check(".", "--format", "json", cwd=tmp_path)
    assert done.returncode in (1, 2, 4), (done.returncode, done.stderr[-400:])
    assert "internal error" not in done.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--facts",), "[" * 500_000),
        (("--facts",), '{"a":' * 200_000),
        (("images", "--import"), "[" * 500_000),
        (("host", "--import"), "<a>" * 300_000),
        (("host", "--import"), '<!DOCTYPE a [<!ENTITY b "' + "b" * 90_000 + '">]><a>&b;</a>'),
        (("--since",), "[" * 500_000),
        (("--checklist",), "a = " + "[" * 90_000),
    ],
)
def test_reports_and_plans_of_others_end_too(
    words: tuple[str, ...], text: str, tmp_path: Path
) -> None:
    name = "list.toml" if "--checklist" in words else "given.json"
    (tmp_path / name).write_text(text)
    command = ["images"] if words[0] == "images" else ["check"]
    done = subprocess.run(
        [sys.executable, "-m", "hardentui", *command, *words[words[0] == "images" :], name]
        + ([] if "--facts" in words else ["--demo"]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=_limited,
    )
    assert done.returncode == 2, (done.returncode, done.stderr[-400:])
    assert len(done.stderr.splitlines()) <= 3


_DIGITS = "9" * 5_000
"""More than Python reads as a number."""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compose.yaml", f"services: {{web: {{image: a, mem_limit: {_DIGITS}}}}}"),
        ("compose.yaml", f"services: {{web: {{image: a, stop_grace_period: '{_DIGITS}s'}}}}"),
        (
            "compose.yaml",
            "services: {web: {image: a, user: '" + ("${A:-" + "9" * 300 + "}") * 2 + "'}}",
        ),
        (
            "pod.yaml",
            f"kind: Pod\nspec: {{containers: [{{ports: [{{containerPort: {_DIGITS}}}]}}]}}",
        ),
        ("a.container", f"[Container]\nImage=a\nUIDMap=0:{_DIGITS}:1\n"),
        ("a.service", f"[Service]\nExecStart=podman run --memory {_DIGITS} a\n"),
        ("run.sh", f"podman run -d --uidmap 0:{_DIGITS}:1 a\n"),
    ],
)
def test_a_number_without_end_is_one_sentence(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "web").mkdir()
    (tmp_path / "web/compose.yaml").write_text(WEB)
    done = _check(".", "--format", "json", cwd=tmp_path)
    assert done.returncode in (1, 4), (done.returncode, done.stderr[-400:])
    names = [subject["name"] for subject in json.loads(done.stdout)["subjects"]]
    assert "web" in names
    alone = _check(f"./{name}", cwd=tmp_path)
    assert "a number of more than 400 digits" in alone.stdout + alone.stderr
