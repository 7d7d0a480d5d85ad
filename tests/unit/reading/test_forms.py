"""The values that fixes take: their forms, where they come from, and what a container decides
itself."""

from pathlib import Path

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import DEFAULT_CAPABILITIES, container, facts_of
from hardentui.errors import ChecklistError, PlanError
from hardentui.features import planning as plans
from hardentui.features.checklists import loading as checklists
from hardentui.harden.fix_values import FixValue, From, settings_of
from hardentui.harden.plan import make_plan
from hardentui.model.check import Check
from hardentui.model.checklist import Checklist
from hardentui.model.facts import CapabilitySets, ContainerFacts, ImageFacts, Kernel, Limits
from hardentui.model.plan import Choice
from hardentui.options import CAP_ADD, MEMORY
from hardentui.options.codecs import size_of
from hardentui.reading.forms import FORMS, fault_of, text_of, value_of
from tests.support.judging import the_check

_KILL = {"io.containers.capabilities": "KILL"}
_ALL_KEPT = Kernel(7, capabilities=CapabilitySets(bounding=DEFAULT_CAPABILITIES))
EMPTY = Checklist("none", "None", ())
TAKING = [check for check in all_checks() if check.takes]


@pytest.mark.parametrize(
    "check",
    TAKING,
    ids=lambda check: check.id,
)
def test_what_a_fix_takes_is_a_parameter_whose_default_can_be_typed(check: Check) -> None:
    assert check.remediate is not None
    for name, form in check.takes.items():
        default = check.parameters[name]
        assert value_of(check, name, text_of(default)) == default
        assert not default or FORMS[form].fits(default)


@pytest.mark.parametrize(
    ("check", "name", "good", "bad"),
    [
        (
            "no-memory-limit",
            "memory",
            "1.5g 512m 6291456",
            "1g2 -1 inf 5m 0 nan 9999999999999999999t ''",
        ),
        ("no-pids-limit", "limit", "1 512", "0 -1 ten 1.5 ² 99999999999999999999"),
        ("no-cpu-limit", "cpus", "0.5 2", "0 inf nan two -1"),
        (
            "root-user",
            "user",
            "1001 1001:1001 www-data:www-data svc$",
            "a:b:c /etc a/b :5 -u",
        ),
        (
            "wildcard-port",
            "address",
            "127.0.0.1 10.0.0.5 [::1]",
            "0.0.0.0 :: localhost 300.1.1.1",
        ),
        ("loose-tmpfs", "size", "64m 1g 4096", "64mb 0 1.5g 64m,exec"),
        ("unbounded-logs", "size", "10mb 1g", "ten 0 10mb,tag=x"),
        ("no-logs", "driver", "journald k8s-file", "none syslog"),
        ("unhealthy", "action", "kill stop", "none reboot"),
        ("no-update-path", "policy", "registry local", "always"),
        ("low-host-port", "offset", "1 8000", "0 65000"),
        ("default-capabilities-kept", "keep", "chown CAP_SETUID,KILL", "SETUIT all"),
    ],
)
def test_a_form_takes_good_values_and_names_bad_ones(
    check: str,
    name: str,
    good: str,
    bad: str,
) -> None:
    tested = the_check(check)
    for text in good.split():
        value_of(tested, name, text)
    for text in bad.split():
        with pytest.raises(ValueError, match=rf"^{name} must be .*\.$"):
            value_of(tested, name, text)


@pytest.mark.parametrize(
    "hidden",
    ["\x1b[31m", "\x7f", "\x9b31m", "\u202e", "\u200b", "\n"],
)
@pytest.mark.parametrize(
    ("check", "name", "start"),
    [
        ("missing-health-check", "command", "curl "),
        ("unowned-container", "owner", "web"),
        ("wildcard-port", "address", "fe80::1%"),
    ],
)
def test_no_value_moves_a_terminal(
    check: str,
    name: str,
    start: str,
    hidden: str,
) -> None:
    assert fault_of(the_check(check), name, f"{start}{hidden}x")
    assert not fault_of(the_check(check), name, f"{start}eth0")


def _setting(
    check: str,
    facts: ContainerFacts,
    choice: Choice,
    checklist: Checklist = EMPTY,
) -> FixValue:
    (setting,) = settings_of(
        the_check(check),
        facts,
        choice,
        checklist,
    )
    return setting


def test_where_a_value_comes_from() -> None:
    listed = Checklist(
        "own",
        "Own",
        (),
        {"no-memory-limit": {"memory": "2g"}},
    )
    none, own = Choice("no-memory-limit"), Choice("no-memory-limit", (("memory", "1g"),))
    result = [
        _setting(
            "no-memory-limit",
            container(),
            choice,
            checklist,
        )
        for choice, checklist in ((none, EMPTY), (none, listed), (own, listed))
    ]
    assert [(setting.value, setting.default, setting.said_by) for setting in result] == [
        ("512m", "512m", From.CHECK),
        ("2g", "2g", From.CHECKLIST),
        ("1g", "2g", From.CHOSEN),
    ]
    assert all(setting.measured is None for setting in result)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            container(kernel=Kernel(7, limits=Limits(memory_peak=3 << 30))),
            "peak use",
        ),
        (container("--memory-reservation=2g"), "reservation"),
    ],
)
def test_what_is_measured_is_what_the_fix_writes(
    facts: ContainerFacts,
    words: str,
) -> None:
    choice = Choice("no-memory-limit", (("memory", "1g"),))
    measured = _setting("no-memory-limit", facts, choice).measured
    plan = make_plan(
        facts,
        [choice],
        [the_check("no-memory-limit")],
        EMPTY,
    )
    assert measured is not None
    assert words in measured.why
    assert size_of(str(measured.value)) == plan.after[MEMORY]
    enough = Choice("no-memory-limit", (("memory", "8g"),))
    assert _setting("no-memory-limit", facts, enough).measured is None


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        (
            container(
                image=ImageFacts("1" * 64, {"Config": {"Labels": _KILL}}),
                kernel=_ALL_KEPT,
            ),
            ("CAP_KILL",),
        ),
        (
            container("--security-opt=no-new-privileges --user=1001"),
            (),
        ),
    ],
)
def test_known_needs_decide_which_capabilities_are_kept(
    facts: ContainerFacts,
    kept: tuple[str, ...],
) -> None:
    choice = Choice("default-capabilities-kept", (("keep", ("CHOWN",)),))
    measured = _setting("default-capabilities-kept", facts, choice).measured
    assert measured is not None
    assert measured.value == kept
    plan = make_plan(
        facts,
        [choice],
        [the_check("default-capabilities-kept")],
        EMPTY,
    )
    assert plan.after[CAP_ADD] == kept


@pytest.mark.parametrize(
    ("check", "name"),
    [
        ("root-user", "user"),
        ("missing-health-check", "command"),
    ],
)
def test_a_fix_without_its_value_names_what_it_needs(
    check: str,
    name: str,
) -> None:
    tested = the_check(check)
    (skipped,) = make_plan(
        facts_of(tested.fails)[1],
        [Choice(check)],
        [tested],
        EMPTY,
    ).skipped
    assert skipped.needs == name


def test_a_saved_plan_with_a_value_of_another_form_is_refused() -> None:
    choice = Choice("no-memory-limit", (("memory", "inf"),))
    with pytest.raises(PlanError, match="memory must be a size"):
        plans.usable_choices([choice], all_checks())


def test_a_checklist_with_a_value_of_another_form_is_refused_with_its_line() -> None:
    text = Path(checklists.directory_of_ours(), "ten-steps.toml").read_text()
    own = f'{text}\n[check.no-memory-limit]\nmemory = "lots"\n'
    line = own.count("\n")
    with pytest.raises(ChecklistError) as caught:
        checklists.parse(own, "own.toml")
    assert caught.value.faults == (
        f"{line}: memory must be a size such as 512m or 2g, at least 6m",
    )
