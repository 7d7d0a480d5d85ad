"""A result of OpenSCAP that was recorded on a real host, imported and judged on a real Podman."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from tests.support.check_report import every_finding
from tests.support.podman import Bench

pytestmark = pytest.mark.live
RESULT = Path(__file__).parents[1] / "data/host-scans/openscap-results.xml"


def test_an_imported_result_is_in_the_next_check_and_in_saved_facts(
    podman: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ours = socket.gethostname()
    report = tmp_path / "results.xml"
    text = RESULT.read_text().replace("<target>vm</target>", f"<target>{ours}</target>")
    report.write_text(text.replace('severity="unknown"', 'severity="high"'))

    def told(*words: str) -> Any:
        main([*words, "--url", podman.url, "--format", "json", "--quiet"])
        document = json.loads(capsys.readouterr().out)
        return next(finding for finding in every_finding(document) if finding["check"] == "failed-host-rules")

    assert told("check", "host")["status"] == "not-applicable"
    finding = told("check", "host", "--import", str(report))
    assert (finding["status"], finding["severity"]) == ("fail", "high")
    assert "apt_sources_list_official" in json.dumps(finding["evidence"])
    assert told("check", "host")["status"] == "fail", "it is kept"

    facts = tmp_path / "facts.json"
    assert main(["check", "--save", str(facts), "--url", podman.url, "--quiet"]) == 0
    main(["check", "--facts", str(facts), "--format", "json", "--quiet"])
    document = json.loads(capsys.readouterr().out)
    saved = every_finding(document)
    assert next(finding for finding in saved if finding["check"] == "failed-host-rules")["status"] == "fail"
