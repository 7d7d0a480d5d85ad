"""What is gathered besides inspect: timers, limits of a process, the journal, the cloud, scans,
bases."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.features.looking.once_per_engine import OncePerEngine
from hardentui.host.commands import Run, run_nothing
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.machine import read_journal
from hardentui.host.network.firewall import read_cloud, read_firewall
from hardentui.host.process.log_limit import read_log_limit
from hardentui.host.units.timers import Manager, timer_active
from hardentui.model.facts import EngineFacts, ImageFacts
from hardentui.model.host import JournalStorage
from hardentui.model.image import NeverScanned, ScanReport
from hardentui.model.known import Known, Unread
from hardentui.scanners.stored import StoredScans, parse_report

TIMER = "podman-auto-update.timer"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ID = "a" * 64


def files(
    text: dict[str, str] | None = None,
    **more: Any,
) -> RecordedFiles:
    return RecordedFiles({"text": text or {}, **more})


def saying(
    answer: Known[str],
    asked: list[Sequence[str]] | None = None,
) -> Run:
    def run(arguments: Sequence[str], seconds: float) -> Known[str]:
        assert 0 < seconds <= 10
        if asked is not None:
            asked.append(tuple(arguments))
        return answer

    return run


@pytest.mark.parametrize(
    ("answer", "active"),
    [
        ("LoadState=loaded\nActiveState=active\n", True),
        ("LoadState=loaded\nActiveState=inactive\n", False),
        ("LoadState=not-found\nActiveState=inactive\n", False),
        ("LoadState=loaded\nActiveState=activating\n", False),
    ],
)
def test_systemd_says_whether_the_timer_is_active(
    answer: str,
    active: bool,
) -> None:
    enabled = files(
        links={f"/etc/systemd/system/timers.target.wants/{TIMER}": "x"},
        text={},
    )
    assert (
        timer_active(
            enabled,
            saying(answer),
            TIMER,
            Manager(),
        )
        is active
    )


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (
            (
                "/usr/bin/conmon",
                "--api-version",
                "1",
                "--log-size-max",
                "1048576",
                "-P",
                "x",
            ),
            1048576,
        ),
        (("conmon", "--log-size-max=4096"), 4096),
        (("/usr/bin/conmon", "--log-size-max", "-1"), 0),
        (("/usr/bin/conmon", "-l", "k8s-file:/x/ctr.log"), 0),
    ],
)
def test_conmon_is_told_the_size_at_which_it_cuts_a_log(
    words: tuple[str, ...],
    limit: int,
) -> None:
    assert read_log_limit(files({"/proc/7/cmdline": "\0".join((*words, ""))}), 7) == limit


SYSTEMD = {"/run/systemd/system/x": ""}


def test_drop_ins_have_the_last_word_and_etc_hides_usr() -> None:
    main = "/etc/systemd/journald.conf"
    volatile = files(
        {
            **SYSTEMD,
            "/var/log/journal/1/x": "",
            main: "[Journal]\n#Storage=persistent\nStorage=persistent\n",
            "/usr/lib/systemd/journald.conf.d/50-site.conf": "[Journal]\nStorage=volatile\n",
        }
    )
    result = read_journal(volatile)
    assert result == JournalStorage(
        "volatile", False, False, "/usr/lib/systemd/journald.conf.d/50-site.conf"
    )
    hidden = files(
        {
            **SYSTEMD,
            main: "[Journal]\nStorage=persistent\n",
            "/usr/lib/systemd/journald.conf.d/50-site.conf": "[Journal]\nStorage=volatile\n",
            "/etc/systemd/journald.conf.d/50-site.conf": "",
        }
    )
    assert read_journal(hidden) == JournalStorage(
        "persistent",
        True,
        False,
        main,
    )


@pytest.mark.parametrize(
    ("name", "content", "cloud"),
    [
        ("sys_vendor", "Amazon EC2\n", "Amazon EC2"),
        ("product_name", "Google Compute Engine\n", "Google Compute Engine"),
        ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n", "Microsoft Azure"),
        ("sys_vendor", "OpenStack Foundation\n", "OpenStack"),
        ("sys_vendor", "Linode\n", "Akamai"),
        ("product_name", "Exoscale Compute Platform\n", "Exoscale"),
        ("chassis_asset_tag", "ibmcloud\n", "IBM Cloud"),
        ("sys_vendor", "Microsoft Corporation\n", ""),
        ("sys_vendor", "QEMU\n", ""),
    ],
)
def test_the_firmware_names_the_cloud(
    name: str,
    content: str,
    cloud: str,
) -> None:
    assert read_cloud(files({f"/sys/class/dmi/id/{name}": content})) == cloud


def ruleset(
    right: Any,
    verdict: str,
    field: str = "daddr",
    op: str = "==",
) -> str:
    match = {
        "op": op,
        "left": {"payload": {"protocol": "ip", "field": field}},
        "right": right,
    }
    rule = {
        "family": "inet",
        "table": "filter",
        "chain": "forward",
        "expr": [{"match": match}],
    }
    rule["expr"].append({verdict: None})  # type: ignore[attr-defined]
    return json.dumps(
        {
            "nftables": [
                {"table": {"family": "inet", "name": "filter"}},
                {"rule": rule},
            ]
        }
    )


@pytest.mark.parametrize(
    ("content", "filtered"),
    [
        (ruleset("169.254.169.254", "drop"), True),
        (ruleset("169.254.169.254", "reject"), True),
        (
            ruleset({"prefix": {"addr": "169.254.0.0", "len": 16}}, "drop"),
            True,
        ),
        (
            ruleset({"set": ["192.0.2.1", "169.254.169.254"]}, "drop"),
            True,
        ),
        (ruleset("169.254.169.254", "accept"), False),
        (
            ruleset("169.254.169.254", "drop", field="saddr"),
            False,
        ),
        (ruleset("169.254.169.254", "drop", op="!="), False),
        (ruleset("@blocked", "drop"), False),
    ],
)
def test_only_a_rule_that_drops_what_goes_to_the_metadata_address_counts(
    content: str,
    filtered: bool,
) -> None:
    assert read_firewall(files(), saying(content), root=True).metadata_filtered is filtered
    assert isinstance(
        read_firewall(files(), saying(content), root=False).metadata_filtered,
        Unread,
    )


TRIVY = {
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-23T08:15:00.123456789Z",
    "ArtifactName": "docker.io/library/nginx:1.29",
    "Results": [
        {"Target": "debian", "Vulnerabilities": None},
        {
            "Target": "app",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2026-1",
                    "PkgName": "libc6",
                    "Severity": "CRITICAL",
                    "FixedVersion": "2",
                },
                {"VulnerabilityID": "CVE-2026-2", "PkgName": "zlib", "Severity": "strange"},
                {"VulnerabilityID": "CVE-2026-2", "PkgName": "zlib", "Severity": "strange"},
            ],
        },
    ],
}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"ArtifactName": "x", "Results": "no"},
        {
            "ArtifactName": "x",
            "Results": [{"Vulnerabilities": [{"PkgName": "x"}]}],
        },
        {"matches": [{}], "descriptor": {}},
        {"matches": [], "descriptor": []},
    ],
)
def test_a_damaged_report_is_unknown_and_never_a_clean_one(document: Any) -> None:
    assert isinstance(parse_report(document, NOW), Unread)


def test_reports_are_found_by_the_id_of_the_image(tmp_path: Path) -> None:
    scans = StoredScans(lambda: tmp_path)
    assert scans.of(ID) == NeverScanned()
    (tmp_path / "scans").mkdir()
    path = tmp_path / "scans" / f"{ID}.json"
    path.write_text(json.dumps(TRIVY), "utf-8")
    assert isinstance(scans.of(f"sha256:{ID}"), ScanReport)
    assert scans.of("b" * 64) == NeverScanned()
    path.write_text("{", "utf-8")
    assert scans.of(ID) == Unread("the stored scan result is not JSON")
    assert isinstance(scans.of("../../etc/passwd"), Unread)


def image(identity: str, *layers: str) -> ImageFacts:
    inspect = {"RootFS": {"Layers": list(layers)}}
    return ImageFacts(
        identity,
        inspect,
        names=(f"localhost/{identity}:1",),
    )


def once(
    answers: dict[str, Any],
    failures: dict[str, str] | None = None,
    **over: Any,
) -> OncePerEngine:
    connection = RecordedConnection(answers, failures)
    engine = Engine(EngineFacts(**over), lambda: connection)
    return OncePerEngine(
        engine,
        files(),
        run_nothing,
        lambda: NOW,
    )


def test_secrets_are_asked_once_and_tell_their_driver() -> None:
    answers: dict[str, Any] = {
        "/secrets/json": [
            {
                "ID": "1",
                "Spec": {"Name": "db", "Driver": {"Name": "file"}},
            }
        ]
    }
    asked = once(answers)
    assert asked.secret_drivers() == {"db": "file"}
    answers.clear()
    assert asked.secret_drivers() == {"db": "file"}
    asked.forget(())
    assert isinstance(asked.secret_drivers(), Unread)
