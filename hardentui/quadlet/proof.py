"""Whether the generator of a Podman version would produce exactly the intended command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hardentui.errors import GeneratorError
from hardentui.model.spec import Version
from hardentui.options.argv import compare_arguments
from hardentui.quadlet.port import generate, losses

_OWN_LOG_DRIVER = Version(4, 5)
_OWN_RUNTIME = Version(4, 4, 3)


def prove_by_port(
    files: Mapping[str, str], argv: Sequence[str], version: Version, rootless: bool
) -> tuple[str, ...]:
    """The differences between the command of this version's generator and the intended one.

    Args:
        files: units, file name -> text; the first `.container` is the one to check.
        argv: the intended words, with or without `podman`, without what Quadlet adds on its own.

    Returns:
        one sentence per difference and per loss; empty if it produces exactly the intended command.

    Raises:
        GeneratorError: that generator refuses a unit, or produces no service for a container.
    """
    made = generate(files, version=version, rootless=rootless)
    if not made:
        raise GeneratorError("There is no .container unit among the files.")
    words = _without_forced(next(iter(made.values())), version)
    different = compare_arguments(words, argv)
    return (*different, *losses(files, version=version))


def _without_forced(words: tuple[str, ...], version: Version) -> tuple[str, ...]:
    """Podman 4.4 sends the output to the journal through the service, and at first always ran crun."""
    flags = ["--log-driver"] if version < _OWN_LOG_DRIVER else []
    flags += ["--runtime"] if version < _OWN_RUNTIME else []
    for flag in flags:
        at = words.index(flag)  # the generator's own comes first
        words = (*words[:at], *words[at + 2 :])
    return words
