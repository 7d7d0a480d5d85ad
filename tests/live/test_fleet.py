"""Facts that a real Podman gave twice, before and after a change, in one report as of two hosts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from tests.support.check_report import findings_of, statuses
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live
NAME = "fleet-web"


def test_two_hosts_in_one_report(podman: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        for name, options in (("soft", []), ("hard", ["--read-only"])):
            podman.remove(NAME)
            podman.run(NAME, *options, BUSYBOX, "sleep", "100000")
            assert main(["check", "--save", str(tmp_path / f"{name}.json"), "--url", podman.url]) == 0
        capsys.readouterr()
        code = main(["check", NAME, "--facts", str(tmp_path), "--format", "json"])
        document: Any = json.loads(capsys.readouterr().out)
    finally:
        podman.remove(NAME)
    assert code == 1
    seen = {
        subject["host"]: {finding["check"]: finding["status"] for finding in findings_of(document, subject)}
        for subject in document["subjects"]
        if subject["name"] == NAME
    }
    assert len(seen) == 2, "the same host name, told apart by the files"
    (soft,) = (host for host in seen if "soft.json" in host)
    (hard,) = (host for host in seen if "hard.json" in host)
    assert (seen[soft]["writable-rootfs"], seen[hard]["writable-rootfs"]) == ("fail", "pass")
    for host in document["hosts"]:
        (single,) = (host["source"],)
        main(["check", NAME, "--facts", single, "--format", "json"])
        alone: Any = json.loads(capsys.readouterr().out)
        assert statuses(alone, NAME) == seen[host["name"]], "merging changes no answer"
