"""Whether the generator of a Podman version would run exactly what was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hardentui.errors import GeneratorError
from hardentui.model.version import Version
from hardentui.options.argv.compare import compare_arguments
from hardentui.quadlet.port import generate, losses

_OWN_LOG_DRIVER = Version(4, 5)
_OWN_RUNTIME = Version(4, 4, 3)


def prove_by_port(
    files: Mapping[str, str], argv: Sequence[str], version: Version, rootless: bool
) -> tuple[str, ...]:
    """How the command that this version's generator makes differs from the intended one.

    Args:
        files: units, file name -> text; the first `.container` is the one that is meant.
        argv: the intended words, with or without `podman`, without what Quadlet adds on its own.

    Returns:
        one sentence per difference and per loss; empty when it makes exactly what was meant.

    Raises:
        GeneratorError: that generator refuses a unit, or makes no service of a container.
    """
    made = generate(files, version=version, rootless=rootless)
    if not made:
        raise GeneratorError("There is no .container unit among the files.")
    words = _without_forced(next(iter(made.values())), version)
    different = compare_arguments(words, argv)
    return (*different, *losses(files, version=version, rootless=rootless))


def _without_forced(words: tuple[str, ...], version: Version) -> tuple[str, ...]:
    """Podman 4.4 sends the output to the journal by way of the service, and first always ran crun."""
    flags = ["--log-driver"] if version < _OWN_LOG_DRIVER else []
    flags += ["--runtime"] if version < _OWN_RUNTIME else []
    for flag in flags:
        at = words.index(flag)  # the generator's own comes first
        words = (*words[:at], *words[at + 2 :])
    return words
