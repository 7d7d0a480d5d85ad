"""A finding points at the entry of the file that decides it."""

from pathlib import Path

import pytest

from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.services import NAMED_VALUES, Service, Set
from tests.unit.features.at_rest.stacks import EXAMPLES, TODAY, write
from tests.unit.features.at_rest.test_checking import Run, report, run, service

__all__ = ["run"]


def written_at(entry: Set) -> str:
    return entry.span.file.text[entry.span.start : entry.span.end]


def literal(entry: Set) -> str:
    """What of an entry stands in the file as it is: the name of a variable, a mount's target."""
    raw = entry.item.raw
    if written_at(entry).startswith("build:"):
        return "build:"  # whose image has no name in the file
    if "service:" in written_at(entry):
        return raw.split("_")[1]  # of the container of a service
    if entry.item.option in NAMED_VALUES:
        return raw.partition("=")[0]
    return raw.split(":")[1] if raw.count(":") else raw


def entry_at(judged: Service, line: int, column: int) -> Set | None:
    for each in judged.sets:
        place = each.span.file.place(each.span.start, each.span.end)
        if (place.line, place.column) == (line, column):
            return each
    return None


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_the_text_at_the_place_of_a_finding_contains_the_entry(
    tmp_path: Path,
    example: str,
) -> None:
    looked = look(AtRest((str(write(tmp_path, example)),)), TODAY)
    for judged in looked.services:
        header = judged.service.header
        start = header.file.place(header.start, header.end)
        for finding in judged.findings:
            if finding.place is None or finding.place == start:
                continue
            entry = entry_at(judged.service, finding.place.line, finding.place.column)
            assert entry is not None, finding.check
            assert literal(entry) in written_at(entry), finding.check


CASES = {
    "a secret with options": (
        "Image=docker.io/library/web:1\nSecret=api_key,type=env\n",
        "loose-secret",
        3,
    ),
    "one of two mounts that end in a slash": (
        "Image=docker.io/library/web:1\nVolume=/var/log/:/var/log/\nVolume=/run/log/:/run/log/\n",
        "sensitive-host-mount",
        3,
    ),
    "a word of the verdict that is the name of a variable": (
        "Image=docker.io/library/web:1\nEnvironment=memory=1\n",
        "no-memory-limit",
        1,
    ),
    "the mount that is bad, not the one before": (
        "Image=docker.io/library/web:1\nVolume=/srv/a:/a\nVolume=/etc:/host\n",
        "sensitive-host-mount",
        4,
    ),
    "the capability, not the one that is fine": (
        "Image=docker.io/library/web:1\nAddCapability=CHOWN\nAddCapability=SYS_ADMIN\n",
        "host-takeover-capabilities",
        4,
    ),
    "what turns the rest off": (
        "Image=docker.io/library/web:1\nPodmanArgs=--privileged\n",
        "seccomp-unconfined",
        3,
    ),
    "the secret": (
        "Image=docker.io/library/web:1\nEnvironment=A=b DB_PASSWORD=hunter2hunter2\n",
        "plaintext-secret-env",
        3,
    ),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_finding_stands_at_its_entry(run: Run, case: str) -> None:
    lines, check, line = CASES[case]
    document = report(run, {"q/web.container": f"[Container]\n{lines}"}, "q")
    (finding,) = [each for each in service(document, "web")["findings"] if each["check"] == check]
    assert finding["line"] == line


def test_a_port_of_a_pod_stands_at_its_entry(run: Run) -> None:
    files = {
        "q/web.pod": "[Pod]\nPublishPort=127.0.0.1:1:1\nPublishPort=8085:80\nPublishPort=9:9\n"
    }
    document = report(run, files, "q")
    told = service(document, "web.pod")["findings"]
    (port,) = [each for each in told if each["check"] == "wildcard-port"]
    assert (port["line"], port["column"]) == (3, 13)
