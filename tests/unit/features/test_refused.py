"""What a real container did not take is not offered again, until it is another one."""

from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.checks.prelude import container
from hardentui.features.apply.refused import (
    applied_before,
    configuration_of,
    refused_changes,
    refused_checks,
)
from hardentui.model.facts import ContainerFacts
from hardentui.model.journal import EntryState, JournalChange, JournalEntry
from tests.support.journal import ENTRY, entry

ENGINE = "unix:///run/podman/podman.sock"
ON = {"Image": "sha256:1"}


def _facts(words: str = "-v /srv:/srv --memory 1g", **more: Any) -> ContainerFacts:
    return container(words, inspect={**ON, **more})


def _refused(**more: Any) -> JournalEntry:
    told = {
        "engine": ENGINE,
        "state": EntryState.ROLLED_BACK,
        "reason": "Not in force on the real container: writable-mount (/srv: rw).",
        "configurations": {"web": configuration_of(_facts())},
        "refused": {"web": ("writable-mount",)},
        "changes": (JournalChange("writable-mount", "volume", "/srv:/srv", "/srv:/srv:noexec"),),
    }
    return entry(**{**told, **more})


def test_a_fix_that_had_no_effect_is_left_out_with_the_day_and_the_reason() -> None:
    changes = refused_changes([_refused()], _facts(), ENGINE)
    assert refused_checks(changes, "web") == {
        "writable-mount": "it was applied on 2026-11-26 and had no effect, so all was rolled back: "
        "Not in force on the real container: writable-mount (/srv: rw)"
    }
    assert refused_checks(changes, "db") == {}


@pytest.mark.parametrize(
    ("now", "engine"),
    [
        (_facts("-v /srv:/srv --memory 2g"), ENGINE),
        (_facts(Image="sha256:2"), ENGINE),
        (_facts(), "unix:///run/user/1000/podman/podman.sock"),
    ],
    ids=["options", "image", "engine"],
)
def test_it_is_offered_again_when_anything_is_another(now: ContainerFacts, engine: str) -> None:
    assert refused_changes([_refused()], _facts(), ENGINE)
    assert refused_changes([_refused()], now, engine) == ()


def test_a_change_that_was_undone_or_not_confirmed_is_offered_again() -> None:
    assert refused_changes([_refused(refused=None)], _facts(), ENGINE) == ()


def test_the_very_change_that_did_not_work_is_not_offered_again() -> None:
    """Which of its fixes was at fault is not known, so any other choice of them is."""
    failed = _refused(refused={}, reason="web does not work with the change: it ended.")
    again = replace(failed, id=ENTRY[:-1] + "e", reason="", refused=None)
    changes = refused_changes([failed], _facts(), ENGINE)
    why = applied_before(changes, again)
    assert why.startswith("The same was applied to web on 2026-11-26 and rolled back: web does not")
    other = JournalChange("no-memory-limit", "memory", None, "1g")
    assert not applied_before(changes, replace(again, changes=(*again.changes, other)))
    assert not applied_before(changes, replace(again, changes=()))
    of_fix = refused_changes([_refused()], _facts(), ENGINE)
    assert not applied_before(of_fix, again), "that one leaves out what had no effect"
