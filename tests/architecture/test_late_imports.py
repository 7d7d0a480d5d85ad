"""Modules are imported at the top. Late imports stand at a few seams, each with its reason."""

from __future__ import annotations

import ast

from tests.architecture.test_boring_python import sources

SEAMS = {
    "__main__.py": "Ctrl-C while the program loads",
    "cli/session.py": "the engines work while what judges is loaded",
    "cli/screens.py": "the engines work while the terminal UI is loaded",
    "cli/images.py": "the library for SBOMs takes longer to load than all the rest",
    "cli/serve.py": "its libraries come only with the extra [web]",
    "engine/probe.py": "few engines are reached over ssh",
    "scanners/stored.py": "most images have no stored report",
    "tui/app.py": "the first screen does not wait for the others",
    "tui/around.py": "the app starts without what scans images",
    "tui/destinations.py": "the first screen does not wait for the others",
    "tui/screens/home.py": "the first screen does not wait for the others",
    "workbench/changing/cut_off.py": "most starts find no journal",
    "workbench/looking/once_per_engine.py": "most containers run from no unit",
    "workbench/looking/surroundings.py": "a check opens no image",
    "workbench/looking/unit_origin.py": "a check edits no unit; few have a drop-in of ours to compare",
    "workbench/changing/drafts.py": "the exports of other systems",
    "workbench/checklists/loading.py": "most checklists have no checks of their own, and no fault",
    "workbench/first_look.py": "rows are shown before what judges them is loaded",
    "workbench/opening/engines.py": "each way to open needs another reader",
    "workbench/views.py": "the first rows need no attack path",
    "workbench/workbench.py": "what plans, writes, tries or applies is loaded when it is wanted",
}


def _late(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hardentui")
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    )


def test_own_modules_are_imported_late_only_at_the_seams() -> None:
    assert {name for name, tree in sources() if _late(tree)} == set(SEAMS)
