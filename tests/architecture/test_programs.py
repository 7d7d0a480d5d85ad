"""Programs are looked up in one place, and started with an environment that no other account can
lead."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.test_boring_python import nodes

STARTS = {"run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec"}
STARTS_PYTHON = {
    "account.py": "`our_module`, which everybody uses",
    "host/network/knock.py": "isolated: -I -S",
    "features/change/substitute.py": "isolated: -I -S",
    "features/trial/clients.py": "isolated: -I -S",
}


def _calls() -> Iterator[tuple[str, ast.Call]]:
    return (
        (module, node) for module, node in nodes(ast.Call) if isinstance(node.func, ast.Attribute)
    )


def test_nothing_looks_up_programs_but_the_account() -> None:
    by_path = [
        f"{module}:{node.lineno}"
        for module, node in nodes(ast.Attribute)
        if node.attr in ("which", "defpath", "get_exec_path")
        if isinstance(node.value, ast.Name) and node.value.id in ("shutil", "os")
    ]
    assert by_path == [], "hardentui.account.find_program skips folders that others can write"


def test_every_program_gets_an_environment_of_ours() -> None:
    inherited = [
        f"{module}:{call.lineno}"
        for module, call in _calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr in STARTS
        if isinstance(call.func.value, ast.Name) and call.func.value.id in ("subprocess", "asyncio")
        if "env" not in {keyword.arg for keyword in call.keywords}
    ]
    assert inherited == [], "env=account.environment(): else $PATH of another account decides"


def test_python_is_started_in_one_way() -> None:
    starters = {
        module
        for module, node in nodes(ast.Attribute)
        if node.attr == "executable"
        if isinstance(node.value, ast.Name) and node.value.id == "sys"
    }
    assert starters == STARTS_PYTHON.keys(), (
        "`our_module`: nothing is imported from the current folder"
    )
