"""Checklists: all faults of a bad one, each with its line; and the one that is shipped."""

import tomllib

import pytest

from hardentui.checks import Checks
from hardentui.errors import ChecklistError
from hardentui.features.checklists import loading as checklists
from hardentui.features.looking.judging import Judge
from hardentui.model.check import Check
from hardentui.model.finding import Severity, passed
from hardentui.model.gain import rated
from hardentui.model.remediation import FixKind, Risk
from hardentui.toml_lines import line_of, toml_lines


def _check(
    check_id: str,
    step: int = 4,
    severity: Severity = Severity.HIGH,
    **parameters: int | str | bool | tuple[str, ...],
) -> Check:
    return Check(
        id=check_id,
        step=step,
        title=f"{check_id} is there",
        gives=rated(severity),
        summary="Remove it",
        fix=FixKind.RECREATE,
        risk=Risk.SAFE,
        evaluate=lambda facts, given: passed(),
        passes=tuple,
        fails=tuple,
        parameters=parameters,
    )


CHECKS = Checks(
    {},
    (
        _check(
            "writable-rootfs",
            tmpfs=("/run", "/tmp"),
            size=64,
            strict=True,
            mode="rw",
        ),
        _check("root-user"),
    ),
)
STEPS = "\n".join(
    f'[[step]]\nnumber = {number}\ntitle = "Step {number}"\n' for number in range(1, 11)
)
GOOD = f'id = "mine"\ntitle = "Mine"\n{STEPS}checks = ["writable-rootfs", "root-user"]\n'


def _faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ChecklistError) as caught:
        checklists.parse(text, "mine.toml", CHECKS)
    assert caught.value.exit_code == 2
    return caught.value.faults


def test_a_checklist_keeps_order_texts_and_parameters() -> None:
    text = (
        GOOD + '[check.writable-rootfs]\ntmpfs = ["/run"]\nsize = 8\nstrict = false\nmode = "ro"\n'
    )
    checklist = checklists.parse(text, "mine", CHECKS)
    assert (checklist.id, checklist.title, len(checklist.steps)) == ("mine", "Mine", 10)
    assert checklist.steps[9].checks == ("writable-rootfs", "root-user")
    assert checklist.parameters == {
        "writable-rootfs": {
            "tmpfs": ("/run",),
            "size": 8,
            "strict": False,
            "mode": "ro",
        }
    }


def test_a_step_can_take_all_its_checks_worst_first() -> None:
    own = (
        _check(
            "low",
            step=10,
            severity=Severity.LOW,
        ),
        _check("b-high", step=10),
        _check("elsewhere", step=9),
        _check("a-high", step=10),
    )
    checks = Checks({}, own)
    checklist = checklists.parse(
        f'id = "mine"\ntitle = "Mine"\n{STEPS}checks = "all"\n', "mine", checks
    )
    assert [check.id for check in Judge(checklist, checks).checks] == ["a-high", "b-high", "low"]
    assert checklist.steps[8].checks == ()


def test_a_step_names_its_checks_or_takes_all() -> None:
    assert _faults(GOOD.replace('["writable-rootfs", "root-user"]', '"some"')) == (
        f'{GOOD.count(chr(10))}: checks must be a list of strings, or "all"',
    )


def test_every_fault_is_told_with_its_line() -> None:
    text = "\n".join(
        (
            'id = "Not Good"',  # 1
            "titel = 'x'",  # 2
            "[[step]]",  # 3
            "number = 1",  # 4
            'title = "One"',  # 5
            "checks = [",  # 6
            '  "root-user",',  # 7
            '  "writable-rotfs",',  # 8
            "  3,",  # 9
            "]",  # 10
            "[[step]]",  # 11
            "number = 1",  # 12
            "what = 7",  # 13
            'checks = ["root-user", "writable-rootfs", "writable-rootfs"]',  # 14
            "[[step]]",  # 15
            'number = "two"',  # 16
            'title = "Two"',  # 17
            "[check.writable-rootfs]",  # 18
            "tmpf = 1",  # 19
            "size = true",  # 20
            "strict = 1",  # 21
            'tmpfs = ["/run", 2]',  # 22
            "mode = 1979-05-27 07:32:00",  # 23
            "[check.rootuser]",  # 24
        )
    )
    assert _faults(text) == (
        "1: id must consist of lower-case letters, digits and dashes",
        "1: steps 2, 3, 4, 5, 6, 7, 8, 9, 10 are missing; one without checks has `checks = []`",
        "1: title is missing",
        "2: unknown key 'titel'; did you mean 'title'?",
        "8: there is no check 'writable-rotfs'; did you mean 'writable-rootfs'?",
        "9: checks holds a whole number where a string is needed",
        "11: title is missing",
        "12: step 1 is defined twice",
        "13: what must be a string, not a whole number",
        "14: check 'root-user' is already in step 1",
        "14: check 'writable-rootfs' is listed twice",
        "16: number must be a whole number, not a string",
        "19: check 'writable-rootfs' has no parameter 'tmpf'; did you mean 'tmpfs'?",
        "20: size must be a whole number, not true or false",
        "21: strict must be true or false, not a whole number",
        "22: tmpfs must be a list of strings, not a list",
        "23: mode must be a string, not a date or time",
        "24: there is no check 'rootuser'; did you mean 'root-user'?",
    )


def test_a_hostile_name_is_made_visible() -> None:
    faults = _faults('id = "x"\ntitle = "x"\n"\\u001b]0;x" = 1\n')
    assert any("unknown key" in fault for fault in faults)
    assert not any("\x1b" in fault for fault in faults)


TRICKY = '''# [not.a.table]
name = """
[[step]]
number = "not a header" """
plain = '[[also.not]]' # [[nor.this]]
"quoted.key"."in\\"ner" = {a = 1, b = [1, {c = 2}]} # }
[[step]]
[[step.part]]
x = 1
[[step.part]]
list = [
  "one", # ]
  [2, 3],
  \'\'\'four
]\'\'\',
  "five",
]
[step.part.deep]
y.z = 2
[[step]]
[[step.part]]
x = 3
'''


def test_lines_of_nested_tables_arrays_and_strings_that_look_like_headers() -> None:
    tomllib.loads(TRICKY)
    lines = toml_lines(TRICKY)
    expected: dict[tuple[str | int, ...], int] = {
        ("name",): 2,
        ("plain",): 5,
        ("quoted.key", 'in"ner', "b", 1, "c"): 6,
        ("step", 0): 7,
        ("step", 0, "part", 0, "x"): 9,
        ("step", 0, "part", 1): 10,
        ("step", 0, "part", 1, "list", 1): 13,
        ("step", 0, "part", 1, "list", 1, 1): 13,
        ("step", 0, "part", 1, "list", 2): 14,
        ("step", 0, "part", 1, "list", 3): 16,
        ("step", 0, "part", 1, "deep", "y", "z"): 19,
        ("step", 1, "part", 0, "x"): 22,
    }
    assert {path: lines[path] for path in expected} == expected
    assert ("not", "a", "table") not in lines
    assert ("also",) not in lines
    assert line_of(lines, ("step", 1, "part", 0, "nothing")) == 21
    assert line_of(lines, ("nowhere",)) == 1
