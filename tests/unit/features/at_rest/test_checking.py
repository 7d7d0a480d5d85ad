"""`hardentui check PATH…`: findings of files, with their places, without an engine."""

import errno
import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from hardentui.__main__ import main
from hardentui.features.at_rest import judging

BAD = """\
[Unit]
Description=A web server

[Container]
Image=docker.io/library/nginx:latest
# the next line is bad
PodmanArgs=--privileged
Volume=/var/run/docker.sock:/var/run/docker.sock
PublishPort=8080:80
Network=shop.network
"""
GOOD = """\
[Container]
Image=docker.io/library/nginx@sha256:{digest}
User=1000
DropCapability=all
NoNewPrivileges=true
ReadOnly=true
Memory=256m
PodmanArgs=--cpus=1
UserNS=auto
HealthCmd=/healthy
HealthOnFailure=kill
Network=shop.network
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Writes files into the current folder, runs a command line there, and returns code and output.
    There is no Podman."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setattr("hardentui.host.podman.generator.GENERATORS", ())  # that of this machine

    def run(files: Mapping[str, str], *argv: str) -> tuple[int, str]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(
                parents=True,
                exist_ok=True,
            )
            path.write_text(text)
        code = main(argv)
        output = capsys.readouterr()
        return code, output.out + output.err

    return run


def report(
    run: Run,
    files: Mapping[str, str],
    *paths: str,
) -> dict[str, Any]:
    _, text = run(
        files,
        "check",
        *paths,
        "--format",
        "json",
    )
    document: dict[str, Any] = json.loads(text)
    schema = Path("hardentui/features/reports/check-3.schema.json")
    root = Path(judging.__file__).parents[3]
    validate(document, json.loads((root / schema).read_text()))
    return document


def service(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(subject for subject in document["subjects"] if subject["name"] == name)


def finding(subject: Mapping[str, Any], check: str) -> dict[str, Any]:
    return next(each for each in subject["findings"] if each["check"] == check)


def test_each_finding_stands_where_the_file_decides_it(run: Run) -> None:
    code, text = run(
        {"q/bad.container": BAD, "q/shop.network": "[Network]\n"}, "check", "./q", "--details"
    )
    assert code == 1
    lines = text.splitlines()
    assert any(line.startswith("./q/bad.container:7:12: critical privileged: ") for line in lines)
    assert any(
        line.startswith("./q/bad.container:8:8: critical mounted-engine-socket: ") for line in lines
    )
    assert any(line.startswith("./q/bad.container:9:13: low wildcard-port: ") for line in lines)
    assert any(line.startswith("./q/bad.container:4:1: medium no-memory-limit: ") for line in lines)
    assert "1 service in 1 file, no engine asked" in text
    assert "Only the image, the host or a running container can tell" in text


def test_json_is_check_3_with_services(run: Run) -> None:
    document = report(
        run,
        {"q/bad.container": BAD, "q/shop.network": "[Network]\n"},
        "./q",
    )
    bad = service(document, "bad")
    assert bad["kind"] == "service"
    privileged = finding(bad, "privileged")
    assert (
        privileged["file"],
        privileged["line"],
        privileged["column"],
    ) == (
        "./q/bad.container",
        7,
        12,
    )
    assert privileged["fixable"] is True
    assert finding(bad, "credentials-in-layers")["status"] == "unknown"


def test_what_a_file_cannot_decide_is_no_failure_of_the_run(run: Run) -> None:
    files = {
        "q/good.container": GOOD.format(digest="0" * 64),
        "q/shop.network": "[Network]\n",
    }
    code, text = run(
        files,
        "check",
        "q",
        "--fail-on",
        "medium",
    )
    assert code == 0, text
    assert "Failing: " in text


def test_the_user_of_the_image_is_not_in_the_file(run: Run) -> None:
    """A file without User= decides nothing: many images name their own."""
    document = report(run, {"q/bad.container": BAD.replace("library/nginx", "team/web")}, "q")
    assert finding(service(document, "bad"), "root-user")["status"] == "unknown"
    document = report(
        run, {"q/bad.container": BAD.replace("# the next", "User=root\n# the next")}, "q"
    )
    assert finding(service(document, "bad"), "root-user")["status"] == "fail"


def test_drop_ins_count_and_have_places_of_their_own(run: Run) -> None:
    files = {
        "q/bad.container": BAD.replace("--privileged", "--init"),
        "q/bad.container.d/10-memory.conf": "[Container]\nMemory=1g\nAddCapability=SYS_ADMIN\n",
    }
    bad = service(report(run, files, "q"), "bad")
    assert "no-memory-limit" in bad["passed"]
    assert finding(bad, "host-takeover-capabilities")["file"] == "q/bad.container.d/10-memory.conf"


def test_pods_networks_and_templates_beside_a_container_count(run: Run) -> None:
    files = {
        "q/web@.container": "[Container]\nImage=docker.io/nginx:1\nPod=shop.pod\n",
        "q/shop.pod": "[Pod]\nPublishPort=80:80\nNetwork=host\n",
        "q/db.container": "[Container]\nImage=docker.io/db:1\nNetwork=mac.network\n",
        "q/mac.network": "[Network]\nDriver=macvlan\n",
    }
    files["q/open.pod"] = "[Pod]\n# all of them\nPublishPort=80:80\n"
    document = report(run, files, "q")
    port = finding(service(document, "open.pod"), "wildcard-port")
    assert (port["status"], port["line"], port["column"]) == ("fail", 3, 13)
    assert "no-memory-limit" not in service(document, "open.pod")["passed"]
    assert finding(service(document, "web@"), "host-network")["status"] == "fail"
    assert finding(service(document, "db"), "unfiltered-network-driver")["status"] == "fail"


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("PodmanArgs=--security-opt=apparmor=unconfined", "apparmor-unconfined"),
        ("SecurityLabelDisable=true", "selinux-disabled"),
        ("LogDriver=k8s-file", "unbounded-logs"),
        ("UserNS=host", "host-user-namespace"),
    ],
)
def test_what_depends_on_the_host_is_unknown(
    run: Run,
    line: str,
    check: str,
) -> None:
    """It fails on some hosts, so the file may not pass it; on others it is fine."""
    text = BAD.replace("PodmanArgs=--privileged", line)
    web = service(report(run, {"q/bad.container": text}, "q"), "bad")
    status = finding(web, check)["status"] if check not in web["passed"] else "pass"
    assert status in ("unknown", "fail"), check


@pytest.mark.parametrize(
    ("check", "line", "status"),
    [
        ("unbounded-logs", "", "passed"),
        ("unbounded-logs", "LogDriver=k8s-file", "fail"),
        ("unapproved-registry", "", "not_applicable"),
        ("update-without-rollback", "", "not_applicable"),
        ("outdated-tag", "", "not_applicable"),
        ("weak-seccomp-profile", "", "not_applicable"),
        ("mounted-control-socket", "", "passed"),
        ("mounted-control-socket", "Volume=/run/unheard:/x", "unknown"),
        (
            "mounted-control-socket",
            "Volume=./data:/x",
            "passed",
        ),  # although it is checked below /tmp
        ("mounted-control-socket", "Volume=/:/host:ro", "unknown"),
        ("unfiltered-network-driver", "Network=made-elsewhere", "passed"),
        ("writable-mount", "Volume=/etc:/x:ro", "unknown"),
        ("writable-mount", "Volume=/srv/shop:/x:ro", "passed"),
        ("dangerous-supplementary-groups", "User=1000", "unknown"),
        ("dangerous-supplementary-groups", "User=1000:1000", "passed"),
        ("dangerous-supplementary-groups", "User=root", "passed"),
    ],
)
def test_a_stock_podman_is_assumed(
    run: Run,
    check: str,
    line: str,
    status: str,
) -> None:
    text = BAD.replace("PodmanArgs=--privileged", line)
    bad = service(report(run, {"q/bad.container": text}, "q"), "bad")
    told = "passed" if check in bad["passed"] else "not_applicable"
    if check not in bad["passed"] and check not in bad["not_applicable"]:
        told = finding(bad, check)["status"]
    assert told == status


@pytest.mark.parametrize(
    "files",
    [
        {"q/bad.container": "# hardentui: rootless\n" + BAD},
        {
            "q/bad.container": BAD,
            "q/b.container": "[Container]\nImage=a\nUserNS=keep-id\n",
        },
        {
            "q/bad.container": BAD.replace(
                "[Unit]", "[Unit]\nAfter=podman-user-wait-network-online.service"
            )
        },
        {"containers/systemd/users/bad.container": BAD},
    ],
)
def test_a_file_may_say_which_account_runs_it(
    run: Run,
    files: Mapping[str, str],
) -> None:
    folder = next(iter(files)).rpartition("/")[0]
    assert "host-user-namespace" in service(report(run, files, folder), "bad")["passed"]
    rootful = {folder + "/bad.container": "# hardentui: rootful\n" + BAD}
    bad = service(report(run, rootful, folder), "bad")
    assert finding(bad, "host-user-namespace")["status"] == "fail"


def test_a_value_that_only_the_host_knows_is_unknown(run: Run) -> None:
    text = BAD.replace("Volume=/var/run/docker.sock", "Volume=${WHERE}")
    bad = service(report(run, {"q/bad.container": text}, "q"), "bad")
    assert finding(bad, "mounted-engine-socket")["status"] == "unknown"
    assert finding(bad, "writable-mount")["status"] == "unknown"


def test_standard_input_is_a_file(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stdin:
        buffer = io.BytesIO(BAD.encode())

    monkeypatch.setattr(sys, "stdin", Stdin)
    code, text = run({}, "check", "-")
    assert (
        code,
        "(standard input):7:12: critical privileged" in text,
    ) == (1, True)


def test_sarif_has_regions_and_github_has_annotations(run: Run) -> None:
    files = {"q/bad.container": BAD}
    _, text = run(
        files,
        "check",
        "q",
        "--format",
        "sarif",
    )
    results = json.loads(text)["runs"][0]["results"]
    place = next(r for r in results if r["ruleId"] == "privileged")["locations"][0][
        "physicalLocation"
    ]
    assert place["artifactLocation"]["uri"] == "q/bad.container"
    assert place["region"] == {"startLine": 7, "startColumn": 12, "endLine": 7, "endColumn": 24}
    assert all(result["kind"] == "fail" for result in results)
    _, text = run(
        files,
        "check",
        "q",
        "--format",
        "github",
    )
    assert "::error file=q/bad.container,line=7,endLine=7,title=critical privileged,col=12," in text
    _, text = run(
        files,
        "check",
        "q",
        "--format",
        "junit",
    )
    assert 'name="privileged" file="q/bad.container" line="7"' in text


def test_a_comment_accepts_a_finding_until_it_expires(run: Run) -> None:
    accepted = "# hardentui: accept privileged until 2999-03 because it is a test\n"
    bad = service(report(run, {"q/bad.container": accepted + BAD}, "q"), "bad")
    assert finding(bad, "privileged")["status"] == "waived"
    expired = accepted.replace("2999", "2020")
    bad = service(report(run, {"q/bad.container": expired + BAD}, "q"), "bad")
    assert "it was accepted until 2020-03-31" in finding(bad, "privileged")["reason"]
    retired = accepted.replace("privileged", "unpinned-image")
    assert "there is no check" not in run({"q/bad.container": retired + BAD}, "check", "q")[1]
    _, text = run(
        {"q/bad.container": "# hardentui: accept privileged\n" + BAD},
        "check",
        "q",
    )
    assert "q/bad.container:1: this comment accepts nothing" in text
    waivers = (
        '[[waiver]]\ncheck="privileged"\nsubject="bad"\nreason="r"\nowner="o"\nuntil=2999-01-01\n'
    )
    bad = service(
        report(
            run,
            {"q/waivers.toml": waivers, "q/bad.container": BAD},
            "q",
        ),
        "bad",
    )
    assert finding(bad, "privileged")["status"] == "waived"


def test_files_and_containers_are_told_apart(run: Run) -> None:
    code, text = run(
        {"web.container": BAD},
        "check",
        "./web.container",
        "db",
    )
    assert (code, "Files and containers are checked apart" in text) == (2, True)
    code, text = run({}, "check", "./missing.container")
    assert (
        code,
        "There is no file or folder ./missing.container" in text,
    ) == (2, True)
    code, text = run({"empty/readme.md": "x"}, "check", "./empty")
    assert (code, "There is no service in ./empty" in text) == (2, True)
    code, text = run(
        {"web.container": BAD},
        "check",
        "./web.container",
        "--url",
        "unix:///x",
    )
    assert (code, "--url is about containers of an engine" in text) == (2, True)


_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join(9 * [f'*{name}'])}]\n"
    for name, after in zip("abcdefg", "bcdefgh", strict=True)
)
_SERVICES = "services: {web: {image: docker.io/a/b:1}}\n"
HOSTILE: Mapping[str, tuple[str | bytes, str]] = {
    "binary.container": ("[Container]\0", "is not text: it has NUL bytes"),
    "latin.container": (b"[Container]\nImage=\xff\n", "is not UTF-8 text"),
    "utf16.container": (
        "[Container]\n".encode("utf-16"),
        "is not text: it has NUL bytes",
    ),
    "bom.container": ("\ufeff[Container]\nImage=a\n", "The unit file has no section [Container]"),
    "long.container": (
        "[Container]\nLabel=a=" + "x" * 900_000,
        "is too large for a unit file",
    ),
    "huge.container": (b"", "is larger than 1 MiB"),
    "pipe.container": (b"", "is a pipe, not a file"),
    "device.container": (b"", "is a link that leads outside the given paths"),
    "outside.container": (b"", "is a link that leads outside the given paths"),
    "loop.container": (b"", "cannot be read: its symbolic links form a loop"),
    "bomb-compose.yaml": (
        _BOMB + _SERVICES,
        "it has more than 50000 values, counting its aliases",
    ),
    "cyclic-compose.yaml": ("x: &x [*x]\n" + _SERVICES, "an alias contains itself"),
    "deep-compose.yaml": (
        "x: " + 5000 * "[" + 5000 * "]" + "\n" + _SERVICES,
        "it is nested too deeply",
    ),
    "cut-compose.yaml": (
        "services: [\n",
        "is not YAML: line 2: did not find expected node content",
    ),
    "tabs-compose.yaml": (
        "services:\n\ta: {image: b}\n",
        "is not YAML: line 2: a tab, where YAML takes only spaces",
    ),
    "empty-compose.yaml": ("", "is no compose file: it is not one mapping"),
    "extends-compose.yaml": (
        "services: {a: {extends: {service: b}}, b: {extends: {service: a}}}\n",
        "extends b in a circle",
    ),
    "includes-compose.yaml": (
        "include: [includes-compose.yaml]\n" + _SERVICES,
        "in a circle",
    ),
    "reads-compose.yaml": (
        "services: {a: {extends: {file: ../secret.yaml, service: a}}}\n",
        "lies outside the given paths and is not read",
    ),
    "cut.sh": ("podman run 'a\n", "A quote is opened and never closed in the script"),
    "bomb.sh": (
        "A=x\n" + 60 * "A+=$A$A\n" + 1001 * "podman run b\n",
        "it has more than 1000 commands",
    ),
    "words.sh": (
        "A=(\n" + 5000 * "--rm\n" + ")\npodman run b\n",
        "A has too many words",
    ),
}


def test_hostile_files_end_in_one_line_and_the_others_are_checked(
    run: Run,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "q"
    folder.mkdir()
    (tmp_path / "secret.container").write_text(BAD)
    for name, (content, _) in HOSTILE.items():
        if content != b"":
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with (folder / "huge.container").open("wb") as file:
        file.truncate(100 << 20)
    os.mkfifo(folder / "pipe.container")
    for name, target in (
        ("device.container", "/dev/zero"),
        (
            "outside.container",
            str(tmp_path / "secret.container"),
        ),
        ("loop.container", "loop.container"),
    ):
        (folder / name).symlink_to(target)
    code, text = run(
        {
            "q/good.container": BAD,
            "q/crlf.container": BAD.replace("\n", "\r\n"),
        },
        "check",
        "q",
    )
    assert code == 1
    assert {
        line.split(":")[0] for line in text.splitlines() if ": critical privileged" in line
    } == {
        "q/good.container",
        "q/crlf.container",
    }
    for name, (_, why) in HOSTILE.items():
        told = [line for line in text.splitlines() if line.startswith(f"q/{name}: not checked: ")]
        assert len(told) == 1, (name, text)
        assert why in told[0]


def test_nothing_is_written_through_a_link_out_of_the_folder(
    run: Run,
    tmp_path: Path,
) -> None:
    (tmp_path / "secret.container").write_text(BAD)
    (tmp_path / "q").mkdir()
    (tmp_path / "q/link.container").symlink_to(tmp_path / "secret.container")
    code, text = run(
        {},
        "fix",
        "q/link.container",
        "--all",
        "--in-place",
    )
    assert (
        code,
        "q/link.container is a link out of its folder." in text,
    ) == (2, True), text
    assert (tmp_path / "secret.container").read_text() == BAD
    code, _ = run({"q/in.container": BAD}, "check", "q")
    (tmp_path / "q/near.container").symlink_to("in.container")
    code, text = run(
        {},
        "fix",
        "q/near.container",
        "--check",
        "no-memory-limit",
        "--in-place",
    )
    assert (tmp_path / "q/near.container").is_symlink()
    assert "--memory=512m" in (tmp_path / "q/in.container").read_text()


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Root reads every folder, so the error is made."""
    scandir = os.scandir

    def closed(path: str) -> Any:
        if path.endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    code, said = run(
        {"closed/web.container": "[Container]\nImage=x\n"},
        "check",
        "closed",
    )
    assert (
        code,
        "closed: not checked: cannot be read: Permission denied" in said,
    ) == (4, True), said


def test_a_service_is_judged_without_reading_outside(
    run: Run,
    tmp_path: Path,
) -> None:
    """A drop-in folder that is a link out of the folder is not read."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.conf").write_text("[Container]\nMemory=1g\n")
    (tmp_path / "q").mkdir()
    (tmp_path / "q/bad.container.d").symlink_to(tmp_path / "elsewhere")
    bad = service(report(run, {"q/bad.container": BAD}, "q"), "bad")
    assert finding(bad, "no-memory-limit")["status"] == "fail"


def test_links_that_systemctl_makes_are_no_files_to_check(run: Run, tmp_path: Path) -> None:
    (tmp_path / "units/multi-user.target.wants").mkdir(parents=True)
    for name, target in (
        ("multi-user.target.wants/web.service", "/etc/systemd/system/web.service"),
        ("sshd.service", "/usr/lib/systemd/system/ssh.service"),
        ("getty@tty1.service", "/dev/null"),
    ):
        (tmp_path / "units" / name).symlink_to(target)
    service = "[Service]\nExecStart=/usr/bin/podman run --name web x.example/web:1\n"
    _, said = run({"units/web.service": service}, "check", "./units", "--fail-on", "critical")
    assert "not checked" not in said
    assert "1 service in 1 file" in said


def test_the_same_reason_of_many_files_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    for number in range(5):
        (tmp_path / f"units/a{number}.container").symlink_to("/srv/elsewhere/a.container")
    _, said = run({"units/web.container": GOOD}, "check", "./units")
    (line,) = [line for line in said.splitlines() if "not checked" in line]
    assert "a0.container, units/a1.container, units/a2.container and 2 more" in line
    _, said = run({}, "check", "./units", "--details")
    assert said.count("not checked: is a link") == 5
