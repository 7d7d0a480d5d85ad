"""Rows of a checklist: what a good one becomes, and a sentence with its line for every fault."""

from pathlib import Path

import pytest

from hardentui.errors import ChecklistError, UsageError
from hardentui.features.checklists import loading
from hardentui.features.checklists.known_checks import find_check, know_checks
from hardentui.model.checklist import Checklist
from hardentui.model.finding import Severity
from hardentui.model.remediation import FixKind, Risk

STEPS = "\n".join(
    f'[[step]]\nnumber = {at}\ntitle = "Step {at}"\nchecks = []\n' for at in range(1, 11)
)
HEAD = f'id = "site"\ntitle = "Ours"\n{STEPS}'
ROW = {
    "id": '"site-memory"',
    "title": '"More memory than allowed"',
    "step": "5",
    "severity": '"high"',
    "option": '"memory"',
    "operator": '"at-most"',
    "value": '"2g"',
}


def _text(**over: str) -> str:
    """A checklist with one row; an empty value leaves the key out."""
    row = {name: value for name, value in {**ROW, **over}.items() if value}
    return HEAD + "[[own]]\n" + "".join(f"{name} = {value}\n" for name, value in row.items())


def _load(text: str) -> Checklist:
    return loading.parse(text, "site.toml")


def _faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ChecklistError) as caught:
        _load(text)
    return caught.value.faults


def test_a_row_is_a_check_of_its_step() -> None:
    checklist = _load(
        _text(
            risk='"changes-behaviour"',
            references='["handbook 4.2"]',
            only='"db-*"',
        )
    )
    (check,) = checklist.own
    assert (check.id, check.step, check.severity) == ("site-memory", 5, Severity.HIGH)
    assert (check.fix, check.risk) == (FixKind.RECREATE, Risk.CHANGES_BEHAVIOUR)
    assert check.references == ("handbook 4.2",)
    assert checklist.steps[4].checks == ("site-memory",)
    assert find_check("site-memory", checklist.own) is check


@pytest.mark.parametrize(
    ("over", "fault"),
    [
        (
            {"operater": '"x"'},
            "unknown key 'operater'; did you mean 'operator'?",
        ),
        (
            {"operator": ""},
            "operator is missing; it must be one of: present, absent, equals",
        ),
        (
            {"operator": '"at-mots"'},
            "not 'at-mots'; did you mean 'at-most'?",
        ),
        (
            {"operator": '"matches"'},
            "memory is a number, so its operator must be one of: present, absent",
        ),
        (
            {"option": '"memroy"'},
            "there is no option 'memroy'; did you mean 'memory'?",
        ),
        ({"option": "7"}, "there is no option '7'"),
        (
            {"option": '"command"'},
            "there is no option 'command'",
        ),
        (
            {"option": ""},
            "a row needs either an option or a fact",
        ),
        (
            {"fact": '"runs-as"'},
            "a row needs either an option or a fact",
        ),
        (
            {"option": "", "fact": '"run-as"'},
            "there is no fact 'run-as'; did you mean 'runs-as'?",
        ),
        (
            {"value": ""},
            "value is missing: the operator at-most needs one",
        ),
        (
            {"value": '"much"'},
            "value must be a number, or a size such as 512m",
        ),
        ({"value": "inf"}, "value must be a number"),
        (
            {"value": "true"},
            "value must be a number, not true or false",
        ),
        (
            {"operator": '"present"'},
            "the operator present takes no value; `set` is what the fix writes",
        ),
        (
            {"set": '"1g"'},
            "the operator at-most already defines what the fix writes",
        ),
        (
            {"operator": '"one-of"', "value": "[1, 2]", "set": "3"},
            "does not satisfy the row",
        ),
        (
            {
                "option": "",
                "fact": '"uid"',
                "operator": '"present"',
                "value": "",
                "set": "3",
            },
            "a fact cannot be set",
        ),
        (
            {"severity": '"hihg"'},
            "severity must be one of: low, medium, high, critical; not 'hihg'",
        ),
        (
            {"risk": '"none"'},
            "risk must be one of: safe, may-break, changes-behaviour",
        ),
        (
            {"step": "11"},
            "step must be a whole number from 1 to 10",
        ),
        (
            {"step": "true"},
            "step must be a whole number from 1 to 10",
        ),
        (
            {"id": '"Site Memory"'},
            "id must consist of lower-case letters, digits and single dashes",
        ),
        (
            {"id": '"root-user"'},
            "a check 'root-user' already exists",
        ),
        (
            {"title": f'"{"x" * 51}"'},
            "title must be a string of at most 50 characters on one line",
        ),
        (
            {"title": '"\\u001b[31mred"'},
            "title must be a string of at most 50 characters on one line",
        ),
        (
            {"option": '"label"', "operator": '"lacks"', "value": "[]"},
            "value must be a string or a list of strings",
        ),
        (
            {
                "option": '"label"',
                "operator": '"lacks"',
                "value": f'"{"*a" * 101}"',
            },
            "at most 200 characters",
        ),
        (
            {"option": '"init"', "operator": '"equals"', "value": '"yes"'},
            "value must be true or false",
        ),
        (
            {"references": '"here"'},
            "references must be a list of strings",
        ),
    ],
)
def test_what_is_wrong_has_one_sentence_and_its_line(
    over: dict[str, str],
    fault: str,
) -> None:
    faults = _faults(_text(**over))
    assert len(faults) == 1, faults
    line, _, message = faults[0].partition(": ")
    assert fault in message
    lines = _text(**over).split("\n")
    key = fault.split()[0]
    own = lines.index("[[own]]")
    at = next(
        (at for at, text in enumerate(lines, 1) if at > own and text.startswith(f"{key} =")), 0
    )
    assert int(line) == at if at else int(line) > own


def test_own_is_a_list_of_tables_and_ids_are_unique() -> None:
    assert "own must be an array of tables" in _faults(HEAD + "[own]\nid = 1\n")[0]
    twice = _text() + "[[own]]\n" + "".join(f"{name} = {value}\n" for name, value in ROW.items())
    assert "a check 'site-memory' already exists" in _faults(twice)[0]


def test_an_id_is_looked_up_in_the_checklist_too(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(_text())
    know_checks(["site-memory", "root-user"], str(path))
    with pytest.raises(UsageError, match="site-memry") as caught:
        know_checks(["site-memry"], str(path))
    assert "site-memory" in caught.value.hint
    with pytest.raises(UsageError):
        know_checks(["site-memory"], "")


def test_texts_of_a_row_reach_no_terminal_as_they_are() -> None:
    text = _text(
        why='"first\\u001b[31m second"',
        breaks='"a\\u202eb"',
    )
    (check,) = _load(text).own
    assert "\x1b" not in check.doc
    assert "\u202e" not in check.doc
    without = _load(
        HEAD.replace(
            'title = "Ours"',
            'title = "Ours"\nwithout.root-user = "x\\u001b[2J"',
        )
    )
    assert "\x1b" not in without.without["root-user"]
