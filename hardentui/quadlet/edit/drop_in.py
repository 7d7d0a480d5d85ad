"""Drop-ins: a small file beside a unit that changes only what a plan changes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from hardentui.errors import CannotExpress
from hardentui.model.version import Version
from hardentui.quadlet.edit.container import Edited, scalar_key
from hardentui.quadlet.read.container import CONTAINER, QuadletFiles
from hardentui.quadlet.read.names import DROP_IN, LAST_DROP_IN
from hardentui.systemd.unit_file import comment_lines
from hardentui.systemd.unit_text import UnitText

QUADLET_DROP_INS = Version(5, 0)
_NOT_RESET = frozenset({"SeccompProfile", "LogDriver"})
"""Keys whose empty value generators up to 5.4 pass to Podman as an empty argument."""


def drop_in_name(others: Mapping[str, str], concerns: Callable[[str], bool]) -> str:
    """The name of our drop-in: it sorts after every other one that sets the same options.

    Args:
        others: name -> text of the existing drop-ins.
        concerns: whether a text sets one of these options.

    Raises:
        CannotExpress: another drop-in is read even later.
    """
    later = sorted(
        name
        for name, text in others.items()
        if name > DROP_IN and name != LAST_DROP_IN and concerns(text)
    )  # fmt: skip
    if not later:
        return DROP_IN
    if later[-1] > LAST_DROP_IN:
        raise CannotExpress(
            f"The drop-in {later[-1]} is read after ours and would override it.",
            "Give it a name that sorts earlier, or change it by hand.",
        )
    return LAST_DROP_IN


def changed_keys(before: QuadletFiles, after: QuadletFiles) -> tuple[str, ...]:
    """Keys of [Container] whose values differ."""
    old, new = _values(before), _values(after)
    return tuple(key for key in dict.fromkeys((*old, *new)) if old.get(key, []) != new.get(key, []))


def quadlet_drop_in(before: QuadletFiles, edited: Edited, comments: Iterable[str]) -> str:
    """The drop-in that turns the settings before (without ours) into those after the edit.

    Raises:
        CannotExpress: a setting must be removed that a drop-in cannot remove.
    """
    old, new = _values(before), _values(edited.files)
    lines: list[str] = []
    for key in changed_keys(before, edited.files):
        lines += _key_lines(key, old.get(key, []), new.get(key, []))
    text = "\n".join([*comment_lines(list(comments)), f"[{CONTAINER}]", *lines]) + "\n"
    helpers = _new_helpers(before, edited.files)
    return text + (f"\n[Service]\nEnvironment={helpers}\n" if helpers else "")


def _values(files: QuadletFiles) -> dict[str, list[str]]:
    return {key: [line.value for _, line in lines] for key, lines in files.effective().items()}


def _key_lines(key: str, old: Sequence[str], new: Sequence[str]) -> list[str]:
    if scalar_key(key) and new:
        return [f"{key}={new[-1]}"]
    if not new:
        if key in _NOT_RESET:
            raise CannotExpress(
                f"A drop-in cannot remove {key}=: older generators pass an empty value on.",
                "Edit the file itself.",
            )
        return [f"{key}="]
    if list(new[: len(old)]) == list(old):
        return [f"{key}={value}" for value in new[len(old) :]]
    return [f"{key}=", *(f"{key}={value}" for value in new)]


def _new_helpers(before: QuadletFiles, after: QuadletFiles) -> str:
    """The line of [Service] that defines the variables for an empty word, if the edit added it."""
    names = [name for name in ("HT_EMPTY", "HT_SEMI") if name in after.variables()]
    if not names or all(name in before.variables() for name in names):
        return ""
    return " ".join(f'"{name}={after.variables()[name]}"' for name in names)


def sets_key(text: str, keys: Iterable[str]) -> bool:
    """Whether a drop-in of a Quadlet has lines with one of these keys."""
    return bool(UnitText(text).of(CONTAINER, *keys)) if keys else False
