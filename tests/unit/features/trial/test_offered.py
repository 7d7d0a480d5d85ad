"""A record, a plan or a profile of a stranger takes what our fixes offer and nothing else."""

from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.checks.prelude import container
from hardentui.errors import InputError, PlanError
from hardentui.features.fix.trial_files import refuse_more_than_offered, why_weaker
from hardentui.features.planning import refuse_weakening
from hardentui.features.trial.configuration import (
    CapabilityBack,
    Raised,
    TrialConfiguration,
    TwinPlanner,
    WritableDirectory,
)
from hardentui.features.trial.own_trials import is_remembered, remember
from hardentui.features.trial.tried import as_json, choices_of, plan_of, read_trial
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import volume_for
from hardentui.model.plan import Choice, Plan
from hardentui.model.trial import ChosenFix, OptionChange, Trial
from hardentui.options import IMAGE, MEMORY
from tests.unit.features.trial.test_record import FIXES, plan_for, record

WEB = container("--env=A=b --volume=data:/data")
HONEST = TrialConfiguration(
    FIXES,
    (
        CapabilityBack("CAP_CHOWN"),
        WritableDirectory("/var/lib/app"),
        WritableDirectory("/var/cache/app"),
        Raised("memory", 2),
    ),
)


def _judged(facts: ContainerFacts, trial: Trial) -> Plan:
    trial = read_trial(as_json(trial))
    offered = plan_for(facts, choices_of(trial))
    plan = plan_of(trial, offered, ours=False)
    refuse_more_than_offered(facts, offered, plan)
    return plan


def _also(
    option: str,
    *after: str,
    before: tuple[str, ...] = (),
) -> Trial:
    """An honest record with one more option."""
    trial = record(WEB, HONEST)
    others = tuple(change for change in trial.options if change.option != option)
    return replace(trial, options=(*others, OptionChange(option, before, after)))


def test_what_an_honest_trial_found_is_taken() -> None:
    plan = _judged(WEB, record(WEB, HONEST))
    assert plan.after == TwinPlanner(WEB, plan_for).spec(HONEST)


@pytest.mark.parametrize(
    ("option", "after"),
    [
        ("privileged", ("",)),
        ("volume", ("/:/host",)),
        ("volume", ("data:/data", "other-data:/var/lib/app")),
        (
            "volume",
            (f"data:/data,{volume_for(WEB.name, '/etc')}:/etc",),
        ),
        ("volume", ()),
        ("image", ("registry.example/evil:1",)),
        ("command", ("sh", "-c", "evil")),
        ("entrypoint", ("evil",)),
        ("env", ("A=b", "LD_PRELOAD=/evil.so")),
        ("hooks-dir", ("/tmp/hooks",)),
        ("runtime", ("/tmp/evil",)),
        ("module", ("evil",)),
        ("conmon-pidfile", ("/etc/passwd",)),
        ("network", ("host",)),
        ("publish", ("0.0.0.0:22:22",)),
        ("userns", ("host",)),
        ("user", ("0",)),
        ("annotation", ("run.oci.seccomp_bpf_data=evil",)),
        ("device", ("/dev/sda",)),
        ("secret", ("other",)),
        ("tmpfs", ("/var/cache/app:rw,exec,suid,dev,size=64m",)),
        ("tmpfs", ("/usr/bin:rw,nosuid,nodev,size=64m",)),
        ("tmpfs", ("/data/../etc:rw,nosuid,nodev,size=64m",)),
        ("cap-add", ("CAP_SYS_ADMIN",)),
        ("security-opt", ("label=disable",)),
        ("add-host", ("registry:1.2.3.4",)),
        ("health-cmd", ("evil",)),
    ],
)
def test_an_option_that_no_fix_offers_is_refused(
    option: str,
    after: tuple[str, ...],
) -> None:
    with pytest.raises(InputError, match=r"refused|unknown option|invalid"):
        _judged(WEB, _also(option, *after))


def test_a_limit_above_the_present_one_is_refused() -> None:
    facts = container("--memory=64m --cap-add=NET_ADMIN")
    trial = record(
        facts, TrialConfiguration((Choice("default-capabilities-kept", (("keep", ()),)),))
    )
    higher = OptionChange("memory", ("64m",), ("1g",))
    with pytest.raises(PlanError, match="sets --memory"):
        _judged(facts, replace(trial, options=(*trial.options, higher)))


def test_a_choice_that_would_weaken_is_refused_not_left_out() -> None:
    facts = container((MEMORY, 64 << 20), (IMAGE, "web:1"))
    plan = plan_for(facts, (Choice("no-pids-limit"),))
    refuse_weakening(plan)
    weaker = replace(
        plan,
        skipped=(
            replace(
                plan_for(facts, (Choice("x"),)).skipped[0],
                weakens=("raises it",),
            ),
        ),
    )
    with pytest.raises(PlanError, match="would weaken"):
        refuse_weakening(weaker)


def test_what_a_stranger_claims_to_have_proven_is_told_as_a_claim() -> None:
    trial = replace(record(WEB, HONEST), sure="Everything was proven.")
    plan = _judged(WEB, trial)
    words = " ".join(
        (
            *(note.text for note in plan.notes),
            *(change.reason for change in plan.changes),
        )
    )
    assert "not checked" in words
    assert "proven" not in words
    assert "A trial showed" not in words


def test_only_a_trial_of_this_account_is_remembered(
    monkeypatch: Any,
    tmp_path: Any,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    trial = record(WEB, HONEST)
    assert not is_remembered(trial)
    remember(trial)
    assert is_remembered(read_trial(as_json(trial)))
    assert not is_remembered(replace(trial, fixes=(*trial.fixes, ChosenFix("privileged"))))
    assert not is_remembered(replace(trial, sure="more"))


def _allow(*names: str, **more: Any) -> dict[str, Any]:
    return {
        "names": list(names),
        "action": "SCMP_ACT_ALLOW",
        **more,
    }


EXACTLY_ZERO = _allow(
    "personality",
    args=[{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}],
)
BASE = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "archMap": [
        {
            "architecture": "SCMP_ARCH_X86_64",
            "subArchitectures": ["SCMP_ARCH_X86"],
        }
    ],
    "syscalls": [
        _allow("read", "write", "socket"),
        EXACTLY_ZERO,
        _allow("mount", includes={"caps": ["CAP_SYS_ADMIN"]}),
    ],
}
TCP_ONLY = [{"index": 0, "value": 0xFFFFFFFF, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]


def _profile(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**BASE, "syscalls": list(rules), **more}


@pytest.mark.parametrize(
    "profile",
    [
        BASE,
        _profile(_allow("read")),
        _profile(_allow("socket", args=TCP_ONLY)),
        _profile(
            _allow("read", args=TCP_ONLY),
            {**_allow("write"), "action": "SCMP_ACT_LOG"},
        ),
        _profile(EXACTLY_ZERO),
        _profile({**_allow("bpf"), "action": "SCMP_ACT_ERRNO"}),
    ],
)
def test_a_profile_that_allows_no_more_is_accepted(profile: dict[str, Any]) -> None:
    assert why_weaker(profile, BASE, frozenset()) == ""


@pytest.mark.parametrize(
    "profile",
    [
        _profile(_allow("read"), defaultAction="SCMP_ACT_ALLOW"),
        _profile(_allow("read"), defaultAction="SCMP_ACT_LOG"),
        _profile(
            _allow("read"),
            defaultAction="SCMP_ACT_NOTIFY",
            listenerPath="/tmp/evil.sock",
        ),
        _profile(_allow("read"), listenerPath="/tmp/evil.sock"),
        _profile({**_allow("read"), "action": "SCMP_ACT_NOTIFY"}),
        _profile(_allow("read", "bpf")),
        _profile(_allow("personality")),
        _profile(_allow("mount")),
        _profile(_allow("mount", args=TCP_ONLY)),
        _profile(_allow("mount", includes={"arches": ["amd64"]})),
        _profile(
            _allow("read"),
            archMap=[
                {
                    "architecture": "SCMP_ARCH_X86_64",
                    "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                }
            ],
        ),
        _profile({"names": "read", "action": 7}),
        _profile(_allow("bpf", args=[{"index": 0, "value": 0, "op": "SCMP_CMP_GE"}])),
        {"syscalls": 3},
        {},
    ],
)
def test_a_profile_that_allows_more_is_not(profile: dict[str, Any]) -> None:
    assert why_weaker(profile, BASE, frozenset())
