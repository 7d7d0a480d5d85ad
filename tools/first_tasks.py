"""What a newcomer could do next, as the code itself tells: `make first-tasks`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hardentui.checks import all_checks
from hardentui.model.finding import Kind
from hardentui.model.remediation import FixKind

ROOT = Path(__file__).resolve().parent.parent


def tasks() -> dict[str, list[str]]:
    """Each kind of task with what it is about."""
    checks = tuple(all_checks())
    taught = {
        name
        for lab in (ROOT / "checklists" / "labs").glob("*.toml")
        for name in tomllib.loads(lab.read_text()).get("checks", [])
    }
    own = [check for check in checks if check.about is Kind.CONTAINER]
    return {
        "Write a fix: the owner of a container can change it, and nothing is offered": [
            check.id for check in own if check.remediate is None and check.fix is FixKind.RECREATE
        ],
        "Write a lab (checklists/labs/): no exercise teaches this check, and a fix solves it": [
            check.id for check in own if check.remediate is not None and check.id not in taught
        ],
        "Name a source: the check cites none": [
            check.id for check in checks if not check.references
        ],
    }


if __name__ == "__main__":
    for task, checks in tasks().items():
        if checks:
            print(f"{task} ({len(checks)}):\n  {' '.join(checks)}\n")
