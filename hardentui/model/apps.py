"""Which application a container belongs to, as far as labels tell."""

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
"""Labels that name an application, the strongest first. A unit name is none: one app may have many units."""


def app_of(labels: Mapping[str, str], pod: str = "") -> str:
    """Name of the application; the pod's when no label names one; empty when nothing tells."""
    return next((labels[name] for name in APP_LABELS if labels.get(name)), f"pod {pod}" if pod else "")
