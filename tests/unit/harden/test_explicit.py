"""What somebody set on purpose stays, unless its fix is asked for by name."""

from collections.abc import Iterator

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import container, facts_of
from hardentui.features.checklists.loading import load
from hardentui.harden.explicit import names_a_need, overridden
from hardentui.harden.plan import fixable, left_out, make_plan
from hardentui.harden.remedy import spec_diff
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Kind
from hardentui.model.host import Capacity, HostFacts
from hardentui.model.plan import Caution, Choice
from hardentui.model.remediation import Risk
from hardentui.model.vendor import Purpose, Vendor, VendorMatch, VendorOverrides
from hardentui.options import CAP_ADD, CPUS, IMAGE, MEMORY, POD, ROOTFS, TABLE, USER
from tests.support.option_samples import sample

CHECKS = tuple(check for check in all_checks() if check.kind is Kind.CONTAINER)
CHECKLIST = load()
FIXABLE = [check for check in CHECKS if check.remediate is not None]


def taken(facts: ContainerFacts, caution: Caution) -> set[str]:
    return {choice.check for choice in fixable(facts, CHECKS, CHECKLIST, caution)}


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ("--shm-size=0", "loose-tmpfs"),  # uyuni-tools#212: parallel queries of its database
        ("--restart=always", "unbraked-restart"),
        ("--log-driver=none", "no-logs"),
        ("--pids-limit=-1", "no-pids-limit"),
        ("--ulimit=host", "loose-ulimits"),
    ],
)
@pytest.mark.parametrize("caution", list(Caution))
def test_a_value_that_was_set_is_a_decision(
    options: str,
    check: str,
    caution: Caution,
) -> None:
    facts = container(options)
    assert check not in taken(facts, caution)
    named = make_plan(facts, (Choice(check),), CHECKS, CHECKLIST)
    assert named.changes, "by name it is taken"
    assert named.risks[check] is Risk.DECISION
    assert "was set on purpose" in " ".join(note.text for note in named.notes)
    nothing = make_plan(facts, (), CHECKS, CHECKLIST)
    asked = {skipped.check: skipped for skipped in left_out(facts, nothing, CHECKS, CHECKLIST)}
    assert asked[check].decides, "both sides are shown"


UYUNI = Vendor(
    name="uyuni",
    title="Uyuni",
    tool="mgradm",
    upgrade="mgradm upgrade podman",
    match=VendorMatch(names=("web",)),
    overrides=VendorOverrides(place="custom.conf"),
    source=(),
    purpose=(
        Purpose(
            why="64 MB broke parallel queries.",
            source="uyuni-tools#212",
            options=("--shm-size",),
        ),
        Purpose(
            why="mgradm upgrades it.",
            source="uyuni-tools",
            checks=("no-update-path",),
        ),
    ),
)


def examples(vendor: Vendor | None) -> Iterator[ContainerFacts]:
    """Every failing example of every check that has a fix, and a container with each option of the
    table set."""
    for check in FIXABLE:
        for facts in facts_of(check.fails):
            yield facts.replace(vendor=vendor)
    for option in TABLE:
        if option not in (POD, ROOTFS, IMAGE):
            yield container((option, sample(option)), vendor=vendor)


def lost(facts: ContainerFacts) -> dict[str, list[str]]:
    """Flag -> the set values that all the fixes that nobody has to name take away."""
    choices = fixable(facts, CHECKS, CHECKLIST, Caution.ALL)
    plan = make_plan(facts, choices, CHECKS, CHECKLIST)
    changed = spec_diff(facts.spec, plan.after)
    return {diff.option.name: [*diff.removed] for diff in overridden(facts, changed)}


@pytest.mark.parametrize("vendor", [None, UYUNI], ids=["by a person", "by a vendor"])
def test_no_set_of_fixes_takes_away_what_was_set(vendor: Vendor | None) -> None:
    """Law: over all options, each with every remediation."""
    counted = 0
    for facts in examples(vendor):
        counted += 1
        assert lost(facts) == {}, facts.spec
    assert counted >= len(TABLE) + len(FIXABLE), counted


SWITCHED_OFF = {
    "--privileged": "privileged",
    "--cap-add=ALL": "default-capabilities-kept",
    "--security-opt=seccomp=unconfined": "seccomp-unconfined",
    "--security-opt=unmask=ALL": "unmasked-system-paths",
    "--group-add=keep-groups": "dangerous-supplementary-groups",
}
"""They name no need: what the service does without them is what a trial sees."""
NAMED = {
    "--cap-add=SYS_ADMIN": "host-takeover-capabilities",
    "--cap-add=NET_ADMIN": "disruptive-capabilities",
    "--group-add=0": "dangerous-supplementary-groups",
    "--network=host": "host-network",
    "--pid=host": "host-pid",
    "--ipc=host": "host-ipc",
    "--userns=host": "host-user-namespace",
    "--cgroupns=host": "disabled-cgroups",
    "--device=/dev/fuse": "host-devices",
    "-v /run/podman/podman.sock:/run/podman/podman.sock": "mounted-engine-socket",
    "-v /srv/data:/data:exec,dev,suid": "writable-mount",
    "--sysctl=net.ipv4.ip_forward=1": "unsafe-sysctls",
    "--read-only=false": "writable-rootfs",
    "--memory=0": "no-memory-limit",
}
"""They say what is needed, and a twin has none of it: a trial shows nothing."""


@pytest.mark.parametrize(("options", "check"), SWITCHED_OFF.items())
def test_a_trial_judges_what_only_switches_a_protection_off(options: str, check: str) -> None:
    facts = typed(options)
    assert check in taken(facts, Caution.ALL)
    assert check not in taken(facts, Caution.LIKELY) | taken(facts, Caution.SAFE)


@pytest.mark.parametrize(("options", "check"), NAMED.items())
@pytest.mark.parametrize("caution", list(Caution))
def test_no_set_and_no_trial_takes_what_names_its_need(
    options: str,
    check: str,
    caution: Caution,
) -> None:
    facts = typed(options)
    assert check not in taken(facts, caution)
    assert make_plan(facts, (Choice(check),), CHECKS, CHECKLIST).risks[check] is Risk.DECISION


def typed(options: str) -> ContainerFacts:
    """As by a person: with the create command."""
    command = ["podman", "run", *options.split(), "x.example/a:1"]
    return container(options, inspect={"Config": {"CreateCommand": command}})


def test_all_but_a_few_values_name_a_need() -> None:
    unnamed = {
        option.name
        for option in TABLE
        if not names_a_need(option, option.to_arguments(sample(option))[0])
    }
    protections = {"cap-drop", "mask", "no-new-privileges"}
    assert unnamed == {*protections, "privileged", "unmask", "label", "image"}
    assert names_a_need(CAP_ADD, "NET_ADMIN")
    assert not names_a_need(CAP_ADD, "ALL")
    assert not names_a_need(USER, "root")


@pytest.mark.parametrize("caution", list(Caution))
def test_what_a_vendor_grants_is_its_decision(caution: Caution) -> None:
    facts = container("--privileged -v /etc:/host", vendor=UYUNI)
    assert not {"privileged", "sensitive-host-mount"} & taken(facts, caution)
    assert "privileged" in taken(facts.replace(vendor=None), Caution.ALL)


def test_the_vendor_says_why() -> None:
    facts = container("--shm-size=0", vendor=UYUNI)
    nothing = make_plan(facts, (), CHECKS, CHECKLIST)
    asked = {skipped.check: skipped for skipped in left_out(facts, nothing, CHECKS, CHECKLIST)}
    assert "mgradm: 64 MB broke parallel queries. (uyuni-tools#212)" in asked["loose-tmpfs"].reasons


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ("", "no-memory-limit"),
        ("", "no-cpu-limit"),
        ("--health-cmd=true", "unhealthy"),
    ],
)
def test_a_limit_that_no_trial_can_judge_is_a_decision_in_a_vendors_container(
    options: str,
    check: str,
) -> None:
    facts = container(options, vendor=UYUNI)
    assert check not in taken(facts, Caution.ALL)
    assert check in taken(facts.replace(vendor=None), Caution.ALL)


def test_what_only_adds_to_a_value_takes_nothing() -> None:
    assert "loose-tmpfs" in taken(container("--tmpfs=/tmp"), Caution.ALL)
    assert "loose-tmpfs" not in taken(container("--tmpfs=/tmp:exec"), Caution.ALL)


def test_what_is_missing_and_what_is_granted_are_none() -> None:
    assert "no-memory-limit" in taken(container(""), Caution.ALL)
    assert "privileged" in taken(container("--privileged"), Caution.ALL)


@pytest.mark.parametrize(
    ("capacity", "cpus", "memory"),
    [
        (Capacity(processors=2, memory=8 << 30), 1.5, 6 << 30),
        (Capacity(processors=4, memory=16 << 30), 3.0, 12 << 30),
        (Capacity(processors=16, memory=64 << 30), 4.0, 16 << 30),
    ],
    ids=["small", "as large as the values", "large"],
)
def test_values_of_the_fitting_checklist_are_what_this_host_can_hold(
    capacity: Capacity,
    cpus: float,
    memory: int,
) -> None:
    """A limit at or above the machine's limits nothing: the fix would be made, and still fail."""
    checklist = load("systemd")
    facts = container("", vendor=UYUNI, host=HostFacts(capacity=capacity))
    named = (Choice("no-cpu-limit"), Choice("no-memory-limit"))
    plan = make_plan(facts, named, CHECKS, checklist)
    assert (plan.after[CPUS], plan.after[MEMORY]) == (cpus, memory)
    fixed = container("", host=HostFacts(capacity=capacity)).replace(spec=plan.after)
    still = {choice.check for choice in fixable(fixed, CHECKS, checklist, Caution.ALL)}
    assert not still & {"no-cpu-limit", "no-memory-limit"}
