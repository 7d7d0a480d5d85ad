"""A site's own checks: every operator fails and passes, its fix mends, nothing becomes weaker."""

import time

import pytest

from hardentui.harden.own.making import check_of
from hardentui.harden.own.requirement import OPERATORS, typed
from hardentui.harden.own.subjects import ENFORCED, FACTS, OPTIONS, shape_of
from hardentui.model.facts import IdRange
from hardentui.model.mount import KernelMount
from hardentui.model.own_check import CheckOperator, OwnCheck, Shape
from tests.support.judging import *
from tests.support.option_samples import sample

NOTHING_SET = Checklist("empty", "No parameters", ())
G = 1 << 30
TZ = OPTIONS["tz"]


def _row(
    option: str,
    operator: str,
    value: Any = None,
    **over: Any,
) -> OwnCheck:
    row = OPTIONS.get(option)
    shape = shape_of(row) if row else FACTS[option].shape
    told = (
        None
        if value is None
        else typed(
            shape,
            CheckOperator(operator),
            value,
            row,
        )
    )
    if "set" in over:
        over["set"] = typed(
            shape,
            CheckOperator.EQUALS,
            over["set"],
            row,
        )
    return OwnCheck(
        id="site-own",
        title="Not as the site wants it",
        step=5,
        severity=Severity.HIGH,
        operator=CheckOperator(operator),
        value=told,
        option=option if row else "",
        fact="" if row else option,
        **over,
    )


def _status(row: OwnCheck, facts: ContainerFacts) -> Status:
    return check_of(row).verdict(facts).status


def _plan(row: OwnCheck, facts: ContainerFacts) -> Plan:
    check = check_of(row)
    return make_plan(
        facts,
        [Choice(check.id)],
        [check],
        NOTHING_SET,
    )


OF_RUN, INTO_RUN = Mount("bind", "/var/run/x", "/x"), Mount("bind", "/srv", "/var/run/x")
DATA, LOCAL = Mount("volume", "data", "/data"), Port(80, "8", "127.0.0.1")
CASES: tuple[
    tuple[str, str, Any, dict[str, Any], tuple[Option[Any], Any], tuple[Option[Any], Any]], ...
] = (
    # option, operator, value, more, fails with, passes with
    (
        "read-only",
        "present",
        None,
        {},
        (READ_ONLY, False),
        (READ_ONLY, True),
    ),
    (
        "publish-all",
        "absent",
        None,
        {},
        (OPTIONS["publish-all"], True),
        (OPTIONS["publish-all"], False),
    ),
    (
        "init",
        "equals",
        True,
        {},
        (OPTIONS["init"], False),
        (OPTIONS["init"], True),
    ),
    (
        "memory",
        "at-most",
        "2g",
        {},
        (MEMORY, 3 * G),
        (MEMORY, 2 * G),
    ),
    (
        "memory",
        "at-most",
        "2g",
        {},
        (MEMORY, 0),
        (MEMORY, G),
    ),
    (
        "memory",
        "present",
        None,
        {"set": "1g"},
        (MEMORY, 0),
        (MEMORY, 5 * G),
    ),
    ("cpus", "at-most", 1.5, {}, (CPUS, 2.0), (CPUS, 0.5)),
    (
        "pids-limit",
        "at-most",
        100,
        {},
        (PIDS_LIMIT, -1),
        (PIDS_LIMIT, 100),
    ),
    (
        "pids-limit",
        "one-of",
        [100, 200],
        {"set": 200},
        (PIDS_LIMIT, 300),
        (PIDS_LIMIT, 100),
    ),
    (
        "stop-timeout",
        "at-least",
        30,
        {},
        (STOP_TIMEOUT, 10),
        (STOP_TIMEOUT, 60),
    ),
    (
        "stop-timeout",
        "equals",
        30,
        {},
        (STOP_TIMEOUT, 60),
        (STOP_TIMEOUT, 30),
    ),
    ("tz", "equals", "UTC", {}, (TZ, "local"), (TZ, "UTC")),
    ("tz", "one-of", ["UTC"], {}, (TZ, ""), (TZ, "UTC")),
    (
        "tz",
        "matches",
        "Europe/*",
        {"set": "Europe/Berlin"},
        (TZ, "UTC"),
        (TZ, "Europe/Rome"),
    ),
    (
        "pid",
        "lacks",
        ["host", "container:*"],
        {},
        (OPTIONS["pid"], "host"),
        (OPTIONS["pid"], ""),
    ),
    (
        "label",
        "contains",
        ["team=web"],
        {},
        (LABELS, ("a=b",)),
        (LABELS, ("a=b", "team=web")),
    ),
    (
        "label",
        "contains",
        ["team=web"],
        {},
        (LABELS, ("team=old",)),
        (LABELS, ("team=web",)),
    ),
    (
        "env",
        "lacks",
        ["DEBUG=*"],
        {},
        (ENV, ("A=1", "DEBUG=1")),
        (ENV, ("A=1",)),
    ),
    (
        "cap-add",
        "lacks",
        ["sys_*"],
        {},
        (CAP_ADD, ("CAP_SYS_NICE",)),
        (CAP_ADD, ("CHOWN",)),
    ),
    (
        "cap-add",
        "one-of",
        ["CHOWN"],
        {},
        (CAP_ADD, ("CHOWN", "NET_RAW")),
        (CAP_ADD, ("cap_chown",)),
    ),
    (
        "cap-drop",
        "contains",
        ["all"],
        {},
        (CAP_DROP, ("CHOWN",)),
        (CAP_DROP, ("ALL",)),
    ),
    (
        "cap-add",
        "absent",
        None,
        {},
        (CAP_ADD, ("CHOWN",)),
        (CAP_ADD, ()),
    ),
    (
        "cap-drop",
        "equals",
        ["all"],
        {},
        (CAP_DROP, ("CHOWN",)),
        (CAP_DROP, ("all",)),
    ),
    (
        "volume",
        "lacks",
        ["/var/run/*"],
        {},
        (MOUNTS, (OF_RUN, DATA)),
        (MOUNTS, (INTO_RUN,)),
    ),
    (
        "publish",
        "one-of",
        ["127.0.0.1:*"],
        {},
        (PUBLISH, (Port(80, "80"),)),
        (PUBLISH, (LOCAL,)),
    ),
)


@pytest.mark.parametrize(
    ("option", "operator", "value", "more", "bad", "good"),
    CASES,
)
def test_it_fails_and_passes_and_its_fix_mends_and_stays(
    option: str,
    operator: str,
    value: Any,
    more: dict[str, Any],
    bad: tuple[Option[Any], Any],
    good: tuple[Option[Any], Any],
) -> None:
    row = _row(option, operator, value, **more)
    assert _status(row, container(bad)) is Status.FAIL
    assert _status(row, container(good)) is Status.PASS
    assert check_of(row).verdict(container(bad)).reason
    plan = _plan(row, container(bad))
    assert plan.skipped == ()
    assert _status(row, container().planned(plan.after)) is Status.PASS
    again = check_of(row).remediate
    assert again is not None
    assert (
        again(
            plan.after,
            FixContext(container().planned(plan.after), Parameters()),
        )
        == plan.after
    )
    assert _plan(row, container(good)).changes == (), "what passes is left as it is"


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_can_be_demanded_and_forbidden(name: str) -> None:
    option = OPTIONS[name]
    facts = container((option, sample(option)))
    switched_off = option.default is True  # a switch that is on when nothing is said
    absent, present = _row(name, "absent"), _row(name, "present")
    assert _status(absent, facts) is (Status.PASS if switched_off else Status.FAIL)
    assert _status(present, facts) is (Status.FAIL if switched_off else Status.PASS)
    unreadable = facts.replace(spec=Spec({}, frozenset({option})))
    for operator in (absent, present):
        assert _status(operator, unreadable) is Status.UNKNOWN, "what nothing shows is never a pass"


@pytest.mark.parametrize("name", OPTIONS)
def test_a_fix_changes_its_option_alone_and_never_weakens(name: str) -> None:
    option = OPTIONS[name]
    facts = container((option, sample(option)))
    plan = _plan(_row(name, "absent"), facts)
    if plan.changes:
        assert option not in plan.after or option.default is True
        assert {change.option for change in plan.changes} == {option.name}
    else:
        assert [skipped.check for skipped in plan.skipped] == ["site-own"]
        assert plan.skipped[0].why


def test_a_fix_that_would_weaken_is_refused_with_a_sentence() -> None:
    for row, facts in (
        (
            _row("memory", "at-least", "2g"),
            container((MEMORY, G)),
        ),
        (_row("read-only", "absent"), container("--read-only")),
        (
            _row("cap-add", "contains", ["SYS_ADMIN"]),
            container(),
        ),
        (
            _row("cap-drop", "absent"),
            container("--cap-drop=all"),
        ),
    ):
        plan = _plan(row, facts)
        assert plan.changes == ()
        assert "weaken" in plan.skipped[0].why


def test_the_kernel_decides() -> None:
    row = _row("memory", "at-most", "2g")
    declared = (MEMORY, G)
    assert (
        _status(
            row,
            container(declared, kernel=Kernel(7, limits=Limits(memory=4 * G))),
        )
        is Status.FAIL
    )
    assert _status(row, container(kernel=Kernel(7, limits=Limits(memory=G)))) is Status.PASS
    assert (
        _status(
            row,
            container(declared, kernel=Kernel(7, limits=Unread("no rights"))),
        )
        is Status.UNKNOWN
    )
    assert _status(row, container(declared, kernel=Unread("no rights"))) is Status.UNKNOWN
    off = _row("no-new-privileges", "present")
    kernel = Kernel(7, no_new_privileges=False)
    assert (
        _status(
            off,
            container("--security-opt=no-new-privileges", kernel=kernel),
        )
        is Status.FAIL
    )
    assert {option.name for option in ENFORCED} <= set(OPTIONS)


def test_privileged_mode_is_not_taken_for_what_its_options_say() -> None:
    facts = container("--privileged")
    for option, operator, value in (
        ("cap-add", "lacks", ["SYS_ADMIN"]),
        ("cap-add", "absent", None),
        ("device", "absent", None),
        ("seccomp", "absent", None),
    ):
        assert _status(_row(option, operator, value), facts) is Status.FAIL
    fix = check_of(_row("cap-drop", "contains", ["all"])).remediate
    assert fix is not None
    with pytest.raises(CannotFix):
        fix(facts.spec, FixContext(facts, Parameters()))


def test_all_capabilities_are_each_of_them() -> None:
    row = _row("cap-add", "lacks", ["SYS_ADMIN"])
    facts = container("--cap-add=ALL")
    assert _status(row, facts) is Status.FAIL
    plan = _plan(row, facts)
    assert plan.changes == ()
    assert "all capabilities" in plan.skipped[0].why
    assert (
        _status(
            _row("cap-drop", "contains", ["NET_RAW"]),
            container("--cap-drop=all"),
        )
        is Status.PASS
    )


def test_a_fact_that_is_not_known_is_unknown_and_has_no_fix() -> None:
    row = _row("capabilities", "lacks", ["SYS_ADMIN"])
    seen = CapabilitySets(bounding=frozenset({"CAP_SYS_ADMIN"}))
    assert _status(row, container(kernel=Kernel(7, capabilities=seen))) is Status.FAIL
    assert _status(row, container(kernel=Kernel(7, capabilities=CapabilitySets()))) is Status.PASS
    assert _status(row, container(kernel=Kernel(7))) is Status.UNKNOWN
    assert _status(_row("uid", "at-least", 1000), container()) is Status.NOT_APPLICABLE
    check = check_of(row)
    assert (check.fix, check.remediate) == (FixKind.DECISION, None)
    registry = _row(
        "image-registry",
        "one-of",
        ["registry.example.com"],
    )
    assert _status(registry, container((IMAGE, "registry.example.com/a:1"))) is Status.PASS
    assert _status(registry, container((IMAGE, "docker.io/a:1"))) is Status.FAIL


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_answers_without_a_host(name: str) -> None:
    fact = FACTS[name]
    for facts in (
        container(),
        container(kernel=Kernel(7)),
        container(kernel=Unread("no rights")),
    ):
        for operator in OPERATORS[fact.shape]:
            value = {Shape.NUMBER: 5, Shape.SWITCH: True}.get(fact.shape, "x")
            given = None if operator in (CheckOperator.PRESENT, CheckOperator.ABSENT) else value
            verdict = check_of(_row(name, operator.value, given)).verdict(facts)
            assert verdict.status is Status.PASS or verdict.reason


OUTSIDE = (IdRange(0, 1000, 1), IdRange(1, 100_000, 65_536))
MAPPED = Kernel(
    7,
    shared_namespaces=frozenset(),
    uid=100_999,
    gid=100_999,
    uid_map=OUTSIDE,
    gid_map=OUTSIDE,
    groups=(100_999, 100_005),
)
ABOVE = (IdRange(0, 1, 4095),)
NESTED = Kernel(
    7,
    shared_namespaces=frozenset({"user"}),
    uid=1000,
    gid=1000,
    uid_map=ABOVE,
    gid_map=ABOVE,
)
"""In a user namespace of its engine, in which we are, too."""
TABLE_OF_MOUNTS = (
    KernelMount("/a", "tmpfs", "rw,nosuid,size=2048k"),
    KernelMount("/a", "tmpfs", "ro,noexec,nosuid,size=1024k"),
)


@pytest.mark.parametrize(
    ("fact", "facts", "seen"),
    [
        ("ids", container("--user=7:8", kernel=MAPPED), "1000:1000"),
        ("ids", container(kernel=NESTED, engine=rootful()), "1000:1000"),
        ("ids", container("--user=7:8", kernel=NotRunning()), "7:8"),
        ("ids", container("--user=0", kernel=NotRunning(), named_uid=1000), "0:0"),
        ("ids", container("--user=shop", kernel=NotRunning(), named_uid=1000), "1000:1000"),
        ("ids", container("--user=1000", kernel=NotRunning(), named_uid=1000), "1000:1000"),
        ("ids", container("--user=1001", kernel=NotRunning(), named_uid=1000), "1001:0"),
        ("groups", container("--user=7:8", kernel=MAPPED), ("1000", "6")),
        ("groups", container("--user=7:8", "--group-add=9", named_uid=1), ("8", "9")),
        ("log-size", container("--log-opt=max-size=10k"), 10_000),
        ("log-size", container(), None),
        (
            "mounts",
            container("--volume=/srv/x:/data//b/", "--tmpfs=/./t"),
            ("/data/b bind", "/t tmpfs"),
        ),
        ("mount-options", container("--tmpfs=/a:noexec"), ("nodev", "noexec", "nosuid", "rw")),
        ("mount-options", container("--tmpfs=/a:noexec", "--tmpfs=/b"), ("nodev", "nosuid", "rw")),
        ("mount-options", container("--volume=/x:/a:ro,noexec"), ("noexec", "ro")),
        (
            "mount-options",
            container("--tmpfs=/a", kernel=Kernel(7, mounts=TABLE_OF_MOUNTS)),
            ("noexec", "nosuid", "ro", "size=1024k"),
        ),
        ("tmpfs-size", container("--tmpfs=/a:size=1023k"), 1023 * 1024),
        (
            "tmpfs-size",
            container("--tmpfs=/a:size=50%", kernel=Kernel(7, mounts=TABLE_OF_MOUNTS)),
            1024 * 1024,
        ),
    ],
)
def test_what_a_fact_says(fact: str, facts: ContainerFacts, seen: object) -> None:
    assert FACTS[fact].read(facts) == seen


@pytest.mark.parametrize("fact", ["ids", "groups", "mount-options"])
def test_what_the_kernel_does_not_show_is_unknown(fact: str) -> None:
    facts = container("--tmpfs=/a", kernel=Unread("no rights"))
    assert _status(_row(fact, "present"), facts) is Status.UNKNOWN


def test_a_pattern_of_names_says_whom_it_is_about() -> None:
    row = _row("read-only", "present", only="db-*")
    assert _status(row, container()) is Status.NOT_APPLICABLE
    assert _status(row, container().replace(name="db-1")) is Status.FAIL


def test_secrets_are_masked_in_what_it_says() -> None:
    verdict = check_of(_row("env", "absent")).verdict(container("--env=DB_PASSWORD=hunter2"))
    assert "hunter2" not in f"{verdict}"
    assert "DB_PASSWORD" in verdict.reason


def test_no_text_keeps_a_pattern_busy() -> None:
    row = _row("label", "lacks", ["*a" * 90 + "b"])
    began = time.monotonic()
    facts = container(
        (
            LABELS,
            tuple(f"{at}={'a' * 16_000}" for at in range(50)),
        )
    )
    assert _status(row, facts) is Status.PASS
    assert time.monotonic() - began < 60
    long = container((LABELS, ("x=" + "a" * 20_000,)))
    assert _status(row, long) is Status.UNKNOWN
    assert "too long" in _plan(row, long).skipped[0].why
