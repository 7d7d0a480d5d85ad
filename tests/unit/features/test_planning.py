"""Saved plans: round trip, masked secrets, bad files, and what no longer fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hardentui.checks.prelude import container
from hardentui.errors import PlanError
from hardentui.features import planning as plans
from hardentui.model.check import Check
from hardentui.model.finding import passed
from hardentui.model.gain import Gain
from hardentui.model.plan import Change, Choice, Plan, Skipped
from hardentui.model.remediation import FixKind, Risk
from hardentui.model.trial import OptionChange
from hardentui.reading import masking

SECRET = "hunter2-hunter2"


def _change(
    option: str,
    before: tuple[str, ...],
    after: tuple[str, ...],
) -> Change:
    texts = (
        ("plain-secret",),
        "Move it.",
        Risk.MAY_BREAK,
        "It may break.",
    )
    return Change(
        option,
        before,
        after,
        *texts,
        FixKind.RECREATE,
    )


def _plan(*changes: Change, name: str = "db") -> Plan:
    spec = container().spec
    choice = Choice(
        "plain-secret",
        (
            ("paths", ("/run", "/tmp")),
            ("size", 8),
            ("strict", True),
        ),
    )
    return Plan(
        name,
        "postgres:17",
        (choice,),
        changes,
        spec,
        spec,
    )


ENV = _change(
    "env", (f"DB_PASSWORD={SECRET}", "LANG=C"), ("LANG=C", f"URL=postgres://me:{SECRET}@db/x")
)


def test_a_plan_comes_back_as_it_was() -> None:
    plan = replace(
        _plan(_change("read-only", (), ("",))),
        conflicts=("A trouble\nwith = 'a line'",),
        skipped=(Skipped("root-user", "no user known"),),
    )
    text = plans.dump(plan, "5.4.2")
    saved = plans.load(text)
    assert (saved.container, saved.image, saved.engine_version) == ("db", "postgres:17", "5.4.2")
    assert saved.choices == plan.choices
    assert saved.changes == (
        OptionChange(
            "read-only",
            (),
            ("",),
            ("plain-secret",),
        ),
    )
    for word in (
        "Move it.",
        "may break",
        "It may break.",
        "# Left out: root-user: no user known",
    ):
        assert word in text
    assert "# Caution: A trouble\u240awith" in text


def test_secrets_are_not_saved() -> None:
    text = plans.dump(_plan(ENV))
    assert SECRET not in text
    assert "DB_PASSWORD=********" in text
    assert "LANG=C" in text
    assert plans.no_longer_fits(plans.load(text), _plan(ENV)) == ()


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_survives(name: str, arguments: list[str]) -> None:
    saved = plans.load(plans.dump(_plan(_change("label", (), tuple(arguments)), name=name)))
    assert saved.container == name
    assert saved.changes[0].after == tuple(masking.without_url_password(item) for item in arguments)


HEAD = 'schema = "hardentui/plan/1"\ncontainer = "c"\nimage = "i"\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = = 1", "invalid TOML: .*line 1"),
        ("a = 1", "its schema is not"),
        ('container = "web"', "its schema is not"),
        (
            HEAD + "fix = 1",
            r"Expected `array`, got `int` - at `\$.fix`",
        ),
        (HEAD + "[[fix]]\n", "missing required field `check`"),
        (
            HEAD + "[[fix]]\ncheck = 'x'\nparameters = 1",
            "Expected `object`",
        ),
        (
            HEAD + "[[fix]]\ncheck = 'x'\nparameters.a = 1.5",
            "got `float`",
        ),
        (
            HEAD + "[[change]]\noption = 'x'\nafter = [1]",
            "Expected `str`, got `int`",
        ),
    ],
)
def test_a_file_that_is_no_plan_is_refused_with_the_reason(
    text: str,
    reason: str,
) -> None:
    with pytest.raises(PlanError, match=reason):
        plans.load(text)


def _check() -> Check:
    return Check(
        id="plain-secret",
        title="Plain secret",
        gives=Gain.HOST.after(1),
        summary="Fix",
        fix=FixKind.RECREATE,
        risk=Risk.SAFE,
        evaluate=lambda facts, given: passed(),
        passes=tuple,
        fails=tuple,
        parameters={"size": 1, "paths": ()},
    )


@pytest.mark.parametrize(
    "parameter",
    ["size = 'x'", "paths = 1", "other = 1", "size = true"],
)
def test_parameters_that_do_not_fit_their_check_are_refused(parameter: str) -> None:
    saved = plans.load(HEAD + f"[[fix]]\ncheck = 'plain-secret'\nparameters.{parameter}")
    with pytest.raises(PlanError, match="is invalid"):
        plans.usable_choices(saved.choices, [_check()])


def test_parameters_that_fit_and_checks_that_are_gone_are_kept() -> None:
    saved = plans.load(
        HEAD
        + (
            "[[fix]]\ncheck = 'plain-secret'\nparameters = {size = 2, paths = "
            "['/x']}\n[[fix]]\ncheck = 'gone'"
        )
    )
    assert plans.usable_choices(saved.choices, [_check()]) == (
        Choice("plain-secret", (("size", 2), ("paths", ("/x",)))),
        Choice("gone"),
    )


def test_what_no_longer_fits_is_told() -> None:
    memory, read_only = _change("memory", (), ("64m",)), _change("read-only", (), ("",))
    saved = plans.load(
        plans.dump(
            _plan(memory, read_only, _change("user", (), ("1000",))),
            "5.4.2",
        )
    )
    others = (
        _change("user", ("root",), ("1000",)),
        _change("cap-drop", (), ("all",)),
    )
    here = replace(
        _plan(read_only, *others, name="db\x1b2"),
        image="postgres:18",
        skipped=(Skipped("memory-unlimited", "no controller"),),
    )
    result = plans.no_longer_fits(saved, here, "6.0.0")
    assert result == (
        "The plan was made for 'db', this is 'db\\x1b2'.",
        "The image was 'postgres:17', here it is 'postgres:18'.",
        "It was made on Podman 5.4.2, this is Podman 6.0.0.",
        "The fix 'memory-unlimited' is left out: no controller.",
        "memory: not changed here; the plan had 64m.",
        "user: was nothing, here it is root.",
        "cap-drop: becomes all here; the plan did not have it.",
    )


@pytest.mark.parametrize(
    "text",
    [
        'fix = ["plain-secret"]',
        '[[fix]]\ncheck = "plain-secret"',
        'schema = "hardentui/plan/1"\ncontainer = "db"\n[[fix]]\ncheck = "plain-secret"',
    ],
)
def test_a_plan_that_was_trimmed_by_hand_is_taken(text: str) -> None:
    saved = plans.load(text)
    assert saved.choices == (Choice("plain-secret"),)
    assert (
        plans.no_longer_fits(
            saved,
            _plan(_change("read-only", (), ("",))),
            "5.4.2",
        )
        == ()
    )
