"""Each capability that stays after hardening names its cause; needed is only what was seen, or
what the service did not work without."""

from __future__ import annotations

import pytest

from hardentui.features.harden.rights_kept import rights_kept
from hardentui.model.trial import Baseline, CanNeed, How, Learned, Relaxed, Result, Trial

HAPROXY = Learned(
    capabilities=("NET_BIND_SERVICE",),
    evidence={"NET_BIND_SERVICE": ("bind 0.0.0.0:80",)},
    can_need=(
        CanNeed("haproxy", ("chown", "fchown"), capability="CHOWN"),
        CanNeed("haproxy", ("setuid",), capability="SETUID"),
        CanNeed("", capability="DAC_OVERRIDE", place="/var/mail"),
    ),
    given_unseen=("SYS_NICE",),
)


def of(learned: Learned | None, *relaxed: Relaxed) -> Trial:
    return Trial(
        container="web",
        result=Result.WORKS,
        baseline=Baseline(ready=True, how=How.PORTS, seconds=1.0),
        learned=learned,
        relaxed=relaxed,
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("NET_BIND_SERVICE", "needed, seen in use (bind 0.0.0.0:80)"),
        ("CHOWN", "kept because a program of the image can ask for it: haproxy"),
        ("SETUID", "kept because a program of the image can ask for it: haproxy"),
        ("DAC_OVERRIDE", "kept for files of another account in /var/mail"),
        ("SYS_NICE", "given explicitly, not seen in use"),
        ("KILL", "kept, not seen in use"),
    ],
)
def test_a_right_that_stays_names_its_cause(name: str, why: str) -> None:
    assert list(rights_kept(of(HAPROXY), (name,))) == [f"{name}: {why}"]


def test_what_broke_without_it_is_needed() -> None:
    back = Relaxed("default-capabilities-kept", "cap-add", "", "SETGID", "setgroups refused")
    assert list(rights_kept(of(Learned(), back), ("SETGID",))) == [
        "SETGID: needed, it does not work without (setgroups refused)"
    ]


def test_those_of_one_cause_stand_together() -> None:
    unread = Learned(unread={"sh": "a script"})
    assert list(rights_kept(of(unread), ("CHOWN", "FOWNER"))) == [
        "CHOWN FOWNER: kept because it is not known what sh can ask for"
    ]
