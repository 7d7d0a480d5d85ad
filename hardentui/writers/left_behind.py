"""Notes for the reader of a written file about what is missing from it."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.model.spec import Spec, UnsavedVolume


def not_carried(spec: Spec) -> tuple[str, ...]:
    """Data that no option carries over, one sentence each."""
    return (*spec.remarks, *map(_unsaved, spec.unsaved))


def left_behind(spec: Spec) -> tuple[str, ...]:
    """Options and data that could not be carried over or are unknown, one sentence each."""
    return (*not_carried(spec), *unreported(unknown_flags(spec)))


def unknown_flags(spec: Spec) -> frozenset[str]:
    """The options of which nobody knows whether they were given."""
    return frozenset(f"{option.flag} {option.own_name}".rstrip() for option in spec.unknowable)


def unreported(flags: Iterable[str]) -> tuple[str, ...]:
    """A sentence about these options; none without any."""
    listed = ", ".join(sorted(flags))
    return (f"Podman does not report whether these options were given: {listed}",) if listed else ()


def _unsaved(volume: UnsavedVolume) -> str:
    origin = "the image asks for it" if volume.of_image else "it has no name"
    return (
        f"the data of the anonymous volume at {volume.destination} is not carried over ({origin}): copy it"
        " into a named volume first (podman volume export, podman volume import)"
    )
