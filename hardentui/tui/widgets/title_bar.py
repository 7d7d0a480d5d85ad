"""The top of every screen: where we are, and the banner of the simulated host."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from hardentui.tui.bench import Found
from hardentui.tui.status import Signs
from hardentui.tui.text import both_ends, plain
from hardentui.visible import visible


def where(found: Found | None, signs: Signs) -> str:
    """`web01 · Podman 5.4.2 rootful + rootless(anna)`."""
    if found is None:
        return signs.of("looking for Podman…")
    versions: dict[str, list[str]] = {}
    for engine in found.engines:
        versions.setdefault(str(engine.version), []).append(visible(engine.label, 30))
    engines = ", ".join(f"Podman {version} {' + '.join(labels)}" for version, labels in versions.items())
    if found.private_service:
        engines += " (own service)"
    return f"{visible(found.host_name, 40)} {signs.dot} {engines or 'no engine'}"


class TitleBar(Static):
    DEFAULT_CSS = """
    TitleBar {
        dock: top; height: 1; width: 100%; padding: 0 1;
        background: $panel; color: $foreground; text-wrap: nowrap; text-overflow: ellipsis;
    }
    """

    def show(self, found: Found | None, signs: Signs) -> None:
        left = Content.assemble(("HardenTUI", "bold $primary"), "  ", where(found, signs))
        right = Content.assemble(("only looks", "$muted"))
        self.update(both_ends(left, right, self.app.size.width - 2), layout=False)


class Banner(Static):
    """Says on every screen that the host is made up."""

    DEFAULT_CSS = """
    Banner {
        dock: top; height: 1; width: 100%; padding: 0 1; margin-top: 1; display: none;
        background: $status-medium; color: $background; text-style: bold; text-wrap: nowrap;
    }
    Banner.-shown { display: block; }
    Banner:nocolor { text-style: bold reverse; }
    """

    def show(self, found: Found | None) -> None:
        simulated = found is not None and found.simulated
        self.set_class(simulated, "-shown")
        if found is None or not simulated:
            return
        if found.attempts:
            self.update(plain("SIMULATED HOST - no Podman found; press c to see what was tried"))
        else:
            self.update(plain("SIMULATED HOST - nothing here is real"))
