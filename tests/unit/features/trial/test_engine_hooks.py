"""The hooks that an engine will run on the host for each twin; oci-hooks(5)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hardentui.checks.prelude import container
from hardentui.features.trial.engine_hooks import hooks_of_twins
from tests.support.rooted import Rooted

HOOK = {"version": "1.0.0", "hook": {"path": "/usr/bin/told"}, "stages": ["prestart"]}


@pytest.mark.parametrize(
    ("when", "runs"),
    [
        ({"always": True}, True),
        ({"always": False}, False),
        ({"commands": ["httpd$"]}, True),
        ({"commands": ["nginx"]}, False),
        ({"commands": ["["]}, True),  # no expression: it may match
        ({"hasBindMounts": True}, True),
        ({"always": True, "commands": ["nginx"]}, False),
        ({"annotations": {"org.x": ".*"}}, False),  # a twin has none of its original
        ("not an object", True),
    ],
)
def test_what_matches_a_twin_is_told(tmp_path: Path, when: object, runs: bool) -> None:
    files = Rooted(tmp_path)
    files.put("/etc/containers/oci/hooks.d/a.json", json.dumps({**HOOK, "when": when}))
    files.put("/etc/containers/oci/hooks.d/notes.txt", json.dumps({**HOOK, "when": {}}))
    facts = container("-v data:/data IMAGE httpd")
    assert hooks_of_twins(facts, files) == (("/usr/bin/told",) if runs else ())


def test_without_a_mount_a_hook_for_mounts_does_not_run(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    when = {"always": True, "hasBindMounts": True}
    files.put("/usr/share/containers/oci/hooks.d/a.json", json.dumps({**HOOK, "when": when}))
    assert hooks_of_twins(container("IMAGE httpd"), files) == ()
    assert hooks_of_twins(container("-v data:/data IMAGE httpd"), files)


def test_where_a_file_is_no_hook_nothing_is_told(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put("/etc/containers/oci/hooks.d/a.json", "[" * 3000)
    assert hooks_of_twins(container(), files) == ()
    assert hooks_of_twins(container(), None) == ()
