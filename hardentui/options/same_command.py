"""Compare two podman command lines: do they request the same container?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hardentui.model.open_value import is_open
from hardentui.options import TABLE
from hardentui.options.argv import SWITCHES, parse_create_command
from hardentui.options.mount_texts import parse_mount
from hardentui.options.run_command import RunCommand

_QUADLET_FLAGS = frozenset({"--cidfile", "--replace", "--rm", "--detach"})
"""Flags that Quadlet adds to every container, and the expected command line lacks."""


_QUADLET_VALUES = {
    "--cgroups": "split",
    "--sdnotify": "conmon",
    "--log-driver": "passthrough",
    "--runtime": "/usr/bin/crun",
}
"""What generators add themselves; the last two only old ones."""


_UNORDERED = frozenset(
    (
        "--env --label --annotation --security-opt --cap-add --cap-drop --mount --sysctl --tmpfs "
        "--volume"
    ).split()
)
"""Flags whose arguments Podman stores by name or destination, which must be unique."""


_OLD_LABELS = ("label:disable", "label:nested")
"""Spellings of generators before 5.3."""


_CASELESS = frozenset({"--cap-add", "--cap-drop"})


_DEFAULT_SWITCHES = {
    option.flag: str(option.default).lower()
    for option in TABLE
    if option.codec.is_switch and option.quadlet is not None
}
"""Switches that Quadlet may write although they are the default."""


def compare_arguments(
    generated: Sequence[str],
    intended: Sequence[str],
) -> tuple[str, ...]:
    """The differences between a generated command line and the expected one.

    The order of flags does not matter; that of one flag's arguments does, unless Podman ignores it.
    Quadlet's additions to every container are ignored. Image and command have to be equal word by
    word.

    Returns:
        one sentence per difference; empty if both request the same container.
    """
    ours, theirs = _parsed(intended), _parsed(generated)
    if theirs is None:
        return ("the generated command line is not a podman run",)
    if ours is None:
        return ("the intended command line is not a podman run",)
    differences = []
    for kind, wanted, made in (
        (
            "global flag",
            _normal(ours.globals),
            _normal(theirs.globals),
        ),
        ("flag", _normal(ours.flags), _normal(theirs.flags)),
    ):
        for flag in sorted(wanted.keys() | made.keys()):
            if wanted.get(flag) != made.get(flag):
                differences.append(
                    _difference(
                        f"{kind} {flag}",
                        wanted.get(flag),
                        made.get(flag),
                    )
                )
    if ours.image != theirs.image:
        differences.append(_difference("image", (ours.image,), (theirs.image,)))
    if ours.rest != theirs.rest:
        differences.append(_difference("command", ours.rest, theirs.rest))
    return tuple(differences)


def _parsed(argv: Sequence[str]) -> RunCommand | None:
    named = argv[:1] and argv[0].rpartition("/")[2] == "podman"
    return parse_create_command(list(argv) if named else ["podman", *argv])


def _difference(
    what: str,
    wanted: Sequence[str] | None,
    made: Sequence[str] | None,
) -> str:
    return f"{what}: expected {_shown(wanted)}, generated {_shown(made)}"


def _shown(values: Sequence[str] | None) -> str:
    return "nothing" if values is None else " ".join(repr(value) for value in values) or "no words"


def _normal(flags: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    normal: dict[str, tuple[str, ...]] = {}
    for flag, values in flags.items():
        if flag in _QUADLET_FLAGS:
            continue
        if flag == "--pod-id-file":
            flag, values = "--pod", [_pod_of(values[-1])]
        if flag in SWITCHES and not is_open(values[-1]):
            values = ["true" if values[-1] in ("true", "1") else "false"]
            if _DEFAULT_SWITCHES.get(flag) == values[-1]:
                continue
        kept = [value for value in values if _QUADLET_VALUES.get(flag) != value]
        if kept:
            normal[flag] = tuple(_normal_values(flag, kept))
    return normal


def _normal_values(flag: str, values: Iterable[str]) -> list[str]:
    normal = list(values)
    if flag in _CASELESS:
        normal = [value.lower() for value in normal]
    if flag == "--mount":
        normal = [repr(parse_mount(value)) for value in normal]
    if flag == "--security-opt":
        normal = [
            value.replace("label:", "label=", 1) if value in _OLD_LABELS else value
            for value in normal
        ]
        normal = [path for value in normal for path in _each_path(value)]
        normal = [
            value.replace(":true", "") if value.startswith("no-new-privileges") else value
            for value in normal
        ]
    return sorted(normal) if flag in _UNORDERED else normal


def _pod_of(id_file: str) -> str:
    """The pod in `%t/NAME-pod.pod-id`, Quadlet's notation up to 5.5."""
    return id_file.rpartition("/")[2].removesuffix(".pod-id").removesuffix("-pod")


def _each_path(value: str) -> list[str]:
    """`mask=/a:/b` is the same as `mask=/a` and `mask=/b`."""
    name, _, paths = value.partition("=")
    return (
        [f"{name}={path}" for path in paths.split(":")] if name in ("mask", "unmask") else [value]
    )
