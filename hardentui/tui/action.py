"""An action: its key, its words in the footer, the palette and the help."""

from __future__ import annotations

from msgspec import Struct
from textual.binding import Binding, BindingType


class Action(Struct, frozen=True):
    """An action of the user."""

    id: str  # `screen.name`, by which settings bind keys; the method is `action_name`
    key: str  # comma-separated keys of Textual; empty = only in the palette
    label: str  # one or two words, for the footer
    tooltip: str  # one sentence, for the palette and the help
    group: str  # heading in the help
    show: bool = False  # in the footer
    display: str = ""  # how the key is written in the footer; empty = as Textual does
    call: str = ""  # the action with its arguments, if not `name`
    opens: str = ""  # module and class of the screen that it opens, below tui/screens

    @property
    def target(self) -> str:
        return self.call or self.id.partition(".")[2]

    def binding(self) -> Binding:
        return Binding(
            self.key or f"no-key-{self.id}",  # no terminal sends it; settings replace it
            self.target,
            self.label,
            show=self.show,
            key_display=self.display or None,
            tooltip=self.tooltip,
            id=self.id,
        )


def bindings(actions: tuple[Action, ...]) -> list[BindingType]:
    return [action.binding() for action in actions]


def opening(
    destination: str,
    key: str,
    label: str,
    tooltip: str,
    opens: str,
) -> Action:
    """The action that opens a screen available from everywhere."""
    call = f"go('{destination}')"
    return Action(
        f"app.{destination}",
        key,
        label,
        tooltip,
        "Everywhere",
        call=call,
        opens=opens,
    )


def numbered(
    prefix: str,
    most: int,
    label: str,
    tooltip: str,
    group: str,
    call: str,
) -> tuple[Action, ...]:
    """The keys 1 to 9, and 0 for ten."""
    return tuple(
        Action(
            f"{prefix}_{number}",
            str(number % 10),
            f"{label} {number}",
            f"{tooltip} {number}.",
            group,
            call=f"{call}({number})",
        )
        for number in range(1, most + 1)
    )
