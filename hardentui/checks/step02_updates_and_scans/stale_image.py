"""An old image that no container uses.

What it checks:
Whether an image that no container uses was built longer ago than the parameter `days`.

Why it matters:
An unused old image is a trap: a mistyped name or a missing tag starts it, with every vulnerability
discovered since. It takes up disk space and may contain forgotten credentials. The fewer images there are,
the more an unknown one stands out.

What may break:
If no registry has the image any more, removing it cannot be undone. Check the list first, and keep the
image that you would go back to after a failed update. Images for timers and batch jobs are unused between
runs.
"""

from __future__ import annotations

import shlex
from datetime import timedelta

from hardentui.checks.prelude import *
from hardentui.reading.images import created


def evaluate(facts: ImageFacts, parameters: Parameters) -> Verdict:
    if facts.used_by:
        return passed(f"used by {plural(len(facts.used_by), 'container')}")
    built = created(facts)
    if built is None:
        return unknown("no container uses it, but its age is not known")
    evidence = (Evidence("image, Created", f"{built:%Y-%m-%d}"),)
    if facts.now - built <= timedelta(days=parameters.integer("days")):
        return passed("unused, but new", evidence=evidence)
    what = "used by no container" if facts.names else "unnamed and used by no container"
    age = (facts.now - built).days
    image = shlex.quote(facts.id[:12])
    made_here = any(name.startswith("localhost/") for name in facts.names)  # no registry has it
    save = (f"podman image save -o {image}.tar {image}",) if made_here else ()
    commands = (*save, f"podman image rm {image}")
    return failed(f"{what}, built {age} days ago", evidence=evidence, commands=commands)


CHECK = Check(
    title="Old image not in use",
    severity=Severity.LOW,  # nothing runs
    kind=Kind.IMAGE,
    summary="Remove the image",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"days": 30},
    passes=lambda: (
        image(inspect={"Created": "2025-01-01T00:00:00Z"}, names=("db:1",), used_by=("db",)),
        image(inspect={"Created": "2025-12-30T00:00:00Z"}, names=("db:1",)),
    ),
    fails=lambda: (
        image(inspect={"Created": "2025-01-01T00:00:00Z"}),
        image(inspect={"Created": "2025-01-01T00:00:00Z"}, names=("db:1",)),
    ),
    references=("CIS Docker 1.6 6.1", "CSVS 4.8"),
    catalogue="S2-11",
)
