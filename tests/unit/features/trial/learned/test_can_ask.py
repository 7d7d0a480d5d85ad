"""What is kept although it was not seen: a shallow probe never takes more than none."""

from itertools import combinations

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import DEFAULT_CAPABILITIES, container
from hardentui.features.applications.loading import Library
from hardentui.features.checklists.loading import load
from hardentui.features.trial.configuration import TwinPlanner
from hardentui.features.trial.learned.can_ask import (
    CanAsk,
    can_ask,
    can_need,
    foreign_place,
    keeping,
    left_to_decide,
    widened,
)
from hardentui.features.trial.learned.needs import CapabilityNeed, Needs
from hardentui.features.trial.learned.started import Reached
from hardentui.features.trial.learned.system_calls import ORDINARY, RISKY, Allowed, SocketUse
from hardentui.harden.plan import make_plan
from hardentui.model.facts import ContainerFacts, FileChange, IdRange, Kernel
from hardentui.model.plan import Choice
from hardentui.options import CAP_ADD
from hardentui.reading.applications import AskedImage
from hardentui.reading.asked_functions import DECIDED

DEFAULT = Choice("default-capabilities-kept")
SSHD = Reached(
    {"sshd": frozenset({"chroot", "setresuid", "initgroups", "bind"})},
    {},
)
UNKNOWN = Reached({"a": frozenset({"bind"})}, {"b": "it is statically linked"})


def needs(*capabilities: str) -> Needs:
    return Needs(capabilities=tuple(CapabilityNeed(f"CAP_{name}") for name in capabilities))


def kept(
    reached: Reached,
    seen: Needs | None,
    facts: ContainerFacts,
) -> set[str]:
    (choice,) = keeping(
        (DEFAULT,),
        can_ask(reached, facts),
        seen,
        facts,
    )
    words = dict(choice.parameters)["keep"]
    assert isinstance(words, tuple)
    return set(words)


def test_what_programs_can_ask_for_stays_although_only_the_start_was_seen() -> None:
    assert kept(SSHD, needs("NET_BIND_SERVICE"), container()) == {
        *(
            "DAC_OVERRIDE",
            "FOWNER",
            "FSETID",
            "KILL",
            "NET_BIND_SERVICE",
            "SETGID",
            "SETUID",
            "SYS_CHROOT",
        )
    }


@pytest.mark.parametrize("reached", [SSHD, UNKNOWN, Reached({}, {})])
def test_seeing_more_never_keeps_less(reached: Reached) -> None:
    facts = container()
    names = ("CHOWN", "SETUID", "SETPCAP")
    without = kept(reached, needs(), facts)
    for size in range(len(names) + 1):
        for seen in combinations(names, size):
            assert without | set(seen) <= kept(reached, needs(*seen), facts)


def test_an_entry_is_believed_before_what_could_be_asked_for_and_a_twin_before_the_entry() -> None:
    entry = Library().find(AskedImage("postgres:17"))
    assert entry is not None
    assert entry.capabilities.start is not None
    facts = container("docker.io/library/postgres:17", application=entry)
    for reached in (SSHD, UNKNOWN):
        assert kept(reached, needs("SYS_NICE"), facts) == {*entry.capabilities.start, "SYS_NICE"}
    chosen = Choice("default-capabilities-kept", (("keep", ("KILL",)),))
    after = make_plan(facts, (chosen,), all_checks(), load("")).after
    assert after[CAP_ADD] == ("CAP_KILL",), "what was chosen wins over the entry"


def test_what_is_not_known_stays_as_the_engine_grants_it() -> None:
    facts = container()
    assert kept(UNKNOWN, needs(), facts) == {
        name.removeprefix("CAP_") for name in DEFAULT_CAPABILITIES
    }
    assert can_ask(UNKNOWN, facts).calls == DECIDED
    assert keeping(
        (DEFAULT,),
        can_ask(UNKNOWN, facts),
        None,
        facts,
    ) == (DEFAULT,)


def test_an_ordinary_user_can_ask_for_nothing_but_through_set_id_programs() -> None:
    facts = container("--user=1000")
    assert can_ask(SSHD, facts).capabilities == frozenset()
    through = Reached(SSHD.functions, {}, ("su",))
    assert "CAP_SETUID" in can_ask(through, facts).capabilities


def test_a_choice_of_the_user_stays() -> None:
    chosen = Choice("default-capabilities-kept", (("keep", ("KILL",)),))
    assert keeping(
        (chosen,),
        can_ask(SSHD, container()),
        needs(),
        container(),
    ) == (chosen,)


def test_the_profile_allows_ordinary_work_and_what_can_be_asked_for() -> None:
    seen = Allowed(
        frozenset({"read"}), sockets=frozenset({SocketUse(1)}), new_namespaces=frozenset()
    )
    wide = widened(seen, can_ask(SSHD, container()))
    assert {"rename", "chroot", "unlink", "fsync"} <= wide.names
    assert "setpriority" in wide.names, "else `podman exec NAME su …` is refused by pam_limits"
    assert {"mount", "ptrace", "unshare"}.isdisjoint(wide.names)
    assert wide.sockets == frozenset(map(SocketUse, (1, 2, 10)))
    assert wide.new_namespaces == frozenset()
    assert ORDINARY.isdisjoint(RISKY)


@pytest.mark.parametrize(
    ("set_id", "asks"),
    [
        ((), False),
        (("mount", "su"), False),
        (("mount", "suexec"), True),
        (("sudo",), True),
    ],
)
def test_set_id_programs_of_its_own_make_no_new_privileges_a_question(
    set_id: tuple[str, ...],
    asks: bool,
) -> None:
    checks, checklist = tuple(all_checks()), load("")
    planner = TwinPlanner(
        container(), lambda facts, chosen: make_plan(facts, chosen, checks, checklist)
    )
    choices = (DEFAULT, Choice("new-privileges-allowed"))
    rest, questions = left_to_decide(
        choices, CanAsk(frozenset(), frozenset(), set_id=set_id), planner
    )
    assert rest == (choices[:1] if asks else choices)
    assert [(question.check, question.options[0].after) for question in questions] == (
        [("new-privileges-allowed", ("no-new-privileges",))] if asks else []
    )
    assert all(set_id[-1] in question.why for question in questions)


@pytest.mark.parametrize(
    ("writes", "asks"),
    [
        ({}, False),
        ({"/etc/app": "p.py"}, True),
        ({"/app/plugins": "p.py", "/run/lock/app": "p.py"}, True),
        ({"/run/lock/app": "p.py", "/tmp": "p.py", "/var/cache/app/x": "p.py"}, False),
        ({"/srv/kept/new": "p.py"}, False),
    ],
)
def test_a_read_only_root_is_a_question_where_a_program_writes_what_gets_no_place(
    writes: dict[str, str],
    asks: bool,
) -> None:
    checks, checklist = tuple(all_checks()), load("")
    facts = container("-v kept:/srv/kept --tmpfs /var/cache/app")
    planner = TwinPlanner(facts, lambda facts, chosen: make_plan(facts, chosen, checks, checklist))
    choices = (DEFAULT, Choice("writable-rootfs"))
    ask = CanAsk(frozenset(), frozenset(), writes=writes)
    rest, questions = left_to_decide(choices, ask, planner)
    assert rest == (choices[:1] if asks else choices)
    assert [question.check for question in questions] == ["writable-rootfs"] * asks
    for question in questions:
        assert question.why.startswith(f"p.py may write in {next(iter(writes))}")


@pytest.mark.parametrize(
    ("owners", "folders", "place"),
    [
        ({"/data": (0, 0)}, {}, ""),
        ({"/data": (1000, 1000)}, {}, "/data"),
        ({}, {"/var/mail": (8, 0o775)}, "/var/mail"),
        ({}, {"/var/mail": (8, 0o1777)}, ""),
        ({}, {"/var/mail": (0, 0o755)}, ""),
        ({}, {"/srv": (8, 0o755)}, ""),  # it does not write there
    ],
)
def test_root_keeps_its_right_over_files_of_others_where_there_are_some(
    owners: dict[str, tuple[int, int]],
    folders: dict[str, tuple[int, int]],
    place: str,
) -> None:
    """It may write there late, and no function of a program shows whose files those are."""
    kernel = Kernel(7, uid=0, uid_map=(IdRange(0, 0, 1 << 32),))
    facts = container("-v data:/data", kernel=kernel, owners=owners)
    foreign = foreign_place(facts, folders, ["/var/mail"])
    assert foreign == place
    ask = can_ask(Reached({"p.py": frozenset()}, {}), facts, foreign=foreign)
    assert ask.capabilities == ({"CAP_DAC_OVERRIDE"} if place else frozenset())
    unseen = can_need(ask, Needs(capabilities=()))
    assert [(need.capability, need.place) for need in unseen] == (
        [("DAC_OVERRIDE", place)] if place else []
    )


def test_so_it_does_where_the_data_in_its_layer_is_another_accounts() -> None:
    facts = container(
        kernel=Kernel(7, uid=0, uid_map=(IdRange(0, 0, 1 << 32),)),
        changes=(
            FileChange("/srv/orders", "added"),
            FileChange("/srv/orders/1", "added", uid=0),
            FileChange("/srv/orders/x/1", "added", uid=9),
        ),
    )
    assert foreign_place(facts, {}, []) == "/srv/orders/x/1"
