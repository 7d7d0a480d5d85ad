"""The labels of compose tools, which the units of systemd must not have."""

from __future__ import annotations

from hardentui.model.application_labels import APP_LABELS, COMPOSE, compose_project


def without_compose(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels without those of compose. Its project stays known as the application,
    `app=PROJECT`."""
    pairs = dict(label.partition("=")[::2] for label in labels)
    own = tuple(label for label in labels if not label.startswith(COMPOSE))
    project = compose_project(pairs)
    if not project or any(name in pairs for name in APP_LABELS if not name.startswith(COMPOSE)):
        return own
    return (*own, f"app={project}")
