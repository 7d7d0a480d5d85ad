"""Modules are imported at the top. Late imports stand at a few seams, each with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.test_boring_python import nodes

SEAMS = {
    "__main__.py main": "Ctrl-C while the program loads",
    "__main__.py _become": "few act as another account: ctypes",
    "cli/at_rest.py fix": "few turn compose files and run commands into Quadlets",
    "cli/opening.py _screens": "few open the screens on files",
    "cli/run.py _check_outputs": "only for those who write",
    "cli/check.py _filtered": "few filter",
    "cli/check.py deliver": "few want a report by control",
    "cli/check.py look_at": "only the HTML report draws the networks",
    "cli/session.py workbench": "the engines work while what judges is loaded",
    "cli/saved_text.py save_text": "only for those who write",
    "engine/probe.py _open_docker": "few read a Docker engine",
    "engine/probe.py _open_ssh": "few engines are reached over ssh",
    "features/at_rest/checking.py _makers": ("a YAML library is wanted only where a YAML file is"),
    "features/at_rest/fixing.py _parts_of": "a YAML library is wanted only where a YAML file is",
    "features/at_rest/fixing.py _target": "a YAML library is wanted only where a YAML file is",
    "features/checklists/loading.py own_checks": (
        "most checklists have no checks of their own: 12 ms"
    ),
    "features/checklists/loading.py _fault_of_form": "nor values for fixes",
    "features/first_look.py workbench": "the engines work while what judges is loaded",
    "features/fix/apply_ways.py compose_override": (
        "a YAML library is wanted only for a compose project"
    ),
    "features/fix/drafts.py _export": "the exports of other systems need a YAML library",
    "features/looking/containers.py": ("few commands follow events or stacks"),
    "features/looking/kept_originals.py _in_journal": "few hosts keep originals",
    "features/looking/gather.py": (
        "what reads the facts that few checks ask for is loaded with the first"
    ),
    "features/looking/host_side.py sockets": "so is what reads sockets",
    "features/looking/once_per_engine.py _engine_units": (
        "few hosts have containers of units: what reads units and Quadlets"
    ),
    "features/opening/engines.py": (
        "the engines are asked before what reads the host is loaded (70 ms)"
    ),
    "features/opening/saved_facts.py": (
        "a check that was chosen may not ask for the host: 40 modules"
    ),
    "features/reports/as_text.py": "a list draws no blocks, and few want controls or a fleet",
    "features/reports/text_overview.py _managed": "few hosts have a vendor's containers",
    "features/reports/making.py": "few findings of a chosen check are part of an attack path",
    "features/workbench.py": "what plans, writes, tries or applies is loaded when it is wanted",
    "scanners/stored.py _maker": "few hosts have stored reports of scanners",
    "tui/session.py look_at_trials": "what trials record matters once the first screen is there",
    "tui/app.py open_harden": "what belongs together matters once something is hardened",
    "reader_process.py": "a process loads the parser of its kind, before it locks itself in",
    "host/place.py view_of_host": "only in a container: ctypes and a pool of threads",
}
"""Module, or module and function, with own imports inside functions."""

BY_NAME = {
    "checks/__init__.py": "every module of the directories is a check",
    "cli/command_modules.py": "a command does not wait for the others",
    "features/reports/__init__.py": "a report does not wait for the other formats",
    "tui/app.py": "the first screen does not wait for the others",
}
"""Modules that import others by a name made at run time."""


def _late() -> Iterator[tuple[str, str]]:
    """(module, function) of every own import inside a function."""
    for module, function in (*nodes(ast.FunctionDef), *nodes(ast.AsyncFunctionDef)):
        for node in ast.walk(function):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = ["hardentui" if node.level else node.module or ""]
            if any(name.partition(".")[0] == "hardentui" for name in names):
                yield module, function.name


def test_own_modules_are_imported_late_only_at_the_seams() -> None:
    late = set(_late())
    modules = {module for module, _ in late}
    assert {
        module if module in SEAMS else f"{module} {function}" for module, function in late
    } == SEAMS.keys(), "import at the top, or where another seam already loads it"
    assert {seam.partition(" ")[0] for seam in SEAMS} == modules


def test_modules_are_imported_by_name_only_where_a_table_names_them() -> None:
    calls = ("import_module", "__import__", "spec_from_file_location")
    by_name = {
        module
        for module, node in nodes(ast.Call)
        if (getattr(node.func, "attr", "") in calls or getattr(node.func, "id", "") in calls)
    }
    assert by_name == set(BY_NAME)
