"""Whatever is in a file of somebody else: it is read, or one clear sentence says why not."""

import copy
import datetime
import json
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardentui.checks import all_checks
from hardentui.errors import HardenError
from hardentui.features import planning as saved_plans
from hardentui.features import waivers
from hardentui.features.checklists import loading
from hardentui.features.fix.trial_files import refuse_more_than_offered, why_weaker
from hardentui.features.fix_defaults import read_fix_defaults
from hardentui.features.opening.saved_facts import open_saved
from hardentui.features.reports.saved_report import read_report
from hardentui.features.settings import Document, read_settings
from hardentui.features.training.lab_files import load_labs, parse_lab
from hardentui.features.trial.tried import as_json, choices_of, no_longer_fits, plan_of, read_trial
from hardentui.harden.plan import make_plan
from tests.unit.features.trial.test_offered import BASE, HONEST, WEB
from tests.unit.features.trial.test_record import plan_for, record

CHECKS = tuple(all_checks())
IDS = tuple(check.id for check in CHECKS)
CHECKLIST = loading.load("")
OURS = Path(loading.directory_of_ours())
ODD: tuple[Any, ...] = (
    [], {}, [{}], [[]], {"a": {}}, "", "odd", "\x1b[31m", "a\nb", "x" * 300, "../../etc/passwd", -1, 0, 7,
    1 << 62, -1.5, float("inf"), float("nan"), True, datetime.date(2026, 1, 2), ["odd", 1], [True], [-1.5],
    {"names": "read"}, ["read"],
)  # fmt: skip
LONGEST_TITLE = 1200


def _places(
    value: Any,
    at: tuple[Any, ...] = (),
) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    if at:
        yield at
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, entry in entries:
        yield from _places(entry, (*at, key))


def _changed(
    document: Any,
    place: tuple[Any, ...],
    how: str,
    odd: Any,
) -> None:
    *above, last = place
    for key in above:
        document = document[key]
    if how == "replace":
        document[last] = copy.deepcopy(odd)
    elif how == "remove":
        del document[last]
    elif isinstance(document, list):
        document.insert(last, copy.deepcopy(document[last]))
    else:
        document[f"{last}-more"] = document[last]


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """A document with one to three odd places."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(document))
        if places:
            place = draw(st.sampled_from(places))
            _changed(
                document,
                place,
                draw(st.sampled_from(("replace", "remove", "double"))),
                draw(st.sampled_from(ODD)),
            )
    return document


def _is_said(read: Callable[[str], object], text: str) -> None:
    """It is read, or refused with a sentence that a terminal can show."""
    refused: list[HardenError] = []
    try:
        read(text)
    except HardenError as error:
        refused.append(error)
    for why in refused:
        assert why.title.endswith((".", "?")), why.title
        assert why.title.isprintable()
        assert len(why.title) < LONGEST_TITLE
        assert why.exit_code == 2
        assert why.hint.replace("\n", "").isprintable()


def _toml(document: Mapping[str, Any]) -> str:
    return tomli_w.dumps(document)


def _json(document: Any) -> str:
    return json.dumps(document, default=str)


def _in_file(
    read: Callable[[str], object],
    name: str = "file.json",
) -> Callable[[str], None]:
    def reading(text: str) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, name)
            path.write_text(text, errors="surrogatepass")
            read(str(path))

    return reading


def _trial(text: str) -> None:
    trial = read_trial(text)
    offered = make_plan(
        WEB, saved_plans.usable_choices(choices_of(trial), CHECKS), CHECKS, CHECKLIST
    )
    plan = plan_of(trial, offered, ours=False)
    no_longer_fits(trial, plan)
    refuse_more_than_offered(WEB, offered, plan)
    if trial.learned is not None and trial.learned.seccomp is not None:
        why_weaker(trial.learned.seccomp, BASE, frozenset())


def _plan(text: str) -> None:
    saved = saved_plans.load(text)
    plan = make_plan(
        WEB,
        saved_plans.usable_choices(saved.choices, CHECKS),
        CHECKS,
        CHECKLIST,
    )
    saved_plans.refuse_weakening(plan)
    saved_plans.no_longer_fits(saved, plan, "5.0.0")


def _settings(text: str) -> None:
    document = Document("/home/anna/.config/hardentui/settings.toml", text)
    read_settings(document, {})
    read_fix_defaults(document, {check.id: check for check in CHECKS})
    for notice in document.notices:
        assert str(notice).isprintable()


def _checklist(text: str) -> None:
    loading.parse(text, "own.toml")


_LEARNED = json.loads(as_json(record(WEB, HONEST)))
_LEARNED["learned"] = {
    "capabilities": ["CHOWN"],
    "syscalls": 3,
    "seccomp": BASE,
    "outgoing": ["tcp 1.2.3.4:5"],
}
_SETTINGS = {
    "checklist": "baseline", "ascii": True, "remember": False, "theme": "dark",
    "fixes": {"no-memory-limit": {"memory": "1g"}},
}  # fmt: skip
_WAIVER = {
    "check": "root-user", "subject": "web", "reason": "r", "owner": "anna", "until": datetime.date(2027, 1, 1)
}  # fmt: skip
_REPORT = {
    "schema": "hardentui/check/3", "tool": {"name": "hardentui", "version": "1"}, "host": {"name": "h"},
    "checks": {"root-user": {"title": "t", "step": 4}},
    "subjects": [{"kind": "container", "name": "web", "engine": "rootful", "score": 3,
                  "findings": [{"check": "root-user", "status": "fail", "severity": "high", "reason": "r"}]}],
}  # fmt: skip


def _of(name: str) -> Any:
    return tomllib.loads((OURS / name).read_text())


KINDS: dict[str, tuple[Any, Callable[[Any], str], Callable[[str], object]]] = {
    "checklist": (_of("baseline.toml"), _toml, _checklist),
    "whole checklist": (_of("strict.toml"), _toml, _checklist),
    "own rows": (_of("templates/own.toml"), _toml, _checklist),
    "lab": (_of("labs/memory-limit.toml"), _toml, lambda text: parse_lab(text, "memory-limit", IDS)),
    "plan": (tomllib.loads(saved_plans.dump(plan_for(WEB, HONEST.choices), "5.0.0")), _toml, _plan),
    "waivers": ({"waiver": [_WAIVER]}, _toml, lambda text: waivers.parse(text, "waivers.toml", IDS)),
    "settings": (_SETTINGS, _toml, _settings),
    "report": (_REPORT, _json, lambda text: read_report(text, "report.json")),
    "trial": (_LEARNED, _json, _trial),
    "facts": (
        {"schema": "hardentui/facts/1", "time": "2026-01-01T00:00:00+00:00", "host": "h", "root": True,
         "engines": [], "files": {"text": {}}, "programs": {}, "images": {}, "host_scans": []},
        _json,
        _in_file(open_saved),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_a_mutated_file_is_read_or_refused_with_one_sentence(
    kind: str,
    data: st.DataObject,
) -> None:
    document, write, read = KINDS[kind]
    try:
        text = write(data.draw(mutated(document)))
    except (TypeError, ValueError):
        return  # no such file can be written
    _is_said(read, text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "[",
        "{}",
        "[[",
        "a = [" * 9999,
        "[" * 99999,
        '{"schema": 7}',
        "7",
        "null",
        "x=" + "[" * 5000 + "]" * 5000,
        "x=" + "9" * 5000,
        '{"schema":' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_such_file_is_refused_with_one_sentence(
    kind: str,
    text: str,
) -> None:
    _is_said(KINDS[kind][2], text)


def test_a_step_with_a_number_that_is_none_is_one_fault() -> None:
    """Seen as an internal error."""
    text = 'id = "x"\ntitle = "x"\nextends = "baseline"\n[[step]]\nnumber = [{}]\nchecks = []\n'
    with pytest.raises(HardenError, match="number must be a whole number"):
        loading.parse(text, "own.toml")


def test_a_lab_is_found_by_a_relative_path(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs/memory-limit.toml").write_text((OURS / "labs/memory-limit.toml").read_text())
    monkeypatch.chdir(tmp_path)
    assert [lab.id for lab in load_labs("labs/memory-limit.toml", checks=IDS)] == ["memory-limit"]
