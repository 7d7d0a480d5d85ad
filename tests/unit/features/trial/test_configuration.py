"""What a loosened configuration asks for, and what it never gives."""

from hardentui.checks import CHECKS as ALL_CHECKS
from hardentui.checks.prelude import container, rootful, rootless
from hardentui.features.checklists.loading import load
from hardentui.features.looking.judging import Judge
from hardentui.features.trial.configuration import (
    CapabilityBack,
    Loosening,
    TrialConfiguration,
    TwinPlanner,
    WritableDirectory,
)
from hardentui.harden.plan import make_plan
from hardentui.model.facts import ContainerFacts, FileChange, WrittenDirectory
from hardentui.model.plan import Choice, Plan
from hardentui.model.spec import Spec
from hardentui.options import CAP_ADD, CAP_DROP, MOUNTS, READ_ONLY, TMPFS

CHECKLIST = load()
CHECKS = Judge(CHECKLIST, ALL_CHECKS).checks
BACK = CapabilityBack("CAP_CHOWN")


def a_plan(facts: ContainerFacts, choices: tuple[Choice, ...]) -> Plan:
    return make_plan(facts, choices, CHECKS, CHECKLIST)


def loosened(
    facts: ContainerFacts,
    loosening: Loosening,
    *checks: str,
) -> Spec:
    planner = TwinPlanner(facts, a_plan)
    return planner.spec(TrialConfiguration(tuple(map(Choice, checks)), (loosening,)))


def test_a_capability_that_comes_back_is_given_to_root_and_kept_from_an_ordinary_user() -> None:
    of_root = loosened(container(), BACK, "default-capabilities-kept")
    assert "CAP_CHOWN" in of_root[CAP_ADD]
    of_user = loosened(
        container("--user=1500"),
        BACK,
        "default-capabilities-kept",
    )
    assert of_user[CAP_ADD] == ()
    dropped = of_user[CAP_DROP]
    assert "CAP_CHOWN" not in dropped
    assert {"CAP_SETUID", "CAP_FOWNER"} <= set(dropped)


def test_a_volume_of_a_trial_keeps_its_owners_under_a_user_namespace() -> None:
    volume = WritableDirectory("/data")
    mapped = container("--userns=auto", engine=rootful())
    assert [m.options for m in loosened(mapped, volume, "writable-rootfs")[MOUNTS]] == [
        ("idmap", "nodev", "nosuid")
    ]
    for facts in (
        container(engine=rootful()),
        container("--userns=auto", engine=rootless()),
    ):
        assert [m.options for m in loosened(facts, volume, "writable-rootfs")[MOUNTS]] == [
            ("nodev", "nosuid")
        ]


def test_a_tmpfs_of_a_trial_has_the_access_of_its_directory() -> None:
    directories = {"/cache": WrittenDirectory(0, 33, 33)}
    facts = container(engine=rootful()).replace(written_directories=directories)
    spec = loosened(
        facts,
        WritableDirectory("/cache"),
        "writable-rootfs",
    )
    assert spec[READ_ONLY]
    assert spec[TMPFS] == ("/cache:rw,noexec,nosuid,nodev,size=64m,mode=1777",)


def test_a_tmpfs_of_a_trial_lets_programs_run_that_the_container_put_there() -> None:
    helper = FileChange("/cache/helper", "added", directory=False, executable=True)
    facts = container("--read-only", engine=rootful()).replace(changes=(helper,))
    spec = loosened(facts, WritableDirectory("/cache"))
    assert spec[TMPFS] == ("/cache:rw,nosuid,nodev,size=64m",)
