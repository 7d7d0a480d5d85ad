"""The command line on the simulated host: results, exit codes, and what reaches a terminal or a
pipe."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.cli.commands import COMMANDS, MOVED
from hardentui.cli.terminal import Terminal
from hardentui.features.looking.containers import Containers
from hardentui.features.opening import saved_facts, simulated
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Attempt, Row
from hardentui.model.finding import Kind
from tests.unit.cli.conftest import Answer, Run

HOSTILE = "x\x1b]0;owned\x07\u202e[red]b[/red]"


@pytest.fixture
def demo() -> dict[str, Any]:
    """The simulated host's document, to be changed."""
    source = Path(saved_facts.__file__).parent / "demo/host.json"
    document: dict[str, Any] = json.loads(source.read_text())
    return document


def _containers(document: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Name -> (target, inspect document) of the rootful engine."""
    answers = document["engines"][0]["answers"]
    inspected = {
        t: a for t, a in answers.items() if re.fullmatch("/containers/[0-9a-f]{64}/json", t)
    }
    return {document["Name"]: (target, document) for target, document in inspected.items()}


def _facts(directory: Path, document: dict[str, Any]) -> str:
    path = directory / "facts.json"
    path.write_text(json.dumps(document))
    return str(path)


# --- exit codes -----------------------------------------------------------------------------------


def test_fine_is_0(run: Run) -> None:
    answer = run(
        "check",
        "--demo",
        "node-exporter",
        "--check",
        "writable-rootfs",
    )
    assert (answer.code, answer.err) == (0, "")
    assert "Failing: nothing." in answer.out


def test_findings_are_1(run: Run) -> None:
    assert (
        run(
            "check",
            "--demo",
            "shop-web",
            "--check",
            "root-user",
        ).code
        == 1
    )
    assert (
        run(
            "check",
            "--demo",
            "shop-web",
            "--check",
            "root-user",
            "--fail-on",
            "critical",
        ).code
        == 0
    )


@pytest.mark.parametrize("names", [(), ("shop-web",)])
@pytest.mark.parametrize(
    "check",
    ["setuid-files-in-image", "no-update-path"],
)
def test_a_chosen_check_of_the_image_or_the_site_is_told_of_them(
    run: Run,
    check: str,
    names: tuple[str, ...],
) -> None:
    answer = run(
        "check",
        "--demo",
        *names,
        "--check",
        check,
    )
    assert (answer.code, answer.err) == (0, "")
    assert f"[{check}]" in answer.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("chek",), "did you mean 'check'"),
        (("check", "--formt", "json"), "--formt"),
        (
            ("check", "--demo", "--check", "root-usr"),
            "Did you mean root-user",
        ),
        (
            ("check", "--demo", "shopweb"),
            "Did you mean shop-web",
        ),
        (
            ("check", "--demo", ""),
            "There is no container called",
        ),
        (
            ("check", "--demo", "--step", "1", "--check", "root-user"),
            "root-user is not in",
        ),
        (("check", "--demo", "--step", "11"), "--step"),
        (
            ("check", "--demo", "--url", "unix:///x"),
            "not allowed with",
        ),
        (
            ("check", "--demo", "--checklist", "/nowhere.toml"),
            "cannot be read",
        ),
        (
            ("check", "--facts", "/nowhere.json"),
            "cannot be read",
        ),
        (("explain",), "ID"),
        (("explain", "root-usr"), "Did you mean root-user"),
        (("fix", "shop-web", "--demo"), "Name the fixes"),
        (
            ("fix", "shop-web", "--demo", "--all", "--safe"),
            "not allowed with",
        ),
        (
            ("fix", "shop-web", "--demo", "--check", "nonsense"),
            "no check called nonsense",
        ),
        (
            ("fix", "shop-web", "--demo", "--plan", "/nowhere.toml"),
            "cannot be read",
        ),
        (
            ("fix", "shop-web", "--demo", "--all", "--podman-version", "new"),
            "is not a version",
        ),
        (
            ("fix", "db", "--as-is", "--demo", "--podman-version", "4.3"),
            "has no Quadlet",
        ),
        (
            ("fix", "db", "--as-is", "--demo", "-o", "/etc/passwd/at/all"),
            "is not a directory",
        ),
        (
            ("fix", "db", "--as-is", "--demo", "--to", "compose"),
            "--to",
        ),
        (
            ("check", "--save", "/tmp/x", "--demo"),
            "Only the facts of a real host can be saved",
        ),
        (
            ("config", "checklist", "lint", "nothing-like-it"),
            "no checklist",
        ),
        (
            ("check", "--connection", "nowhere-near"),
            "no connection called",
        ),
        (
            ("--connection", "check", "fix", "db", "--as-is"),
            "no connection called",
        ),
        (("check", "--url", ""), "--url: its value is empty"),
        (
            ("--connection", "", "check"),
            "--connection: its value is empty",
        ),
        (
            ("check", "--facts", ""),
            "--facts: its value is empty",
        ),
        (
            ("check", "--demo", "-o", ""),
            "-o: its value is empty",
        ),
        (
            ("fix", "db", "--demo", "--plan", ""),
            "--plan: its value is empty",
        ),
    ],
)
def test_a_wrong_call_is_2_and_says_why(
    run: Run,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    answer = run(*arguments)
    assert answer.code == 2
    assert says in answer.err
    assert answer.out == ""


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["fix", "x", "--as-is"],
        ["plan", "x"],
        ["check", "host"],
        [],
    ],
)
def test_no_podman_at_an_address_is_3(
    run: Run,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "hardentui.engine.service.find_program",
        lambda name: None,
    )
    answer = run(*command, "--url", "unix:///nowhere/podman.sock")
    assert answer.code == 3
    assert "/nowhere/podman.sock" in answer.err + answer.out


def test_something_unknown_that_matters_is_4(
    run: Run,
    demo: dict[str, Any],
    tmp_path: Path,
) -> None:
    target, _ = _containers(demo)["db"]
    del demo["engines"][0]["answers"][target]
    demo["engines"][0]["failures"][target] = "the database is locked"
    answer = run(
        "check",
        "--facts",
        _facts(tmp_path, demo),
        "db",
    )
    assert answer.code == 4
    assert "could not be checked: the database is locked" in answer.out


def _nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = (
        Attempt(
            "rootful",
            "unix:///x",
            "the rootful socket",
            "it is absent",
            "start it",
        ),
    )

    def found_nothing(selection: Any) -> Opened:
        return simulated.open_simulated(attempts)

    monkeypatch.setattr("hardentui.cli.session.open_engines", found_nothing)
    monkeypatch.setattr("hardentui.cli.saved.open_engines", found_nothing)


@pytest.mark.parametrize(
    "command",
    [
        ["check", "host"],
        ["plan", "db"],
        ["fix", "db", "--all"],
        ["check", "--save", "f"],
    ],
)
def test_the_simulated_host_is_never_taken_for_a_real_one(
    run: Run,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _nothing_found(monkeypatch)
    answer = run(*command)
    assert (answer.code, answer.out) == (3, "")
    for words in (
        "No Podman was found",
        "the rootful socket: it is absent",
        "start it",
        "--demo",
    ):
        assert words in answer.err


def test_without_a_command_and_a_terminal_the_list_is_shown(run: Run) -> None:
    answer = run("--demo")
    assert answer.code == 1
    assert "SIMULATED HOST" in answer.err
    first, *rows = answer.out.splitlines()
    assert first.split() == ["Container", "Image", "Engine", "State", "Score", "1234567890"]
    scores = [int(row.split()[-2].removeprefix("≥")) for row in rows]
    assert scores == sorted(scores)
    assert {row.split()[0] for row in rows} >= {"shop-web", "db", "cache", "backup", "uyuni-server"}
    assert "x fail" in answer.err, "the signs of the cells are told"


def test_ctrl_c_is_130(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Containers, "scan", interrupted)
    answer = run("check", "--demo")
    assert (answer.code, answer.out, answer.err) == (130, "", "interrupted\n")


# --- commands -------------------------------------------------------------------------------------


def test_names_select_containers_and_leave_the_host_out(
    run: Run,
    demo: dict[str, Any],
) -> None:
    _, db = _containers(demo)["db"]
    answer = run(
        "check",
        "--demo",
        "--format",
        "json",
        "shop-web",
        db["Id"][:9],
    )
    subjects = json.loads(answer.out)["subjects"]
    by_kind = {kind: {each["name"] for each in subjects if each["kind"] == kind} for kind in Kind}
    assert by_kind[Kind.CONTAINER] == {"shop-web", "db"}
    assert {name.partition(":")[0] for name in by_kind[Kind.IMAGE]} == {
        "docker.io/library/nginx",
        "docker.io/library/postgres",
    }
    assert by_kind[Kind.SITE] == {"site"}
    assert not by_kind[Kind.HOST] | by_kind[Kind.ENGINE]


def test_a_filter_selects_containers_with_the_scores_of_a_whole_check(run: Run) -> None:
    whole = _by_name(run("check", "--demo", "--format", "json"))
    answer = run(
        "check",
        "--demo",
        "--format",
        "json",
        "--filter",
        "score<50 !db",
    )
    some = _by_name(answer)
    expected = {
        name
        for name, subject in whole.items()
        if subject["kind"] == "container"
        and subject["score"] is not None
        and subject["score"] < 50
        and "db" not in name
    }
    assert expected
    assert set(some) == expected
    assert {name: subject["score"] for name, subject in some.items()} == {
        name: whole[name]["score"] for name in some
    }
    assert answer.code == 1
    both = _by_name(
        run(
            "check",
            "--demo",
            "--format",
            "json",
            "shop-web",
            "--filter",
            "state:running",
        )
    )
    assert set(both) == {"shop-web"}


def _by_name(answer: Answer) -> dict[str, Any]:
    subjects = json.loads(answer.out)["subjects"]
    return {subject["name"]: subject for subject in subjects if subject["kind"] == "container"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("scor<50", 'no column "scor"'),
        ("score<many", "score takes a number"),
        ("state:running name=nobody", "No container matches the filter"),
        ("fail:no-such-check", 'No check here is called "no-such-check"'),
    ],
)
def test_a_filter_that_keeps_nothing_or_is_none_is_no_pass(
    run: Run,
    words: str,
    why: str,
) -> None:
    answer = run("check", "--demo", "--filter", words)
    assert (answer.code, answer.out) == (2, "")
    assert why in answer.err


def test_a_filter_brings_the_networks_and_images_of_its_containers_only(run: Run) -> None:
    whole = _by_name(
        run(
            "check",
            "--demo",
            "--step",
            "6",
            "--format",
            "json",
        )
    )
    some = _by_name(
        run(
            "check",
            "--demo",
            "--step",
            "6",
            "--format",
            "json",
            "--filter",
            "name=shop-web",
        )
    )
    assert "shop-web" in some
    assert set(some) < set(whole)
    answer = run(
        "check",
        "--demo",
        "--check",
        "vulnerable-engine",
        "--filter",
        "name=shop-web",
    )
    assert answer.code == 2
    assert "Omit the names and the filter" in answer.err


def test_without_names_host_engines_and_networks_are_checked_too(run: Run) -> None:
    whole = json.loads(run("check", "--demo", "--format", "json").out)
    kinds = {subject["kind"] for subject in whole["subjects"]}
    assert kinds == {"container", "image", "host", "engine", "network", "site"}
    assert whole["host"] == {"name": "shop01", "simulated": True, "saved_at": ""}
    assert {engine["cgroups"] for engine in whole["engines"]} == {"v2"}
    failing = {each["check"] for subject in whole["subjects"] for each in subject["findings"]}
    assert failing <= set(whole["checks"])


def test_the_worst_ways_to_the_host_are_in_check_and_host(run: Run) -> None:
    told = [
        json.loads(run(*command, "--demo", "--format", "json").out)["summary"]["attack_paths"]
        for command in (("check",), ("check", "host"))
    ]
    assert told[0] == told[1]
    assert 1 <= len(told[0]) <= 3
    for command in (("check", "--details"), ("check", "host")):
        text = " ".join(run(*command, "--demo").out.split())
        assert (
            f"1. {told[0][0]['container']} ({told[0][0]['engine']}): {told[0][0]['sentence']}"
            in text
        )
    only = json.loads(
        run(
            "check",
            "--demo",
            "--format",
            "json",
            "node-exporter",
        ).out
    )
    assert {path["container"] for path in only["summary"]["attack_paths"]} <= {"node-exporter"}


def test_the_report_says_what_to_do_next_with_commands_that_work(
    run: Run,
    tmp_path: Path,
) -> None:
    def steps(text: str) -> list[str]:
        part = text.partition("What to do next\n")[2].partition("\n\n")[0]
        return [
            line.strip().partition("   ")[0] for line in part.splitlines() if "hardentui" in line
        ]

    first = (
        run("check", "--demo")
        .out.partition("Do these first\n")[2]
        .partition("\n\n")[0]
        .splitlines()
    )
    assert 1 <= len(first) <= 5
    for line in first:
        words = line.partition(" hardentui ")[2].split()
        assert run(*words, *(["--try"] if words[0] == "harden" else [])).code == 0, line
    commands = steps(run("check", "--demo", "backup").out)
    assert [command.split()[1] for command in commands] == ["check", "harden", "explain", "explain"]
    for command in commands:
        words = command.partition("  ")[0].split()
        trying = ["--try"] if words[1] == "harden" else []  # without it, it asks at a terminal
        assert run(*words[1:], *trying).code in (0, 1), command
    paths = json.loads(run("check", "--demo", "--format", "json").out)["summary"]["attack_paths"]
    assert commands[2] == f"hardentui explain {paths[0]['checks'][0]}"
    assert "What to do next" not in run("check", "--demo", "--quiet").out
    report = tmp_path / "report.txt"
    run(
        "check",
        "--demo",
        "backup",
        "-o",
        str(report),
    )
    assert steps(report.read_text()) == commands


def test_every_command_about_a_container_leads_to_the_same_host(
    run: Run,
    tmp_path: Path,
) -> None:
    plan, directory = tmp_path / "plan.toml", tmp_path / "units"
    told = (
        run("check", "--demo").out,
        run(
            "check",
            "--demo",
            "shop-web",
            "--details",
        ).out,
        run(
            "plan",
            "shop-web",
            "--demo",
            "--likely",
            "-o",
            str(plan),
        ).err,
        run(
            "fix",
            "shop-web",
            "--demo",
            "--likely",
            "--to",
            "run",
            "-o",
            str(directory),
        ).err,
        run(
            "fix",
            "shop-web",
            "db",
            "--demo",
            "--safe",
            "-o",
            str(directory),
        ).err,
        run(
            "check",
            "shop-web",
            "--rights",
            "--demo",
        ).out,
        run("--demo").err,
    )
    about = r"hardentui (?:apply|check|fix|images|plan|trial|trust)\b[^;\n)]*"
    commands = [
        command for text in told for command in re.findall(about, " ".join(text.split("\n")))
    ]
    commands = [
        command for command in commands if re.search(r" (?:shop-web|db|[0-9a-f]{12})\b", command)
    ]
    assert {command.split()[1] for command in commands} >= {"check", "plan", "fix"}
    assert [command for command in commands if "--demo" not in command] == []


def test_a_check_of_everything_is_brief_and_a_named_one_is_not(run: Run) -> None:
    for name in ("backup", "db", "shop-web"):
        brief = run("check", "--demo", name).out
        assert len(brief.splitlines()) <= 32  # two of them say that it is simulated
        assert "declared: " not in brief
        assert "declared: " in run("check", "--demo", name, "--details").out
    assert "declared: " in run("check", "--demo", "--details").out
    assert "declared: " in run("check", "--demo", "--step", "4").out


def test_a_check_of_ten_containers_fits_on_one_screen(run: Run) -> None:
    told = run("check", "--demo").out
    lines = told.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    for name in ("backup", "report", "db", "shop-api", "cache", "uyuni-server", "shop-web"):
        assert re.search(
            rf"^  {name} +(takeover|weak|fair|strong) +\d",
            told,
            re.MULTILINE,
        ), name
    assert re.search(
        r"^  backup .*  mounted-engine-socket",
        told,
        re.MULTILINE,
    )
    assert re.search(
        r"^  \d+ of 10 images: \d high",
        told,
        re.MULTILINE,
    )
    assert re.search(r"Failing: \d+\s+critical", told)


def test_a_container_has_one_score_everywhere(run: Run) -> None:
    whole = json.loads(run("check", "--demo", "--format", "json").out)["subjects"]
    listed = run("--demo").out
    for subject in whole:
        if subject["kind"] != "container":
            continue
        alone = _by_name(
            run(
                "check",
                subject["name"],
                "--demo",
                "--format",
                "json",
            )
        )[subject["name"]]
        plan = json.loads(
            run(
                "plan",
                subject["name"],
                "--demo",
                "--safe",
                "--format",
                "json",
            ).out
        )
        assert plan["score"]["before"] == alone["score"] == subject["score"]
        assert re.search(
            rf"^{subject['name']} .* {subject['score']}  ",
            listed,
            re.MULTILINE,
        )


def test_what_cannot_be_run_is_no_pass(
    run: Run,
    demo: dict[str, Any],
    tmp_path: Path,
) -> None:
    answer = run(
        "check",
        "shop-web",
        "--demo",
        "--check",
        "weak-kernel-settings",
    )
    assert answer.code == 2
    assert "Nothing was checked: these checks are about the host." in answer.err
    answers = demo["engines"][0]["answers"]
    demo["engines"] = demo["engines"][:1]
    answers["/containers/json?all=true"] = []
    (tmp_path / "empty.json").write_text(json.dumps(demo))
    answer = run(
        "check",
        "--facts",
        str(tmp_path / "empty.json"),
        "--check",
        "no-logs",
    )
    assert answer.code == 2
    assert "there is no container here" in answer.err


def test_the_beginning_of_an_id_must_be_that_of_one(
    run: Run,
    demo: dict[str, Any],
    tmp_path: Path,
) -> None:
    for listed in demo["engines"][0]["answers"]["/containers/json?all=true"][:2]:
        listed["Id"] = "abcd" + listed["Id"][4:]
    answer = run(
        "check",
        "--facts",
        _facts(tmp_path, demo),
        "abcd",
    )
    assert answer.code == 2
    assert "'abcd' matches more than one container" in answer.err
    demo["engines"][0]["answers"]["/containers/json?all=true"][0]["Id"] = "dba" + "1" * 61
    answer = run(
        "check",
        "--facts",
        _facts(tmp_path, demo),
        "dba",
    )
    assert answer.code == 2, "more likely the name of one that is gone"
    assert "dba" in answer.err


def test_a_container_that_was_removed_meanwhile_leaves_nothing_open(
    run: Run,
    demo: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, _ = _containers(demo)["db"]
    del demo["engines"][0]["answers"][target]
    path = _facts(tmp_path, demo)
    real = Containers.rows
    asked: list[None] = []

    def rows(containers: Containers) -> tuple[Row, ...]:
        asked.append(None)
        return tuple(row for row in real(containers) if len(asked) <= 1 or row.name != "db")

    monkeypatch.setattr(Containers, "rows", rows)
    answer = run("check", "--facts", path, "db")
    assert answer.code == 0
    assert "note: db was removed during the check" in answer.err


def test_a_name_that_fits_two_containers_is_not_guessed(
    run: Run,
    demo: dict[str, Any],
    tmp_path: Path,
) -> None:
    for listed in demo["engines"][1]["answers"]["/containers/json?all=true"]:
        listed["Names"] = ["db"]
    with pytest.MonkeyPatch.context() as patch:
        replay = saved_facts.replay
        patch.setattr(
            simulated,
            "replay",
            lambda *rest, **named: replay(demo, "x", **named),
        )
        answer = run("fix", "db", "--as-is", "--demo")
    assert answer.code == 2
    assert "more than one container" in answer.err
    assert "rootless anna" in answer.err


def test_a_report_goes_to_a_file_and_does_not_pile_up(
    run: Run,
    tmp_path: Path,
) -> None:
    path = tmp_path / "report.json"
    path.write_text("what was there")
    for _ in range(2):
        answer = run(
            "check",
            "--demo",
            "cache",
            "--format",
            "json",
            "-o",
            str(path),
        )
        assert answer.out == ""
    assert json.loads(path.read_text())["schema"] == "hardentui/check/3"
    assert os.listdir(tmp_path) == ["report.json"]


@pytest.mark.parametrize("check", [check.id for check in all_checks()])
def test_every_check_is_explained(run: Run, check: str) -> None:
    answer = run("explain", check)
    assert answer.code == 0
    for heading in ("What it checks", "Why it matters", "What may break", "How to fix it"):
        assert heading in answer.out
    examples = [line for line in answer.out.splitlines() if line.startswith("  podman run ")]
    assert len(examples) == len(set(examples)), "what fails for one reader would pass for another"


def test_explain_shows_examples_parameters_and_the_change(run: Run) -> None:
    out = run("explain", "writable-rootfs").out
    assert "+ --read-only" in out
    assert "+ ReadOnly=true" in out
    assert "podman run --read-only" in out
    assert "tmpfs_size = " in out


def test_explain_shows_only_what_its_options_alone_show(run: Run) -> None:
    """The same command passes on a host without AppArmor."""
    out = run("explain", "apparmor-unconfined").out
    assert "apparmor=unconfined" not in out.split("Fails, for example")[1]
    assert "podman run --privileged IMAGE" in out
    assert "about the image" in run("explain", "end-of-life-image").out


def test_a_plan_is_saved_and_used_again(
    run: Run,
    tmp_path: Path,
) -> None:
    path = tmp_path / "plan.toml"
    saved = run(
        "plan",
        "db",
        "--demo",
        "--check",
        "writable-rootfs",
        "-o",
        str(path),
    )
    assert saved.code == 0
    assert "--read-only" in saved.out
    fixed = run(
        "fix",
        "db",
        "--demo",
        "--plan",
        str(path),
        "--to",
        "run",
    )
    assert fixed.code == 0
    assert "--read-only" in fixed.out
    assert "differs" not in fixed.err
    other = run(
        "fix",
        "shop-web",
        "--demo",
        "--plan",
        str(path),
    )
    assert "differs: The plan was made for 'db', this is 'shop-web'." in other.err
    assert "ReadOnly=true" in other.out


def test_a_plan_says_each_warning_once(run: Run) -> None:
    answer = run(
        "plan",
        "shop-web",
        "--demo",
        "--check",
        "default-capabilities-kept",
    )
    assert "--cap-add" in answer.out
    assert "--cap-drop" in answer.out
    assert " ".join(answer.out.split()).count("operation not permitted") == 1


def test_a_plan_as_json_masks_secrets(run: Run) -> None:
    answer = run(
        "plan",
        "db",
        "--demo",
        "--all",
        "--format",
        "json",
    )
    plan = json.loads(answer.out)
    assert plan["schema"] == "hardentui/plan/1"
    assert {"option", "before", "after", "checks", "reason", "risk", "impact"} <= set(
        plan["changes"][0]
    )
    assert "correct-horse-battery" not in answer.out + answer.err


@pytest.mark.parametrize(
    "command",
    [
        ["check", "db"],
        ["plan", "db"],
        ["check", "db", "--format", "json"],
        ["check", "host"],
    ],
)
def test_secrets_are_never_shown(run: Run, command: list[str]) -> None:
    answer = run(*command, "--demo")
    assert "correct-horse-battery" not in answer.out + answer.err


def test_a_fix_that_needs_a_value_says_where_to_set_it_and_works_with_it(
    run: Run,
    tmp_path: Path,
) -> None:
    answer = run(
        "plan",
        "shop-web",
        "--demo",
        "--likely",
    )
    assert "left out: root-user: the user to run as must be chosen." in answer.err
    assert (
        "to set a parameter, add it to a saved plan: hardentui plan shop-web -o plan.toml"
        in answer.err
    )
    assert (
        "to set a parameter"
        not in run(
            "plan",
            "shop-web",
            "--demo",
            "--check",
            "writable-rootfs",
        ).err
    )
    plan = tmp_path / "plan.toml"
    run(
        "plan",
        "shop-web",
        "--demo",
        "--check",
        "writable-rootfs",
        "-o",
        str(plan),
    )
    added = 'fix = [\n    { check = "root-user", parameters = { user = "101:101" } },\n'
    plan.write_text(plan.read_text().replace("fix = [\n", added))
    assert (
        "User=101"
        in run(
            "fix",
            "shop-web",
            "--demo",
            "--plan",
            str(plan),
        ).out
    )


def test_files_are_written_and_listed(run: Run, tmp_path: Path) -> None:
    answer = run(
        "fix",
        "shop-web",
        "--demo",
        "--check",
        "writable-rootfs",
        "-o",
        str(tmp_path),
    )
    assert answer.code == 0
    assert "ReadOnly=true" in (tmp_path / "shop-web.container").read_text()
    assert (tmp_path / "shop-net.network").exists()
    assert f"{tmp_path}/shop-web.container: new" in answer.out
    run(
        "fix",
        "shop-web",
        "--demo",
        "--check",
        "writable-rootfs",
        "--to",
        "run",
        "-o",
        str(tmp_path),
    )
    script = tmp_path / "shop-web.sh"
    assert "--read-only" in script.read_text()
    assert os.access(script, os.X_OK)


def test_a_good_and_a_bad_checklist(run: Run, tmp_path: Path) -> None:
    assert (
        run(
            "config",
            "checklist",
            "lint",
            "ten-steps",
        ).code
        == 0
    )
    path = tmp_path / "mine.toml"
    path.write_text('id = "x"\ntitle = 3\n')
    answer = run(
        "config",
        "checklist",
        "lint",
        str(path),
    )
    assert answer.code == 2
    assert f"{path}:2: title must be a string" in answer.out
    answer = run(
        "check",
        "--demo",
        "--checklist",
        str(path),
    )
    assert answer.code == 2
    assert "2: title must be a string" in answer.err


# --- what reaches a terminal or a pipe ------------------------------------------------------------


@pytest.fixture
def hostile(
    demo: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """The simulated host with hostile names, images, labels and variables everywhere."""
    for engine in demo["engines"]:
        for listed in engine["answers"]["/containers/json?all=true"]:
            listed["Names"] = [HOSTILE + listed["Names"][0]]
            listed["Image"] = HOSTILE
    for _, document in _containers(demo).values():
        document["Name"] = HOSTILE + document["Name"]
        document["ImageName"] = HOSTILE
        document["Config"]["Labels"] = {HOSTILE: HOSTILE}
        document["Config"]["Env"] = [f"{HOSTILE}_PASSWORD={HOSTILE}secret"]
    replay = saved_facts.replay
    monkeypatch.setattr(
        simulated,
        "replay",
        lambda *rest, **named: replay(demo, "x", **named),
    )
    return demo


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["check", "--format", "json"],
        ["check", "--format", "markdown"],
        [],
        ["plan", HOSTILE + "db"],
        ["plan", HOSTILE + "db", "--format", "json"],
        ["check", HOSTILE + "dc"],
        ["fix", HOSTILE + "dc", "--as-is"],
    ],
    ids=str,
)
def test_no_escape_of_a_hostile_name_gets_out(
    run: Run,
    hostile: dict[str, Any],
    command: list[str],
) -> None:
    answer = run(*command, "--demo")
    assert answer.code in (0, 1, 2)
    assert not set(answer.out + answer.err) & {"\x1b", "\x07", "\u202e"}


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _terminal(
    environ: dict[str, str],
    *,
    no_color: bool = False,
) -> tuple[Terminal, io.StringIO, io.StringIO]:
    out, err = FakeTerminal(), FakeTerminal()
    return (
        Terminal(
            out,
            err,
            no_color=no_color,
            environ=environ,
        ),
        out,
        err,
    )


def test_colours_only_where_they_are_wanted() -> None:
    assert _terminal({"TERM": "xterm"})[0].color
    assert not _terminal({"TERM": "xterm"}, no_color=True)[0].color
    assert not _terminal({"TERM": "xterm", "NO_COLOR": "1"})[0].color
    assert not _terminal({"TERM": "dumb"})[0].color
    assert not _terminal({})[0].color
    assert not Terminal(
        io.StringIO(),
        io.StringIO(),
        environ={"TERM": "xterm"},
    ).color


def test_a_file_is_exact_in_a_pipe_and_harmless_on_a_terminal() -> None:
    pipe = io.StringIO()
    Terminal(pipe, io.StringIO()).write_exact("a\x1b[2Jb\tc\n")
    assert pipe.getvalue() == "a\x1b[2Jb\tc\n"
    terminal, out, _ = _terminal({"TERM": "xterm"})
    terminal.write_exact("a\x1b[2Jb\n")
    assert out.getvalue() == "a\u241b[2Jb\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        command = [sys.executable, "-m", "hardentui", "check", "--demo"]
        done = subprocess.run(
            command, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_behind_the_output_is_told() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "hardentui", "explain", "--list"]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "hardentui: the output could not be written: No space left on device\n"


@pytest.mark.parametrize(
    ("closed", "said"),
    [(">&-", ""), ("2>&-", "db"), ("<&-", "db")],
)
def test_a_stream_that_was_closed_is_no_fault(
    closed: str,
    said: str,
) -> None:
    command = f'exec "$0" -m hardentui check db --demo {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert said in done.stdout


def test_the_help_is_one_screen(run: Run) -> None:
    lines = run("--help").out.splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert len(COMMANDS) <= 18
    assert all(any(f"{name} " in line for line in lines) for name in COMMANDS)


@pytest.mark.parametrize("name", MOVED)
def test_an_old_command_names_the_new_one(run: Run, name: str) -> None:
    answer = run("--demo", name, "web")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == f"hardentui {name} is now: hardentui {MOVED[name]}\n"
    assert MOVED[name].split()[0] in COMMANDS


def test_help_leads_to_the_pages(run: Run) -> None:
    topics = run("help").out.partition("topics: ")[2].split()
    assert {"trial", "codes", "apply"} <= {*topics}
    for topic in (*topics, *COMMANDS):
        assert run("help", topic).out, topic
    assert run("help", "convert").out == "hardentui convert is now: hardentui fix NAME --as-is\n"
    assert "did you mean 'trial'" in run("help", "trail").err


def test_help_of_every_command_is_one_screen_and_the_whole_has_every_option(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in COMMANDS:
        for option in ("--help", "--help-all"):
            assert main([command, option]) == 0
        short, whole = capsys.readouterr().out.split(f"usage: hardentui {command}")
        rows = sum(-(-len(line) // 80) for line in short.splitlines())
        assert rows <= 24, f"{command}: {rows} rows"
        assert not [line for line in short.splitlines() if line.endswith(" …")], command
        assert f"hardentui {command} --help-all" in short
        for option in ("--url", "--connection", "--demo", "--no-color", "--quiet"):
            assert option in whole
