"""A word that is something of Podman and also a folder is never silently the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.__main__ import main
from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

UNIT = {"shop-web/web.container": "[Container]\nImage=example.org/app:1\n"}


@pytest.mark.parametrize("command", [(), ("check",), ("fix", "--all")])
def test_a_container_and_a_folder_of_one_name_are_told_apart(
    run: Run,
    command: tuple[str, ...],
) -> None:
    code, text = run(UNIT, *command, "shop-web", "--demo")
    assert (code, "./shop-web for the folder, podman:shop-web for the other" in text) == (2, True)


def test_each_spelling_means_one_thing(run: Run) -> None:
    code, text = run(UNIT, "check", "podman:shop-web", "--demo")
    assert "no engine asked" not in text
    code, text = run(UNIT, "check", "./shop-web")
    assert (code, "no engine asked" in text) == (0, True)


@pytest.mark.parametrize("command", [("plan",), ("fix", "--as-is"), ("trial", "--all")])
def test_every_command_knows_the_spelling_of_a_container(
    run: Run,
    command: tuple[str, ...],
) -> None:
    _, text = run(UNIT, *command, "podman:shop-web", "--demo")
    assert "There is no container called" not in text


@pytest.mark.parametrize("word", ["host", "images"])
def test_words_of_the_command_line_are_no_folders(run: Run, word: str) -> None:
    code, text = run({f"{word}/a.container": "[Container]\nImage=x\n"}, "check", word, "--demo")
    assert (code, f"./{word} for the folder" in text) == (2, True)


def test_without_a_container_of_that_name_it_is_the_folder(run: Run, tmp_path: Path) -> None:
    code, text = run({"units/a.container": UNIT["shop-web/web.container"]}, "check", "units")
    assert (code, "1 service in 1 file" in text) == (0, True)
    assert main(["units"]) == 0


@pytest.mark.parametrize(
    "command",
    [
        ("plan",),
        ("trial", "--all"),
        ("apply", "--all", "--yes"),
        ("harden", "--try"),
        ("watch",),
    ],
)
def test_a_path_where_only_containers_are_meant_says_what_is_for_files(
    run: Run,
    command: tuple[str, ...],
) -> None:
    code, text = run(UNIT, *command, "./shop-web")
    assert code == 2
    assert f"./shop-web is a path, and {command[0]} is about a container." in text
    assert "hardentui check ./shop-web" in text
    assert "hardentui fix ./shop-web" in text


def test_a_folder_that_is_named_like_no_container_is_pointed_to(run: Run) -> None:
    unit = {"units/web.container": UNIT["shop-web/web.container"]}
    _, text = run(unit, "plan", "units", "--demo")
    assert "hardentui check ./units, fix ./units." in text
