"""Kept originals: the journal says which they are, a name alone proves nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.engine.shapes import TRIAL_LABEL, Listed
from hardentui.features.change.journal import Journal
from hardentui.features.looking.kept_originals import kept_originals
from hardentui.features.opening import saved_facts as simulated
from hardentui.features.views import KeptOriginal
from hardentui.model.journal import EntryState
from hardentui.model.operations import CreateStandIn, NoteContainer, Operation
from tests.support.journal import entry
from tests.support.schemas import validated

_ID, _OTHER = "1" * 64, "2" * 64
_ENTRY = "20260102-115500-7116"
_NAME = "web-before-7116"


def keep(
    identity: str = _ID,
    *operations: Operation,
    **over: Any,
) -> None:
    """An entry of the journal that keeps that container."""
    noted = NoteContainer(
        id=identity,
        name="web",
        running=True,
    )
    told = {"state": EntryState.DONE, "original": _NAME, **over}
    Journal().write(
        entry(
            noted,
            *operations,
            identity=_ENTRY,
            **told,
        )
    )


def _listed(
    identity: str = _ID,
    name: str = _NAME,
    state: str = "exited",
) -> Listed:
    return Listed(
        id=identity,
        name=name,
        image="",
        image_id="",
        state=state,
        status="",
    )


def test_the_original_of_a_change_is_kept() -> None:
    keep()
    assert kept_originals([_listed(), _listed(_OTHER, "web")]) == {_ID: KeptOriginal("web", _ENTRY)}


def test_the_stand_in_of_a_removed_original_is_kept() -> None:
    stand_in = CreateStandIn(
        name=_NAME, original=_ID, original_name="web", seconds=10, arguments=(), created=_OTHER
    )
    keep(_ID, stand_in)
    assert kept_originals([_listed(_OTHER)]) == {_OTHER: KeptOriginal("web", _ENTRY)}


@pytest.mark.parametrize(
    "listed",
    [
        _listed(_OTHER),
        _listed(name="web"),
        _listed(name="db-before-7116"),
        _listed(state="running"),
    ],
    ids=["same name only", "got its name back", "renamed", "started"],
)
def test_everything_else_is_a_container_like_any_other(listed: Listed) -> None:
    keep()
    assert not kept_originals([listed])


@pytest.mark.parametrize(
    "over",
    [
        {"state": EntryState.ROLLED_BACK},
        {"original": None, "forgotten": True},
    ],
)
def test_an_entry_that_keeps_nothing_marks_nothing(over: dict[str, Any]) -> None:
    keep(**over)
    assert not kept_originals([_listed()])


def test_without_a_journal_nothing_is_kept() -> None:
    assert not kept_originals([_listed()])


def test_a_check_counts_no_kept_original(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = json.loads((Path(simulated.__file__).parent / "demo/host.json").read_text())
    answers = document["engines"][0]["answers"]
    listed = next(
        row for row in answers["/containers/json?all=true"] if row["Names"] == ["shop-web"]
    )
    listed.update(
        Names=[_NAME],
        State="exited",
        Pid=0,
    )
    inspected = answers[f"/containers/{listed['Id']}/json"]
    inspected["Name"] = _NAME
    inspected["State"].update(
        Status="exited",
        Running=False,
        Pid=0,
    )
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(document))

    def check(*arguments: str) -> dict[str, Any]:
        main(
            [
                "check",
                "--facts",
                str(facts),
                "--format",
                "json",
                *arguments,
            ]
        )
        report: dict[str, Any] = validated(json.loads(capsys.readouterr().out))
        return report

    assert _NAME in {subject["name"] for subject in check()["subjects"]}
    keep(listed["Id"])
    report = check()
    assert _NAME not in {subject["name"] for subject in report["subjects"]}
    assert [(kept["name"], kept["of"], kept["entry"]) for kept in report["kept_originals"]] == [
        (_NAME, "web", _ENTRY)
    ]
    assert not [path for path in report["summary"]["attack_paths"] if path["container"] == _NAME]
    named = check(_NAME)
    assert named["subjects"][0]["name"] == _NAME, "who names it wants to know"
    main(["check", "--facts", str(facts)])
    assert f"{_NAME} (the original of web, kept for its undo)" in " ".join(
        capsys.readouterr().out.split()
    )


@pytest.mark.parametrize(
    ("name", "label", "kind", "words"),
    [
        ("hardentui-trial-1a-1", TRIAL_LABEL, "twin", "a twin of a trial"),
        ("ht-lab-x", "io.hardentui.lab", "lab", "a lab"),
        ("db", TRIAL_LABEL, "", ""),  # an image can bring labels, and nobody hides behind them
    ],
)
def test_a_check_tells_twins_and_labs_apart(
    name: str,
    label: str,
    kind: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = json.loads((Path(simulated.__file__).parent / "demo/host.json").read_text())
    rows = document["engines"][0]["answers"]["/containers/json?all=true"]
    next(row for row in rows if row["Names"] == ["db"]).update(
        Labels={label: "x"},
        Names=[name],
    )
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(document))
    main(["check", "--facts", str(facts), "--format", "json"])
    report = validated(json.loads(capsys.readouterr().out))
    assert [(each["name"], each["kind"]) for each in report["aside"]] == (
        [(name, kind)] if kind else []
    )
    assert (name in {subject["name"] for subject in report["subjects"]}) is not bool(kind)
    main(["check", "--facts", str(facts)])
    assert not kind or f"Not counted: {name} ({words})" in " ".join(capsys.readouterr().out.split())
