"""Containers on paper: both directions for each own check, and a sentence for every fault."""

import json
from pathlib import Path

import pytest

from hardentui.checks import all_checks
from hardentui.errors import ChecklistError, InputError
from hardentui.features.checklists import fixtures, loading
from hardentui.features.checklists.fixtures import Fixture, faults_of, load_fixtures, new_checklist
from hardentui.model.facts import Kernel, Limits
from hardentui.model.finding import Status

LIST = """
id = "site"
title = "Ours"
extends = "baseline"
[[own]]
id = "site-memory"
title = "More memory than allowed"
step = 5
severity = "high"
option = "memory"
operator = "at-most"
value = "2g"
"""
CHECKLIST = loading.parse(LIST, "site.toml")
KNOWN = {check.id: check for check in (*all_checks(), *CHECKLIST.own)}
PASSES = '[[container]]\nname = "small"\nrun = ["--memory=1g", "i"]\nexpect = { site-memory = "pass" }\n'
FAILS = '[[container]]\nname = "large"\nrun = ["--memory=4g", "i"]\nexpect = { site-memory = "fail" }\n'


def _loaded(directory: Path, text: str) -> tuple[Fixture, ...]:
    path = directory / "site.test.toml"
    path.write_text(text)
    return load_fixtures(str(path), CHECKLIST)


def _faults(directory: Path, text: str) -> tuple[str, ...]:
    return faults_of(CHECKLIST, KNOWN, _loaded(directory, text), ("site-memory",))


def test_what_nobody_expects_is_said_with_its_line(tmp_path: Path) -> None:
    faults = _faults(tmp_path, PASSES + FAILS.replace("4g", "2g"))
    assert faults[0].startswith("5: large: site-memory is pass, not fail")


def test_the_kernel_and_what_nothing_shows(tmp_path: Path) -> None:
    text = PASSES + FAILS
    text += '[[container]]\nname = "k"\nrun = ["i"]\nkernel = { memory = "1g" }\n'
    text += 'expect = { site-memory = "pass" }\n'
    text += (
        '[[container]]\nname = "h"\nrun = ["i"]\nhidden = ["memory"]\nexpect = { site-memory = "unknown" }\n'
    )
    assert _faults(tmp_path, text) == ()
    kernel = _loaded(tmp_path, text)[2].facts.kernel
    assert isinstance(kernel, Kernel)
    assert kernel.limits == Limits(memory=1 << 30)


@pytest.mark.parametrize("form", ["file", "text", "table"])
def test_a_container_may_be_what_inspect_printed(form: str, tmp_path: Path) -> None:
    document = {"Id": "a", "Name": "web", "Config": {"Labels": {}}, "HostConfig": {"Memory": 4 << 30}}
    given = {
        "file": '"web.json"',
        "text": f"'''{json.dumps([document])}'''",
        "table": "{ Config = {}, HostConfig = { Memory = 4294967296 } }",
    }[form]
    (tmp_path / "web.json").write_text(json.dumps([document]))
    text = f'[[container]]\nname = "web"\ninspect = {given}\n'
    text += 'expect = { site-memory = "fail", host-pid = "pass" }\n'
    (fixture,) = _loaded(tmp_path, text)
    assert fixture.expect == {"site-memory": Status.FAIL, "host-pid": Status.PASS}
    assert _faults(tmp_path, PASSES + text) == ()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("run =", "rum =", "2: unknown key 'rum'; did you mean 'run'?"),
        ('run = ["--memory=1g", "i"]', "", "a container needs either run or inspect"),
        ('run = ["--memory=1g", "i"]', "run = []", "run must be a list of arguments"),
        ('run = ["--memory=1g", "i"]', 'inspect = "none.json"', "none.json cannot be read"),
        ('run = ["--memory=1g", "i"]', 'inspect = "[1]"', "is not the output of `podman inspect NAME`"),
        ('run = ["--memory=1g", "i"]', 'inspect = "{"', "inspect is not JSON"),
        ('name = "small"', 'name = ""', "name must be a unique text"),
        ('"pass"', '"fine"', "the expected status must be one of: pass, fail, not-applicable, unknown"),
        ("site-memory", "site-memry", "the checklist has no check 'site-memry'; did you mean 'site-memory'?"),
        ('{ site-memory = "pass" }', "{}", "expect must be a table"),
        ("expect", 'kernel = { memroy = "1g" }\nexpect', "unknown key 'memroy' of kernel"),
        ("expect", 'kernel = { memory = "much" }\nexpect', "a value of kernel is invalid"),
        ("expect", 'hidden = ["memroy"]\nexpect', "hidden must be a list of options"),
        ("[[container]]", "[[containers]]", "tests are tables: [[container]]"),
    ],
)
def test_what_is_wrong_has_a_sentence(old: str, new: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(ChecklistError) as caught:
        _loaded(tmp_path, PASSES.replace(old, new))
    assert len(caught.value.faults) == 1
    assert fault.removeprefix("2: ") in caught.value.faults[0]


def test_a_new_checklist_is_good_proves_itself_and_replaces_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "our-site.toml")
    written = new_checklist(path)
    assert written == (path, fixtures.beside(path))
    checklist = loading.load(path)
    known = {check.id: check for check in (*all_checks(), *checklist.own)}
    own = tuple(check.id for check in checklist.own)
    assert own
    assert all(check.startswith("our-site-") for check in own)
    assert faults_of(checklist, known, load_fixtures(written[1], checklist), own) == ()
    with pytest.raises(InputError, match="already exists"):
        new_checklist(path)
    (tmp_path / "our-site.toml").unlink()
    with pytest.raises(InputError, match="already exists"):
        new_checklist(path)
    assert not (tmp_path / "our-site.toml").exists(), "the tests alone were there"
    for name in ("Site.toml", "site", ".toml"):
        with pytest.raises(InputError):
            new_checklist(str(tmp_path / name))
