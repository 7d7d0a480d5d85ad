"""The application of a container, according to its labels."""

from __future__ import annotations

from collections.abc import Mapping

APP_LABELS = (
    "io.podman.compose.project",
    "com.docker.compose.project",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app",
)
"""Labels that name an application, in order of precedence. Unit names do not count: one app can have many."""


def app_of(labels: Mapping[str, str], pod: str = "") -> str:
    """Name of the application, otherwise of the pod; empty if unknown."""
    return next((labels[name] for name in APP_LABELS if labels.get(name)), f"pod {pod}" if pod else "")
