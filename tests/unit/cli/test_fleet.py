"""Saved facts of many hosts in one report: hosts kept apart, exit codes kept, hostile names safe."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hardentui.features.fleet.facts_files import fleet_files
from hardentui.cli.run import run
from hardentui.errors import InputError
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
    ["text", "html", "markdown", "sarif", "junit", "json"],
)
def test_every_format_names_the_hosts_and_lets_no_name_through(
    form: str,
    fleet: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out = _check(
        capsys,
        "--facts",
        str(fleet),
        "--format",
        form,
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
