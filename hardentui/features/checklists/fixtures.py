"""Test containers that prove the checks of a checklist: the expected result of each check.

They are stored beside the checklist: `site.test.toml` beside `site.toml`. A container is given by the
arguments of `podman create`, or by the output of `podman inspect`.

    [[container]]
    name = "too-much"
    run = ["--memory=4g", "docker.io/library/nginx:1.27"]
    expect = { site-memory = "fail" }
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from hardentui.checks import CHECKS
from hardentui.errors import ChecklistError, InputError
from hardentui.features.checklists.loading import directory_of_ours, load, path_of
from hardentui.files import write_bundle
from hardentui.harden.evaluate import judge, parameters_of
from hardentui.harden.own.subjects import FACTS, OPTIONS, shape_of
from hardentui.harden.plan import make_plan
from hardentui.model.capabilities import STOCK_CAPABILITIES, capability_name
from hardentui.model.check import AnyCheck, Checklist
from hardentui.model.draft import TextFile
from hardentui.model.facts import (
    CapabilitySets,
    ContainerFacts,
    EngineFacts,
    Kernel,
    Limits,
    ListeningSocket,
    NotRunning,
    Process,
)
from hardentui.model.finding import Status
from hardentui.model.plan import Choice
from hardentui.model.spec import Spec
from hardentui.options import SYSTEMD
from hardentui.options.argv import spec_from_argv
from hardentui.options.codecs import size_of
from hardentui.options.inspect.view import Sources
from hardentui.options.read import read_spec
from hardentui.options.table import BY_NAME
from hardentui.regular_files import read_named
from hardentui.toml_document import TomlFault, line_of, read_toml, toml_lines
from hardentui.visible import visible
from hardentui.words import nearest, plural

Place: TypeAlias = "tuple[str | int, ...]"

ENDING = ".test.toml"
_KEYS = ("name", "run", "inspect", "kernel", "hidden", "expect")
_STATES = tuple(status.value for status in Status if status is not Status.WAIVED)
_KERNEL = tuple(
    "uid memory pids cpus read-only no-new-privileges seccomp-mode security-label capabilities listening "
    "processes".split()
)
_SECCOMP = ("none", "strict", "filter")


class Fixture(Struct, frozen=True):
    """One test container.

    Attributes:
        line: its line in the file.
        expect: ID of a check -> its expected status.
    """

    line: int
    facts: ContainerFacts
    expect: Mapping[str, Status]


def beside(checklist: str) -> str:
    """The file with the test containers of a checklist."""
    return checklist.removesuffix(".toml") + ENDING


def load_fixtures(path: str, checklist: Checklist) -> tuple[Fixture, ...]:
    """The test containers of a file.

    Raises:
        InputError: it cannot be read.
        ChecklistError: it has faults; all of them, each with its line.
    """
    text = read_named(path, if_missing="`hardentui config checklist new` writes an example.", by_file=True)
    try:
        document = read_toml(text)
    except TomlFault as error:
        raise InputError(f"{visible(path)} is not valid TOML: {visible(str(error), 200)}.") from error
    reader = _FixtureReader(path, text, checklist)
    fixtures = reader.fixtures(document)
    if reader.faults:
        count = plural(len(reader.faults), "fault")
        raise ChecklistError(f"The tests in {visible(path)} have {count}.", tuple(reader.faults), path)
    return fixtures


class _Wrong(Exception):
    """What is wrong with one key."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class _FixtureReader:
    """Reads a parsed document and collects its faults."""

    def __init__(self, path: str, text: str, checklist: Checklist) -> None:
        self.faults: list[str] = []
        self._directory = os.path.dirname(path)
        self._lines = toml_lines(text)
        self._checks = {check for step in checklist.steps for check in step.checks}
        self._names: set[str] = set()

    def fixtures(self, document: Mapping[str, Any]) -> tuple[Fixture, ...]:
        tables = document.get("container", [])
        if set(document) - {"container"} or not isinstance(tables, list) or not tables:
            self._fault((), "tests are tables: [[container]]")
            return ()
        read = [self._fixture(table, ("container", at)) for at, table in enumerate(tables)]
        return tuple(fixture for fixture in read if fixture is not None)

    def _fault(self, place: Place, message: str) -> None:
        self.faults.append(f"{line_of(self._lines, place)}: {message}")

    def _fixture(self, table: Any, place: Place) -> Fixture | None:
        try:
            if not isinstance(table, dict):
                raise _Wrong("", "a container must be a table: [[container]]")
            for key in table:
                if key not in _KEYS:
                    raise _Wrong(key, f"unknown key {visible(key, 40)!r}{nearest(key, _KEYS)}")
            name = table.get("name")
            if not isinstance(name, str) or not name or name in self._names:
                raise _Wrong("name", "name must be a unique text")
            self._names.add(name)
            facts = self._facts(table).replace(name=name)
            return Fixture(line_of(self._lines, place), facts, self._expected(table))
        except _Wrong as wrong:
            self._fault((*place, wrong.key) if wrong.key else place, str(wrong))
            return None

    def _expected(self, table: Mapping[str, Any]) -> Mapping[str, Status]:
        expect = table.get("expect")
        if not isinstance(expect, dict) or not expect:
            raise _Wrong("expect", 'expect must be a table: expect = { check-id = "fail" }')
        for check, state in expect.items():
            if check not in self._checks:
                near = nearest(check, self._checks)
                raise _Wrong("expect", f"the checklist has no check {visible(check, 60)!r}{near}")
            if state not in _STATES:
                raise _Wrong("expect", f"the expected status must be one of: {', '.join(_STATES)}")
        return {check: Status(state) for check, state in expect.items()}

    def _facts(self, table: Mapping[str, Any]) -> ContainerFacts:
        if ("run" in table) == ("inspect" in table):
            raise _Wrong("run", "a container needs either run or inspect")
        kernel = _kernel(table["kernel"]) if "kernel" in table else NotRunning("on paper")
        engine = EngineFacts(default_capabilities=STOCK_CAPABILITIES)
        document = self._inspected(table["inspect"]) if "inspect" in table else {}
        spec = read_spec(Sources(document)) if document else _spec(table["run"])
        hidden = table.get("hidden", [])
        if not isinstance(hidden, list) or not all(name in BY_NAME for name in hidden):
            raise _Wrong(
                "hidden", "hidden must be a list of options, as `hardentui config checklist options` has them"
            )
        gone = frozenset(BY_NAME[name] for name in hidden)
        settings = {option: setting for option, setting in spec.settings.items() if option not in gone}
        if spec[SYSTEMD] == "always" and not document:
            document = {"Config": {"SystemdMode": True}}
        return ContainerFacts(
            id="0" * 64,
            name="",
            spec=Spec(settings, spec.unknowable | gone),
            inspect=document,
            engine=engine,
            kernel=kernel,
        )

    def _inspected(self, given: Any) -> Mapping[str, Any]:
        """The output of `podman inspect`: a table, JSON, or a file with it."""
        document = given
        if isinstance(given, str):
            text = given if given.lstrip()[:1] in ("{", "[") else self._file(given)
            try:
                document = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise _Wrong("inspect", "inspect is not JSON") from error
        if isinstance(document, list) and len(document) == 1:
            (document,) = document
        if not isinstance(document, dict) or not isinstance(document.get("HostConfig"), dict):
            raise _Wrong("inspect", "inspect is not the output of `podman inspect NAME` for one container")
        return document

    def _file(self, name: str) -> str:
        try:
            return read_named(os.path.join(self._directory, name), by_file=True)
        except InputError as error:
            raise _Wrong("inspect", error.title.rstrip(".")) from error


def _spec(words: Any) -> Spec:
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise _Wrong("run", "run must be a list of arguments of `podman create`")
    try:
        return spec_from_argv(["podman", "create", *words])
    except (InputError, ValueError) as error:
        raise _Wrong("run", f"podman would not accept run: {visible(str(error), 200)}") from error


def _kernel(table: Any) -> Kernel:
    """The kernel's answers, given as named facts."""
    if not isinstance(table, dict):
        raise _Wrong("kernel", "kernel must be a table")
    for key in table:
        if key not in _KERNEL:
            raise _Wrong("kernel", f"unknown key {visible(key, 40)!r} of kernel{nearest(key, _KERNEL)}")
    given: dict[str, Any] = {}
    try:
        if {"memory", "pids", "cpus"} & set(table):
            memory = table.get("memory")
            given["limits"] = Limits(
                memory=None if memory is None else size_of(str(memory)),
                pids=table.get("pids"),
                cpus=table.get("cpus"),
            )
        for key, name in (("uid", "uid"), ("security-label", "lsm_label")):
            if key in table:
                given[name] = table[key]
        for key, name in (("read-only", "read_only_root"), ("no-new-privileges", "no_new_privileges")):
            if key in table:
                given[name] = bool(table[key])
        if "seccomp-mode" in table:
            given["seccomp_mode"] = _SECCOMP.index(table["seccomp-mode"])
        if "capabilities" in table:
            names = frozenset(capability_name(name) for name in table["capabilities"])
            given["capabilities"] = CapabilitySets(names, names, frozenset(), names)
        if "listening" in table:
            given["listening"] = tuple(_socket(text) for text in table["listening"])
        if "processes" in table:
            given["processes"] = tuple(
                Process(at, name, name) for at, name in enumerate(table["processes"], 1)
            )
    except (TypeError, ValueError, AttributeError) as error:
        raise _Wrong("kernel", f"a value of kernel is invalid: {visible(str(error), 100)}") from error
    return Kernel(1, **given)


def _socket(text: str) -> ListeningSocket:
    port, _, protocol = text.partition("/")
    return ListeningSocket(protocol or "tcp", "0.0.0.0", int(port))  # noqa: S104 - on paper


def faults_of(
    checklist: Checklist, checks: Mapping[str, AnyCheck], fixtures: tuple[Fixture, ...], own: tuple[str, ...]
) -> tuple[str, ...]:
    """Unexpected results of the checks, one `line: message` each.

    Args:
        checks: every check, by ID.
        own: IDs that must be proven in both directions: a container that passes and one that fails.
    """
    faults = []
    proven: dict[str, set[Status]] = {check: set() for check in own}
    for fixture in fixtures:
        for check_id, expected in fixture.expect.items():
            check = checks[check_id]
            verdict = judge(check, fixture.facts, parameters_of(check, checklist))
            where = f"{fixture.line}: {visible(fixture.facts.name, 60)}: {check_id}"
            if verdict.status is not expected:
                reason = verdict.reason or verdict.declared or verdict.effective
                faults.append(
                    f"{where} is {verdict.status.value}, not {expected.value}: {visible(reason, 200)}"
                )
                continue
            proven.setdefault(check_id, set()).add(expected)
            failing_own = expected is Status.FAIL and check_id in own
            if failing_own and (fault := _unmended(checklist, check, fixture.facts)):
                faults.append(f"{where}: {fault}")
    for check_id in own:
        for status in (Status.PASS, Status.FAIL):
            if status not in proven[check_id]:
                faults.append(f"1: no container shows that {check_id} can {status.value}")
    return tuple(faults)


def _unmended(checklist: Checklist, check: AnyCheck, facts: ContainerFacts) -> str:
    """Why the fix of a check does not solve its failure; empty if it does, or reports why it cannot."""
    plan = make_plan(facts, [Choice(check.id)], [check], checklist)
    if check.remediate is None or plan.skipped:
        return ""
    status = judge(check, facts.planned(plan.after), parameters_of(check, checklist)).status
    return "" if status in (Status.PASS, Status.NOT_APPLICABLE) else f"its fix leaves it {status.value}"


# Examining a checklist: its faults, and its checks on the test containers beside it.


class LintedChecklist(Struct, frozen=True):
    """How many steps a valid checklist has, checks, own checks, and built-in checks that it leaves out."""

    steps: int
    checks: int
    own: int
    unused: int

    @property
    def summary(self) -> str:
        return (
            f"valid. {plural(self.steps, 'step')}, {plural(self.checks, 'check')}, {self.own} of them your "
            f"own; {self.unused} built-in checks are not used."
        )


class ProvenChecklist(Struct, frozen=True):
    """The result of its test containers.

    Attributes:
        path: the file with the containers.
        faults: unexpected results, each `line: message`.
        containers: how many; own: how many checks it declares itself.
    """

    path: str
    faults: tuple[str, ...]
    containers: int
    own: int

    @property
    def summary(self) -> str:
        wrong = plural(len(self.faults), "fault") if self.faults else "as expected"
        return f"{wrong}. {plural(self.containers, 'container')}, {plural(self.own, 'check')} of its own."


def lint_checklist(where: str) -> LintedChecklist:
    """What a checklist has; raises what `load` raises."""
    checklist = load(where)
    used = {check for step in checklist.steps for check in step.checks}
    unused = sum(check not in used for check in CHECKS)
    return LintedChecklist(len(checklist.steps), len(used), len(checklist.own), unused)


def prove_checklist(where: str) -> ProvenChecklist:
    """Its checks on its test containers; raises what `load` and `load_fixtures` raise."""
    checklist = load(where)
    path = beside(path_of(where))
    containers = load_fixtures(path, checklist)
    known = CHECKS.with_own(checklist.own)
    own = tuple(check.id for check in checklist.own if check.id not in checklist.inherited)
    faults = faults_of(checklist, known, containers, own)
    return ProvenChecklist(path, tuple(map(str, faults)), len(containers), len(own))


def selectable_options() -> tuple[tuple[str, str, str], ...]:
    """What a check of one's own can inspect of a container: name, shape, meaning."""
    return tuple((name, shape_of(option).value, option.about) for name, option in sorted(OPTIONS.items()))


def selectable_facts() -> tuple[tuple[str, str, str], ...]:
    """What such a check can inspect of what the kernel enforces: name, shape, meaning."""
    return tuple((name, fact.shape.value, fact.about) for name, fact in FACTS.items())


# A new checklist with its tests, from a template that explains itself.

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_checklist(path: str) -> tuple[str, ...]:
    """Write a checklist and its tests, never replacing existing files; returns their paths.

    Raises:
        InputError: the path is not a valid checklist name.
        WriteError: the file exists, or it cannot be written.
    """
    directory, name = os.path.split(os.path.abspath(path))
    identity = name.removesuffix(".toml")
    if not name.endswith(".toml") or not _ID.fullmatch(identity):
        raise InputError(
            f"{visible(name, 60)!r} cannot be the name of a checklist.",
            "Use lower-case letters, digits and dashes: site.toml",
        )
    for ending in (".toml", ENDING):
        if os.path.lexists(os.path.join(directory, f"{identity}{ending}")):
            raise InputError(f"{visible(identity)}{ending} already exists and is not replaced.")
    files = [
        TextFile(f"{identity}{ending}", _template(ending).replace("{id}", identity))
        for ending in (".toml", ENDING)
    ]
    write_bundle(directory, files, overwrite=False, follow_symlink=True)
    return tuple(os.path.join(os.path.dirname(path), file.name) for file in files)


def _template(ending: str) -> str:
    with open(os.path.join(directory_of_ours(), "templates", f"own{ending}"), encoding="utf-8") as file:
        return file.read()
