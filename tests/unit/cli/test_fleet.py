"""Saved facts of many hosts in one report: hosts kept apart, exit codes kept, hostile names safe."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hardentui.cli.run import run
from hardentui.errors import InputError
from hardentui.features.fleet.facts_files import fleet_files
from tests.unit.cli.test_facts import _recorded

HOSTILE = "web02\x1b[31m<script>alert(1)</script>\u202e`|"
SCHEMAS = Path(__file__).parents[3] / "hardentui" / "features" / "reports"


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    return _recorded()[1]


@pytest.fixture
def fleet(recorded: dict[str, Any], tmp_path: Path) -> Path:
    """Two hosts with the same containers, one of them with a hostile name."""
    directory = tmp_path / "fleet"
    directory.mkdir()
    for name, host in (("a", "web01"), ("b", HOSTILE)):
        document = copy.deepcopy(recorded)
        document["host"] = host
        (directory / f"{name}.json").write_text(json.dumps(document))
    return directory


def _check(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = run(("check", *argv))
    return code, capsys.readouterr().out


def _json(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    code, out = _check(capsys, *argv, "--format", "json")
    return code, json.loads(out)


def test_the_same_container_on_two_hosts_is_two(
    fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, merged = _json(
        capsys,
        "--facts",
        str(fleet / "a.json"),
        "--facts",
        str(fleet / "b.json"),
    )
    assert code == 1
    single_code, single = _json(capsys, "--facts", str(fleet / "a.json"))
    assert single_code == 1
    assert len(merged["subjects"]) == 2 * len(single["subjects"])
    hosts = {subject["host"] for subject in merged["subjects"] if subject["name"] == "shop-web"}
    assert len(hosts) == 2
    assert [host["name"] for host in merged["hosts"]] == sorted(hosts)
    assert merged["summary"]["fail"] == 2 * single["summary"]["fail"]
    assert merged["hosts"][0]["failing"]["high"] == single["summary"]["failing"]["high"]
    assert merged["host"]["name"] == "2 hosts"
    assert "hosts" not in single
    schema = json.loads((SCHEMAS / "check-3.schema.json").read_text())
    for document in (merged, single):
        jsonschema.validate(document, schema)


def _containers(document: Any) -> list[str]:
    return [subject["name"] for subject in document["subjects"] if subject["kind"] == "container"]


def test_a_directory_is_all_its_facts(
    fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, merged = _json(
        capsys,
        "shop-web",
        "--facts",
        str(fleet),
    )
    assert code == 1
    assert _containers(merged) == ["shop-web", "shop-web"]
    _, filtered = _json(
        capsys,
        "--filter",
        "name=shop-web",
        "--facts",
        str(fleet),
    )
    assert _containers(filtered) == ["shop-web", "shop-web"]
    assert run(("check", "no-such", "--facts", str(fleet))) == 2
    assert "no-such" in capsys.readouterr().err
    (fleet / "empty").mkdir()
    with pytest.raises(InputError, match=r"no file ends in \.json"):
        fleet_files([str(fleet / "empty")])


@pytest.mark.parametrize(
    "form",
    ["text", "html", "markdown", "sarif", "junit", "json", "oscal"],
)
def test_every_format_names_the_hosts_and_lets_no_name_through(
    form: str,
    fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    framework = ("--framework", "cis") if form == "oscal" else ()
    code, out = _check(
        capsys,
        "--facts",
        str(fleet),
        "--format",
        form,
        *framework,
    )
    assert code == 1
    assert "web01" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    if form in ("html", "junit", "markdown"):
        assert "<script" not in out.replace("\\<script", "")
    if form in ("html", "markdown", "text"):
        assert "2 hosts" in out
        assert "web01/shop-web" in out.replace("\\-", "-")


def test_sarif_keeps_the_hosts_apart_and_its_fingerprints(
    fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out = _check(
        capsys,
        "--facts",
        str(fleet),
        "--format",
        "sarif",
    )
    results = json.loads(out)["runs"][0]["results"]
    prints = [result["partialFingerprints"]["hardentui/v1"] for result in results]
    assert len(prints) == len(set(prints))
    uris = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results
    }
    assert "web01/container/rootful/report" in uris
    _, again = _check(
        capsys,
        "--facts",
        str(fleet),
        "--format",
        "sarif",
    )
    assert again == out
    _, single = _check(
        capsys,
        "--facts",
        str(fleet / "a.json"),
        "--format",
        "sarif",
    )
    assert "web01/container" not in single


def test_facts_that_cannot_be_read_are_a_host_that_was_not_looked_at(
    fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (fleet / "c.json").write_text('{"schema": "hardentui/facts/1"')
    code, merged = _json(
        capsys, "--facts", str(fleet), "--check", "selinux-disabled", "--fail-on", "critical"
    )
    assert code == 4, "never fine"
    bad = next(host for host in merged["hosts"] if host["name"] == "c")
    assert bad["trouble"]
    (fleet / "a.json").write_text("")
    (fleet / "b.json").write_text("[]")
    assert run(("check", "--facts", str(fleet))) == 2, "nothing could be read"


def test_the_same_facts_given_twice_are_one_host(
    fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = sorted(fleet.iterdir())
    copy = fleet.parent / "copy.json"
    copy.write_bytes(names[0].read_bytes())
    link = fleet.parent / "link.json"
    link.symlink_to(names[0])
    assert _paths(
        str(names[0]),
        str(copy),
        f"{fleet}/../{fleet.name}/{names[0].name}",
        str(link),
    ) == (str(names[0]),)
    assert _paths(str(fleet), str(copy)) == tuple(map(str, names))


def _paths(*given: str) -> tuple[str, ...]:
    return tuple(file.path for file in fleet_files(given).files)


@pytest.fixture
def gathered(recorded: dict[str, Any], tmp_path: Path) -> Path:
    """Five hosts in two groups; a database on one is not as the others, one was gathered before."""
    directory = tmp_path / "gathered"
    for number in range(5):
        document = copy.deepcopy(recorded)
        document["host"] = f"web{number}"
        group = directory / ("prod" if number else "stage")
        group.mkdir(parents=True, exist_ok=True)
        if number != 3:
            _read_only(document, "db")
        (group / f"web{number}.json").write_text(json.dumps(document))
    before = copy.deepcopy(recorded)
    before["host"] = "web1"
    (directory / "prod" / "web1.previous.json").write_text(json.dumps(before))
    (directory / "hosts.txt").write_text("web0\nprod/web1\nweb9  # new\n")
    return directory


def _read_only(document: dict[str, Any], name: str) -> None:
    for engine in document["engines"]:
        for answer in engine["answers"].values():
            if isinstance(answer, dict) and answer.get("Name") == name:
                answer["HostConfig"]["ReadonlyRootfs"] = True
                mounts = f"/proc/{answer['State']['Pid']}/mountinfo"
                text = document["files"]["text"]
                text[mounts] = text[mounts].replace(" / / rw", " / / ro", 1)


def test_a_fleet_is_told_in_one_screen(
    gathered: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out = _check(capsys, "--facts", str(gathered))
    assert code == 1
    words = " ".join(out.split())
    assert "on 5 of 5 hosts" in words, "the same everywhere is one line"
    assert "1 of 5 on 5 hosts lack what" in words
    assert "web3/db: writable-rootfs" in words
    assert "--check writable-rootfs" in words
    assert "no facts: web9" in words
    assert "web1, since" in words
    assert "fixed: db writable-rootfs" in words
    assert len(out.splitlines()) < 100


def test_the_fleet_is_in_the_json_too(
    gathered: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, merged = _json(capsys, "--facts", str(gathered))
    assert code == 1
    fleet = merged["fleet"]
    assert fleet["missing"] == ["web9"]
    (changed,) = [host for host in fleet["changes"] if host["findings"]]
    assert changed["host"] == "web1"
    assert ("fixed", "db", "writable-rootfs") in {
        (each["way"], each["subject"], each["check"]) for each in changed["findings"]
    }
    (postgres,) = [each for each in fleet["applications"] if each["lagging"]]
    assert postgres["lagging"][0]["container"] == "db"
    schema = json.loads((SCHEMAS / "check-3.schema.json").read_text())
    jsonschema.validate(merged, schema)
    assert {host["group"] for host in merged["hosts"]} == {"prod", "stage"}


@pytest.mark.parametrize(
    ("words", "hosts"),
    [
        ("group:prod", {"web1", "web2", "web3", "web4"}),
        ("host=web3", {"web3"}),
        ("!group:prod", {"web0"}),
        ("group:prod app:postgres fail:writable-rootfs", {"web3"}),
    ],
)
def test_a_filter_chooses_hosts_groups_applications_and_findings(
    words: str,
    hosts: set[str],
    gathered: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, merged = _json(
        capsys,
        "--facts",
        str(gathered),
        "--filter",
        words,
    )
    assert {host["name"] for host in merged["hosts"]} == hosts
    if "app:" in words:
        assert set(_containers(merged)) == {"db"}


def test_a_filter_that_no_host_matches_is_refused(
    gathered: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(("check", "--facts", str(gathered), "--filter", "host:absent")) == 2
    assert "No host matches" in capsys.readouterr().err


def test_the_gathering_before_may_lie_in_another_folder(
    gathered: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    earlier = tmp_path / "earlier" / "prod"
    earlier.mkdir(parents=True)
    (gathered / "prod" / "web1.previous.json").rename(earlier / "web1.json")
    (earlier / "gone.json").write_text((gathered / "prod" / "web2.json").read_text())
    _, merged = _json(
        capsys,
        "--facts",
        str(gathered),
        "--since",
        str(tmp_path / "earlier"),
    )
    assert [each["host"] for each in merged["fleet"]["changes"]] == ["web1"]
    assert "prod/gone" in merged["fleet"]["missing"]


def test_many_broken_files_cost_a_line_each(
    gathered: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stranger's file, however it is broken, and the other hosts are judged all the same."""
    document = json.loads((gathered / "prod" / "web1.json").read_text())
    document["engines"][0]["answers"]["/containers/json?all=true"] = [[["no container"]]]
    (gathered / "prod" / "shape.json").write_text(json.dumps(document))
    (gathered / "prod" / "deep.json").write_text("[" * 100_000)
    (gathered / "prod" / "zip.json.gz").write_bytes(b"\x1f\x8bnothing")
    os.mkfifo(gathered / "prod" / "pipe.json")
    (gathered / "prod" / "endless.json").symlink_to("/dev/zero")
    (gathered / "prod" / "loop.json").symlink_to("loop.json")
    _, merged = _json(capsys, "--facts", str(gathered))
    troubled = {Path(host["source"]).name for host in merged["hosts"] if host["trouble"]}
    troubled |= {
        each["host"] for each in merged["subjects"] if each["trouble"] and each["kind"] == "engine"
    }
    assert troubled >= {
        "shape.json",
        "deep.json",
        "zip.json.gz",
        "pipe.json",
        "endless.json",
        "loop.json",
    }
    assert len(merged["hosts"]) == 11


def test_an_earlier_report_tells_what_changed_on_each_host(
    gathered: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The report is enough: the files of that gathering are gone."""
    (gathered / "prod" / "web1.previous.json").unlink()
    report = str(tmp_path / "before.json")
    assert run(("check", "--facts", str(gathered), "--format", "json", "-o", report)) == 1
    prod = gathered / "prod"
    (prod / "web4.json").write_text(
        (prod / "web3.json").read_text().replace('"host": "web3"', '"host": "web4"')
    )
    (prod / "web2.json").unlink()
    capsys.readouterr()

    _, now = _json(capsys, "--facts", str(gathered), "--since", report)
    changed = {each["host"]: each for each in now["fleet"]["changes"]}
    assert set(changed) == {"web0", "web1", "web3", "web4"}
    assert [
        (each["way"], each["subject"], each["check"]) for each in changed["web4"]["findings"]
    ] == [("new", "db", "writable-rootfs")]
    assert not any(changed[host]["findings"] for host in ("web0", "web1", "web3"))
    assert set(now["fleet"]["missing"]) == {"web9", "prod/web2"}

    assert run(("check", "--facts", str(prod / "web3.json"), "--format", "json", "-o", report)) == 1
    assert run(("check", "--facts", str(gathered), "--since", report)) == 2
    assert "a report on one host" in capsys.readouterr().err
