"""What the reader of a written file has to know about what is not in it."""

from __future__ import annotations

from hardentui.model.spec import Spec


def left_behind(spec: Spec) -> tuple[str, ...]:
    """What could not be carried over or cannot be known, one sentence each."""
    found = list(spec.remarks)
    if spec.unknowable:
        flags = {
            f"--security-opt {o.name}" if o.flag == "--security-opt" else o.flag for o in spec.unknowable
        }
        found.append(
            "Podman does not tell of this container whether these were given: " + ", ".join(sorted(flags))
        )
    return tuple(found)
