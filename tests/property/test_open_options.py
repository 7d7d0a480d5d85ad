"""Laws of one open value: whatever key of a compose file, key of a Quadlet or flag of a command it is
the value of, no verdict holds that it could turn, and no conversion loses it unsaid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct

from hardentui.checks import all_checks
from hardentui.checks.prelude import facts_of
from hardentui.errors import HardenError
from hardentui.features.at_rest.browsing import FilesLook
from hardentui.features.at_rest.checking import AtRest, Looked, look
from hardentui.features.at_rest.compose_options import HEALTH, LISTS, PAIRS, READ, SCALARS
from hardentui.features.at_rest.stacks import convert
from hardentui.features.at_rest.units_of_commands import units_of
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Finding, Status
from hardentui.model.plan import Caution, Choice
from hardentui.model.podman_version import Version
from hardentui.model.spec import Option
from hardentui.options import ROOTFS, TABLE
from hardentui.options.items import parse_argument
from hardentui.visible import visible
from tests.support.option_samples import sample

NAME = "HT_VALUE"
OPEN = f"${{{NAME}}}"
TODAY = date(2026, 1, 1)
SOCKET = "/var/run/docker.sock"
_WORDS = ("true", "false", "host", "none", "0", "1", "64m", "unconfined")
"""What many options take, and what turns many checks."""
_OF_KEYS: Mapping[str, tuple[str, ...]] = {
    "security_opt": ("seccomp=unconfined", "no-new-privileges:true", "label=disable"),
    "cap_add": ("SYS_ADMIN", "CHOWN"),
    "cap_drop": ("ALL", "CHOWN"),
    "devices": ("/dev/mem:/dev/mem", "/dev/fuse:/dev/fuse"),
    "volumes": (f"{SOCKET}:{SOCKET}", "data:/data"),
    "tmpfs": ("/tmp2", "/tmp2:size=1m"),
    "ports": ("22:22", "127.0.0.1:8080:80"),
    "network_mode": ("host", "bridge", "none"),
    "user": ("0", "1000:1000"),
    "stop_grace_period": ("1m30s", "10s"),
    "restart": ("always", "no"),
    "pids_limit": ("100", "-1"),
    "environment": ("A=b", "DB_PASSWORD=tr0ub4dor"),
    "image": ("nginx:latest", "docker.io/library/nginx:1.27.0"),
    "userns_mode": ("host", "auto"),
}
"""Values that mean something to one key only."""
MOUNT = {"type": "bind", "source": "/etc", "target": "/x"}
_SPECIAL: Mapping[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "security_opt": (
        ("security_opt", {"security_opt": [OPEN]}),
        ("security_opt", {"security_opt": ["seccomp=unconfined", OPEN]}),
        ("", {"security_opt": [f"label={OPEN}"]}),
        ("", {"security_opt": [f"seccomp:{OPEN}"]}),
        ("", {"security_opt": [f"no-new-privileges:{OPEN}"]}),
    ),
    "ports": (
        ("ports", {"ports": [OPEN]}),
        ("", {"ports": [{"target": 80, "published": OPEN, "host_ip": "127.0.0.1"}]}),
        ("", {"ports": [{"target": 80, "published": 80, "host_ip": OPEN}]}),
        ("", {"ports": [{"target": 53, "published": 53, "protocol": OPEN}]}),
    ),
    "volumes": (
        ("volumes", {"volumes": [OPEN]}),
        ("", {"volumes": [f"{SOCKET}:{SOCKET}:{OPEN}"]}),
        ("", {"volumes": [MOUNT | {"type": OPEN, "source": SOCKET}]}),
        ("", {"volumes": [MOUNT | {"type": OPEN, "source": "data"}]}),
        ("", {"volumes": [MOUNT | {"read_only": OPEN}]}),
        ("", {"volumes": [MOUNT | {"source": OPEN}]}),
        ("", {"volumes": [MOUNT | {"target": OPEN}]}),
        ("", {"volumes": [MOUNT | {"bind": {"propagation": OPEN}}]}),
        ("", {"volumes": [MOUNT | {"bind": {"selinux": OPEN}}]}),
        ("", {"volumes": [MOUNT | {"read_only": OPEN, "bind": {"selinux": OPEN}}]}),
        ("", {"volumes": [{"type": "tmpfs", "target": "/x", "tmpfs": {"size": OPEN}}]}),
        ("", {"volumes": [MOUNT | {"type": OPEN, "tmpfs": {"size": "1m"}}]}),
        ("", {"volumes": [{"source": "data", "target": "/x", "volume": {"nocopy": OPEN}}]}),
    ),
    "ulimits": (
        ("", {"ulimits": {"nofile": OPEN}}),
        ("", {"ulimits": {"nofile": {"soft": 10, "hard": OPEN}}}),
    ),
    "healthcheck": (
        ("", {"healthcheck": {"test": OPEN}}),
        ("", {"healthcheck": {"test": ["CMD", "true", OPEN]}}),
        ("", {"healthcheck": {"disable": OPEN}}),
        ("", {"healthcheck": {"test": "true", "disable": OPEN}}),
        *(("", {"healthcheck": {"test": "true", key: OPEN}}) for key in HEALTH),
    ),
    "logging": (
        ("", {"logging": {"driver": OPEN}}),
        ("", {"logging": {"driver": "k8s-file", "options": {"max-size": OPEN}}}),
    ),
    "deploy": (
        *(
            ("", {"deploy": {"resources": {"limits": {key: OPEN}}}})
            for key in ("memory", "cpus", "pids")
        ),
        ("", {"deploy": {"resources": {"reservations": {"memory": OPEN}}}}),
    ),
    "secrets": (
        ("", {"secrets": [OPEN]}),
        ("", {"secrets": [{"source": "key", "target": OPEN}]}),
    ),
    "configs": (("", {"configs": [OPEN]}),),
    "entrypoint": (
        ("", {"entrypoint": OPEN}),
        ("", {"entrypoint": ["/bin/sh", OPEN]}),
    ),
    "stop_grace_period": (("stop_grace_period", {"stop_grace_period": OPEN}),),
}
_BESIDE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("image", {"image": OPEN}),
    ("", {"command": ["serve", OPEN]}),
    ("", {"command": f"serve {OPEN}"}),
    ("network_mode", {"network_mode": OPEN}),
    ("", {"networks": [OPEN]}),
    ("", {"networks": {"default": {"ipv4_address": OPEN}}}),
    ("", {"networks": {"default": {"aliases": [OPEN]}}}),
    ("", {"profiles": [OPEN]}),
    ("", {"links": [f"db:{OPEN}"]}),
)
"""Keys that stand for more than an option."""


_FLAGS = {
    "security_opt": "--security-opt",
    "ports": "--publish",
    "volumes": "--volume",
    "network_mode": "--network",
}
_OF_PARTS = (SOCKET, "/etc", "bind", "tmpfs", "volume", "z", "22", "127.0.0.1", "udp", "none")


class Case(Struct, frozen=True):
    """A service with one open value, and values that the host may put in."""

    service: dict[str, Any]
    values: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(yaml.safe_dump(self.service, default_flow_style=True).split())


def rows_of(flag: str) -> Iterator[Option[Any]]:
    return (option for option in TABLE if flag in (option.flag, *dict(option.also)))


def _in_examples() -> dict[str, dict[str, None]]:
    """Flag -> the arguments with which the examples of the checks turn a verdict."""
    known: dict[str, dict[str, None]] = {}
    for check in all_checks():
        for facts in (*facts_of(check.passes), *facts_of(check.fails)):
            settings = facts.spec.settings if isinstance(facts, ContainerFacts) else {}
            for option, setting in settings.items():
                for word in option.to_words(setting.value):
                    flag, _, argument = word.partition("=")
                    known.setdefault(flag, {})[argument] = None
    return known


EXAMPLES = _in_examples()


def values_of(key: str, flag: str) -> tuple[str, ...]:
    """Arguments of the rows of a flag, of the examples of checks, and words that its codec takes."""
    samples = [
        argument
        for option in rows_of(flag)
        for argument in option.to_arguments(sample(option))
        if argument
    ]
    words = [word for word in _WORDS if all(item.known for item in parse_argument(flag, word))]
    examples = EXAMPLES.get(flag, ())
    return tuple(dict.fromkeys((*_OF_KEYS.get(key, ()), *samples[:2], *examples, *words)))


def compose_cases() -> Iterator[Case]:
    for key, flag in SCALARS.items():
        yield Case({key: OPEN}, values_of(key, flag))
    for key, flag in LISTS.items():
        yield Case({key: [OPEN]}, values_of(key, flag))
    for key, (flag, joint) in PAIRS.items():
        yield Case({key: {"A": OPEN}}, ("x", "tr0ub4dor", "127.0.0.1"))
        yield Case({key: [OPEN]}, (f"a{joint}b", *EXAMPLES.get(flag, ())))
    for cases in (*_SPECIAL.values(), _BESIDE):
        for key, service in cases:
            examples = EXAMPLES.get(_FLAGS.get(key, ""), ())
            values = (*_OF_KEYS.get(key, ()), *examples, *_WORDS, *_OF_PARTS)
            yield Case(service, values)


def looked_at(folder: Path, service: dict[str, Any], value: str | None) -> Looked:
    """The service as the only one of its project; `value` stands in `.env`, or nothing does."""
    folder = folder / "shop"
    folder.mkdir(exist_ok=True)
    whole = {"image": "docker.io/library/nginx:1", **service}
    project = {"services": {"web": whole}, "volumes": {"data": None}}
    (folder / "compose.yaml").write_text(yaml.safe_dump(project))
    (folder / ".env").unlink(missing_ok=True)
    if value is not None:
        (folder / ".env").write_text(f"{NAME}='{value}'\n")
    return look(AtRest((str(folder / "compose.yaml"),)), TODAY)


def decided(looked: Looked) -> dict[str, bool]:
    """Check -> whether it fails, of those that are decided."""
    (judged,) = looked.services
    return {
        finding.check: finding.status is Status.FAIL
        for finding in judged.findings
        if finding.status is not Status.UNKNOWN
    }


def assert_given_or_named(files: Iterable[TextFile], notes: Iterable[str]) -> None:
    """The variable is an input of a unit that has it, or a note tells of it; nothing else is shown of
    how readers mark it."""
    files, notes = tuple(files), tuple(notes)
    told = "\n".join((*(file.text for file in files), *notes))
    assert told == told.replace("\0", "").replace(visible("\0"), "")
    given = any(f"\n{NAME}=\n" in file.text for file in files)
    used = any(OPEN in file.text for file in files if file.name.endswith(".container"))
    assert given == used
    assert given or any(NAME in note for note in notes)


COMPOSE = tuple(compose_cases())


def test_every_key_has_a_case() -> None:
    keys = {key for case in COMPOSE for key in case.service}
    assert keys >= READ


@pytest.mark.parametrize("case", COMPOSE, ids=str)
def test_no_verdict_of_a_compose_file_holds_that_its_open_value_could_turn(
    case: Case,
    tmp_path: Path,
) -> None:
    left_open = decided(looked_at(tmp_path, case.service, None))
    for value in case.values:
        try:
            known = decided(looked_at(tmp_path, case.service, value))
        except HardenError:
            continue  # it is no value for this key
        turned = {
            check: (value, fails)
            for check, fails in left_open.items()
            if known.get(check, fails) is not fails
        }
        assert not turned


@pytest.mark.parametrize("case", COMPOSE, ids=str)
def test_a_conversion_has_the_open_value_of_a_compose_file_or_names_it(
    case: Case,
    tmp_path: Path,
) -> None:
    looked = looked_at(tmp_path, case.service, None)
    for version in (Version(4, 4), Version(5, 4)):
        assert_given_or_named(*convert([each.service for each in looked.services], version))


@pytest.mark.parametrize("case", COMPOSE, ids=str)
def test_no_report_shows_how_an_open_value_is_marked(case: Case, tmp_path: Path) -> None:
    (judged,) = looked_at(tmp_path, case.service, None).services
    for text in map(_told, judged.findings):
        assert text == text.replace("\0", "").replace(visible("\0"), "")


def _told(finding: Finding) -> str:
    verdict = finding.verdict
    return " ".join(
        map(str, (verdict.reason, verdict.declared, verdict.effective, verdict.evidence))
    )


TEMPLATE = "{{ .Value }}"
NGINX = "docker.io/library/nginx:1"
_FREE = frozenset(
    "Annotation Entrypoint Environment Exec HealthCmd HealthStartupCmd Label LogOpt PodmanArgs".split()
)
"""Keys in whose values braces may be what the service is to get: another line says it is a template."""
_WITHOUT_ROW: Mapping[str, tuple[str, ...]] = {
    "PodmanArgs": ("--privileged", "--read-only", "--memory=64m"),
    "Mount": (f"type=bind,source={SOCKET},destination=/x", "type=tmpfs,destination=/y"),
    "AutoUpdate": ("registry", "local"),
    "VolatileTmp": ("true", "false"),
    "Group": ("0", "1000"),
    "Exec": ("serve", "serve --password=tr0ub4dor"),
    "RemapUsers": ("auto", "keep-id"),
    "Rootfs": ("/srv/root", "/"),
}
"""Keys that are no option of their own."""
_PARTS = (
    ("PodmanArgs", "--privileged={}", ("true", "false")),
    ("PodmanArgs", "--read-only={} --memory=64m", ("true", "false")),
    ("PodmanArgs", "--security-opt={}", ("seccomp=unconfined", "label=disable")),
    ("PodmanArgs", "--security-opt=label={}", ("disable", "type:spc_t")),
    ("PodmanArgs", "{} --privileged", ("--read-only", "--memory=64m")),
    ("Volume", "/etc:/x:{}", ("ro", "rw")),
    ("Volume", "{}:/x", ("/etc", "data", SOCKET)),
    ("Mount", "type={},source=/etc,destination=/x", ("bind", "tmpfs")),
    ("Mount", "type=bind,source=/etc,destination=/x,readonly={}", ("true", "false")),
    ("AddDevice", "-{}", ("/dev/mem", "/dev/fuse")),
    ("User", "{}:0", ("0", "1000")),
    ("Environment", "A={} B=c", ("x", "tr0ub4dor")),
    ("Secret", "{},type=env,target=A", ("key", "other")),
)
"""Values that are open in part."""


class KeyCase(Struct, frozen=True):
    """A line of [Container] whose value is open at `{}`, and what may stand there."""

    key: str
    text: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}={self.text}"


def _key_values(option: Option[Any]) -> tuple[str, ...]:
    items = [
        item
        for flag in (option.flag, *dict(option.also))
        for argument in EXAMPLES.get(flag, ())
        for item in parse_argument(flag, argument)
        if item.option is option and item.known and item.flag == option.flag
    ]
    given = [sample(option), *((i.value,) if option.is_list else i.value for i in items)]
    if isinstance(option.default, bool):
        return ("true", "false")
    return tuple(value for each in given for value in option.to_values(each) if value)


def key_cases() -> Iterator[KeyCase]:
    for option in TABLE:
        if option.quadlet is not None:
            yield KeyCase(option.quadlet.name, "{}", _key_values(option))
    for key, values in _WITHOUT_ROW.items():
        yield KeyCase(key, "{}", values)
    for key, text, values in _PARTS:
        yield KeyCase(key, text, values)


KEYS = tuple(key_cases())


def of_unit(
    folder: Path,
    case: KeyCase,
    value: str,
    service: str = "",
    image: str = NGINX,
) -> dict[str, bool]:
    line = f"{case.key}={case.text.replace('{}', value)}"
    lines = ["[Container]", f"Image={image}", line, "[Service]", service]
    file = folder / "web.container"
    file.write_text("\n".join(lines) + "\n")
    return decided(look(AtRest((str(file),)), TODAY))


def assert_none_is_turned(
    left_open: Mapping[str, bool],
    value: str,
    known: Mapping[str, bool],
) -> None:
    if known["refused-unit"]:
        return  # Podman starts nothing
    turned = [check for check, fails in left_open.items() if known.get(check, fails) is not fails]
    assert not turned, (value, {check: left_open[check] for check in turned})


@pytest.mark.parametrize("case", KEYS, ids=str)
def test_no_verdict_of_a_template_holds_that_its_open_value_could_turn(
    case: KeyCase,
    tmp_path: Path,
) -> None:
    image = "docker.io/library/nginx:{{ .Tag }}" if case.key in _FREE else NGINX
    left_open = of_unit(tmp_path, case, TEMPLATE, image=image)
    for value in case.values:
        known = of_unit(tmp_path, case, value, image=image)
        assert_none_is_turned(left_open, value, known)


@pytest.mark.parametrize("case", KEYS, ids=str)
def test_no_verdict_of_a_quadlet_holds_that_the_environment_of_its_service_could_turn(
    case: KeyCase,
    tmp_path: Path,
) -> None:
    left_open = of_unit(tmp_path, case, OPEN)
    for value in case.values:
        known = of_unit(tmp_path, case, OPEN, f'Environment="{NAME}={value}"')
        assert_none_is_turned(left_open, value, known)


class FlagCase(Struct, frozen=True):
    """A word of `podman run` that is open at `{}`, and what may stand there."""

    word: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return self.word


def flag_cases() -> Iterator[FlagCase]:
    flags = {flag: None for option in TABLE for flag in (option.flag, *dict(option.also))}
    for flag in flags:
        (first, *_) = rows_of(flag)
        if flag.startswith("--") and not (first.before_verb or first is ROOTFS):
            yield FlagCase(f"{flag}={{}}", values_of("", flag))
    for label in ("label={}", "label=type:{}", "seccomp={}", "apparmor={}", "unmask={}"):
        arguments = [text for text in EXAMPLES["--security-opt"] if text.startswith(label[:-2])]
        values = tuple(text.removeprefix(label[:-2]) for text in arguments)
        yield FlagCase(f"--security-opt={label}", values)
    mount = "--mount=type={},source=/etc,destination=/x,readonly=true"
    yield FlagCase(mount, ("bind", "tmpfs", "volume"))
    mount = "--mount=type=bind,source=/etc,destination=/x,readonly={}"
    yield FlagCase(mount, ("true", "false"))
    yield FlagCase("--volume=/etc:/x:{}", ("ro", "rw"))
    yield FlagCase("{}", ("--privileged", "--read-only", "--memory=64m"))


COMMANDS = tuple(flag_cases())


def of_command(folder: Path, name: str, text: str) -> Looked:
    (folder / name).write_text(text)
    return look(AtRest((str(folder / name),)), TODAY)


def script(case: FlagCase, value: str | None) -> str:
    known = "" if value is None else f"{NAME}='{value}'\n"
    word = case.word.replace("{}", f"${NAME}" if case.word == "{}" else f'"${NAME}"')
    return f"#!/bin/sh\n{known}podman run --name web {word} {NGINX}\n"


def service(case: FlagCase, value: str | None) -> str:
    known = "" if value is None else f'Environment="{NAME}={value}"\n'
    word = case.word.replace("{}", f"${NAME}" if case.word == "{}" else OPEN)
    return f"[Service]\n{known}ExecStart=/usr/bin/podman run --name web {word} {NGINX}\n"


@pytest.mark.parametrize("case", COMMANDS, ids=str)
@pytest.mark.parametrize(
    ("name", "text"),
    [("web.sh", script), ("web.service", service)],
    ids=["script", "service"],
)
def test_no_verdict_of_a_command_holds_that_its_open_value_could_turn(
    case: FlagCase,
    name: str,
    text: Callable[[FlagCase, str | None], str],
    tmp_path: Path,
) -> None:
    left_open = decided(of_command(tmp_path, name, text(case, None)))
    for value in case.values:
        known = decided(of_command(tmp_path, name, text(case, value)))
        assert_none_is_turned(left_open, value, known)


@pytest.mark.parametrize("case", COMMANDS, ids=str)
def test_a_conversion_has_the_open_value_of_a_command_or_names_it(
    case: FlagCase,
    tmp_path: Path,
) -> None:
    (judged,) = of_command(tmp_path, "web.sh", script(case, None)).services
    for version in (Version(4, 4), Version(5, 4)):
        assert_given_or_named(*units_of(judged, None, version, "web"))


@pytest.mark.parametrize("case", COMPOSE, ids=str)
def test_the_list_and_the_page_of_files_stand_an_open_value(case: Case, tmp_path: Path) -> None:
    looked_at(tmp_path, case.service, None)
    bench = FilesLook((str(tmp_path / "shop"),), "baseline").workbench()
    (row,) = bench.containers.rows()
    report, planner = row.report, bench.planner
    assert report is not None
    assert planner.rises(report).keys() == {finding.check for finding in report.failing}
    fixable = planner.fixable(report)
    chosen = planner.choices(report, Caution.ALL)
    plan = planner.plan_with(report, Caution.ALL, [Choice(check) for check in sorted(fixable)])
    assert {choice.check for choice in plan.choices} >= {choice.check for choice in chosen}
    for finding in report.failing:
        planner.remediation(report, finding)
        planner.refusal(report, Choice(finding.check))
        planner.settings(report, Choice(finding.check))
    planner.decisions(report, plan)
    planner.raises_most(report, 2)
    planner.score_after(report, plan)
