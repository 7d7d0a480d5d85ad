"""Laws of values that a file leaves open: nothing of them is lost, and nothing is made up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hardentui.errors import CannotExpress, GeneratorError
from hardentui.features.at_rest.checking import AtRest, Looked, look
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.fixing import fix_all
from hardentui.features.at_rest.possible_values import SOME_SECRET
from hardentui.features.at_rest.stacks import convert
from hardentui.features.at_rest.units_of_commands import units_of
from hardentui.model.finding import Status
from hardentui.model.plan import Caution
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import IMAGE
from hardentui.quadlet.write.bundle import UnitContext, bundle
from hardentui.writers.ansible import ansible_files
from hardentui.writers.compose import service_override
from hardentui.writers.compose_override import override_text
from hardentui.writers.kube import kube_file
from hardentui.writers.run_script import run_script

PROJECT = "shop"
LITERALS = {
    "volumes": ["/srv/a:/a", "data:/var/lib/data", "/var/run/docker.sock:/var/run/docker.sock"],
    "ports": ["8080:80", "127.0.0.1:9000:9000"],
    "cap_add": ["SYS_ADMIN", "NET_RAW"],
    "cap_drop": ["ALL"],
    "devices": ["/dev/fuse:/dev/fuse"],
    "environment": ["MODE=prod", "PASSWORD=swordfish"],
    "labels": ["a.b=c"],
    "tmpfs": ["/tmp2:size=1m"],
    "command": ["serve", "--all now"],
}
OPEN = {
    "volumes": ["${DATA}:/b", "${DATA}/x:/x:ro", "${MORE:?x}"],
    "ports": ["${PORT}:81", "${BIND}:82:82"],
    "cap_add": ["${CAP}"],
    "cap_drop": ["${CAP}"],
    "devices": ["${DEV}"],
    "environment": ["TTL=${TTL}", "DB_PASSWORD=${DB_PASSWORD}", "URL=http://u:${PW}@h/", "${PAIR}"],
    "labels": ["x=Host(`${DOMAIN}`)"],
    "tmpfs": ["${TMP}:size=2m"],
    "command": ["--token=${TOKEN}", "$${NOT_OURS}"],
}
SCALARS = {
    "image": ["nginx:${TAG}", "docker.io/library/nginx:1"],
    "user": ["${UID}:${GID}", "7"],
    "mem_limit": ["${MEM}", "64m"],
    "hostname": ["h-${HOST}", "h"],
}


@st.composite
def service(draw: st.DrawFn) -> dict[str, object]:
    """One with literal and open entries in each of its lists, in any order."""
    made: dict[str, object] = {
        key: draw(st.sampled_from(values))
        for key, values in SCALARS.items()
        if key == "image" or draw(st.booleans())
    }
    for key, literals in LITERALS.items():
        entries = [*literals, *OPEN[key]]
        if chosen := draw(st.lists(st.sampled_from(entries), unique=True, max_size=4)):
            made[key] = chosen
    return made


def looked_at(made: dict[str, object], environment: str) -> Looked:
    with TemporaryDirectory() as above:
        folder = Path(above, PROJECT)
        folder.mkdir()
        file = folder / "compose.yaml"
        file.write_text(yaml.safe_dump({"services": {"web": made}, "volumes": {"data": None}}))
        if environment:
            (folder / ".env").write_text(environment)
        return look(AtRest((str(file),)), date(2026, 1, 1))


def verdicts(made: dict[str, object], environment: str) -> dict[str, Status]:
    (judged,) = looked_at(made, environment).services
    return {finding.check: finding.status for finding in judged.findings}


def converted(
    made: dict[str, object],
    version: Version,
) -> tuple[dict[str, str], tuple[str, ...]]:
    looked = looked_at(made, "")
    files, notes = convert([each.service for each in looked.services], version)
    return {file.name: file.text for file in files}, notes


@settings(max_examples=15, deadline=None)
@given(service(), st.sampled_from([Version(4, 4), Version(5, 4), Version(6, 0)]))
def test_each_entry_is_written_or_named_and_nothing_is_made_up(
    made: dict[str, object],
    version: Version,
) -> None:
    files, notes = converted(made, version)
    unit, given_by = files["web.container"], files.get(f"{PROJECT}.env.example", "")
    everything = "\n".join((*files.values(), *notes))
    assert "\0" not in everything
    assert SOME_SECRET not in everything
    for value in made.values():
        for entry in map(str, value if isinstance(value, list) else [value]):
            names = re.findall(r"(?<!\$)\$\{(\w+)", entry)
            for name in names:  # in the unit from its file, or a secret that a note names
                is_variable = f"${{{name}}}" in unit and f"\n{name}=\n" in given_by
                assert is_variable or f"the value of {name}:" in "".join(notes), entry
            if not names:
                literal = entry.replace("$$", "$").replace("$", "$$").partition(":")[0].split()[0]
                is_secret = f"the value of {literal.partition('=')[0]}:" in "".join(notes)
                assert literal in unit or is_secret, entry


@settings(max_examples=10, deadline=None)
@given(service())
def test_a_verdict_holds_whatever_the_host_puts_in(made: dict[str, object]) -> None:
    """What is decided of the open file is the verdict on the file with values."""
    made.pop("command", None)
    values = {
        "DATA": "/srv/data/app",
        "MORE": "/etc/ssl:/etc/ssl:ro",
        "PORT": "8443",
        "BIND": "0.0.0.0",
        "CAP": "CHOWN",
        "DEV": "/dev/kvm",
        "TTL": "60s",
        "DB_PASSWORD": "tr0ub4dor",
        "PW": "tr0ub4dor",
        "PAIR": "A=b",
        "DOMAIN": "example.org",
        "TMP": "/run/x",
        "TAG": "1.27",
        "UID": "1000",
        "GID": "1000",
        "MEM": "512m",
        "HOST": "a",
    }
    left_open, known = verdicts(made, ""), verdicts(made, "".join(
        f"{name}={value}\n" for name, value in values.items()
    ))  # fmt: skip
    different = {
        check: (status, known[check])
        for check, status in left_open.items()
        if status is not Status.UNKNOWN and (status is Status.FAIL) != (known[check] is Status.FAIL)
    }
    assert not different


@settings(max_examples=10, deadline=None)
@given(service())
def test_writers_of_literal_specs_name_what_they_leave_out(made: dict[str, object]) -> None:
    """Who does not ask for open parts writes none of them, and says which options they are of."""
    (judged,) = looked_at(made, "").services
    at_rest = judged.service.spec
    spec = Spec(at_rest.settings, at_rest.unknowable, open=at_rest.open)
    context = UnitContext(unit_name="web")
    written = [run_script(spec, context)]
    if IMAGE in spec:
        written += [file.text for file in bundle(spec, context).files]
        written.append(kube_file(spec, context).text)
        written.append(ansible_files(spec, context).playbook)
        part, _ = service_override(Spec(), spec)
        written.append(override_text("", "web", part, ()))
    assert_nothing_is_made_up(written)
    for argument in at_rest.open:
        assert argument.option.flag in written[0], argument


def assert_nothing_is_made_up(texts: Iterable[str]) -> None:
    """Neither a mark of an open part, nor a value that stands for one while a check is asked."""
    for text in texts:
        assert "\0" not in text
        assert SOME_SECRET not in text


@settings(max_examples=10, deadline=None)
@given(service())
def test_no_fix_writes_what_was_made_up_to_judge(made: dict[str, object]) -> None:
    """In place, at the level that changes most, and each open part stays as it is written."""
    looked = looked_at(made, "")
    texts: dict[str, str] = {}
    fix_all(looked, Wanted((), Caution.ALL), Version(5, 4), texts)
    assert_nothing_is_made_up(texts.values())
    (file,) = looked.sources.files.values()
    for text in texts.values():
        assert re.findall(r"\$\{\w+", text) == re.findall(r"\$\{\w+", file.text)


@settings(max_examples=10, deadline=None)
@given(service(), st.sampled_from([True, False]))
def test_units_of_a_command_hold_nothing_made_up(made: dict[str, object], as_is: bool) -> None:
    spec = looked_at(made, "").services[0].service.spec
    words = [word for argument in spec.open for word in (argument.flag, argument.text.written)]
    line = " ".join(f'"{word}"' for word in words if "$" in word or word.startswith("--"))
    with TemporaryDirectory() as folder:
        file = Path(folder, "start.sh")
        file.write_text(f"#!/bin/sh\npodman run --name web {line} docker.io/library/web:1\n")
        looked = look(AtRest((str(file),)), date(2026, 1, 1))
        for judged in looked.services:
            (fixed,) = fix_all(looked, Wanted((), Caution.ALL), Version(5, 4))
            try:
                files, _ = units_of(
                    judged,
                    None if as_is else fixed,
                    Version(5, 4),
                    "web",
                )
            except (CannotExpress, GeneratorError):
                continue  # refused with a reason, and nothing is written
            assert_nothing_is_made_up(file.text for file in files)
