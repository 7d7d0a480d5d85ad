"""A new option is one row. The example of CONTRIBUTING.md is added to a copy of the program."""

from pathlib import Path

import pytest

from tests.support.program_copy import ProgramCopy

LAWS = Path(__file__).parent / "test_table.py"
SPEC = """
from hardentui.model.podman_version import Version
from hardentui.options import IMAGE, IO_CLASS, NAME
from hardentui.model.spec import Spec
spec = Spec.of((NAME, "web"), (IMAGE, "localhost/app:1"), (IO_CLASS, "idle"))
"""
UNIT = (
    SPEC
    + """
from hardentui.quadlet.write.bundle import UnitContext, bundle
def unit(version):
    return bundle(spec, UnitContext(version=Version.parse(version))).files[0].text
"""
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> ProgramCopy:
    """A copy of the program with the example in its table."""
    copy = ProgramCopy(tmp_path_factory.mktemp("copy"))
    copy.add_example("A complete row, added to")
    return copy


def said(copy: ProgramCopy, code: str) -> str:
    done = copy.run("-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_is_read_from_inspect(copy: ProgramCopy) -> None:
    code = """
from hardentui.options import IO_CLASS
from hardentui.options.read import read_spec
from hardentui.options.inspect import Sources
print(read_spec(Sources({"Id": "0" * 64, "Config": {}, "HostConfig": {"IOClass": "idle"}}))[IO_CLASS])
"""
    assert said(copy, code) == "idle"


def test_it_is_read_from_a_command_line_and_written_as_one(copy: ProgramCopy) -> None:
    code = """
from hardentui.options.argv import spec_from_argv
from hardentui.writers.run_script import run_arguments
print(run_arguments(spec_from_argv(["podman", "run", "--io-class", "idle", "localhost/app:1"])))
"""
    assert "'--io-class=idle'" in said(copy, code)


def test_a_unit_has_its_key_or_its_flag_and_is_read_back(copy: ProgramCopy) -> None:
    assert "\nIOClass=idle\n" in said(copy, f"{UNIT}print(unit('5.2'))")
    assert "\nPodmanArgs=--io-class=idle\n" in said(copy, f"{UNIT}print(unit('5.1'))")
    code = """
from hardentui.quadlet.read.container import QuadletFiles
print(*(QuadletFiles((unit(version),)).spec()[IO_CLASS] for version in ("5.1", "5.2")))
"""
    assert said(copy, UNIT + code) == "idle idle"


def test_the_laws_of_the_table_hold_with_it(copy: ProgramCopy) -> None:
    assert copy.passed(LAWS) >= 5
