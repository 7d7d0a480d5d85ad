"""Options of an apply, and the refusal to lose data in a container's writable layer. Pure."""

from __future__ import annotations

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.readiness.expectation import PATIENCE
from hardentui.reading.layer_data import LayerData
from hardentui.visible import visible
from hardentui.workbench.changing.keeping_data import keeping_hint

SHOWN_FILES = 8


class ApplyWishes(Struct, frozen=True, kw_only=True):
    """Options of an apply.

    Attributes:
        probes: commands that must succeed on this host, before and after.
        patience: seconds within which the service must work again.
        confirm_within: seconds within which the change must be confirmed; 0 = no confirmation.
        keep_data: copy the data in the container's writable layer to volumes.
        discard_data: discard that data.
        tried: seconds that a twin needed to start and to stop, in the trial that the plan comes from.
        keep_with, discard_with: how the user chooses these two, for hints.
    """

    probes: tuple[str, ...] = ()
    patience: float = PATIENCE
    confirm_within: float = 0.0
    keep_data: bool = False
    discard_data: bool = False
    tried: tuple[float, float] | None = None
    keep_with: str = "--keep-data"
    discard_with: str = "--discard-data"


def refuse_loss(
    facts: ContainerFacts, layer: LayerData, wishes: ApplyWishes, *, can_keep: bool = False
) -> None:
    """Refuse to go on while data in the writable layer would be lost and the user did not say so.

    Args:
        can_keep: apply can copy it to volumes.

    Raises:
        CannotFix: data would be lost, or that is unknown.
    """
    discarding = f"{wishes.discard_with} continues without it"
    if isinstance(unread := known(lambda: facts.changes), Unread) and not wishes.discard_data:
        raise CannotFix(
            f"Unknown whether the container has data in its writable layer: {unread.reason}.",
            _sentence(discarding),
        )
    if not layer.data or wishes.discard_data:
        return
    name = visible(facts.name, 80)
    shown = ", ".join(visible(path, 80) for path in layer.data[:SHOWN_FILES])
    more = f" and {len(layer.data) - SHOWN_FILES} more" if len(layer.data) > SHOWN_FILES else ""
    if wishes.keep_data and can_keep:
        if layer.directories:
            return
        raise CannotFix(f"{name} has data where no volume can be mounted: {shown}{more}.")
    keeping = f"{wishes.keep_with} copies it to volumes; " if can_keep else ""
    hint = f"{_sentence(f'{keeping}{discarding}')} Complete list: podman diff {name}"
    if not can_keep and layer.directories:
        rootless = facts.engine.rootless is True
        hint = f"{keeping_hint(facts.name, layer.directories, rootless=rootless)}\n{hint}"
    raise CannotFix(f"{name} has data in its writable layer that would be lost: {shown}{more}.", hint)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
