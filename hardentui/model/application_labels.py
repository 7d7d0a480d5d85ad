"""The application of a container, according to its labels."""

from __future__ import annotations

from collections.abc import Mapping

COMPOSE = ("io.podman.compose.", "com.docker.compose.")
"""What the labels of compose tools begin with."""


_COMPOSE_PROJECTS = tuple(f"{prefix}project" for prefix in COMPOSE)


APP_LABELS = (
    *_COMPOSE_PROJECTS,
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app",
)
"""Labels that name an application, in order of precedence. Unit names do not count: one app can
have many."""


def app_of(labels: Mapping[str, str], pod: str = "") -> str:
    """Name of the application, otherwise of the pod; empty if unknown."""
    return next(
        (labels[name] for name in APP_LABELS if labels.get(name)), f"pod {pod}" if pod else ""
    )


def compose_project(labels: Mapping[str, str]) -> str:
    """The compose project that a container was started by; empty if none is named."""
    return next(
        (labels[name] for name in _COMPOSE_PROJECTS if labels.get(name)),
        "",
    )


def compose_service(labels: Mapping[str, str]) -> str:
    """The service of a compose project that a container is; empty if none is named."""
    return next(
        (name for prefix in COMPOSE if (name := labels.get(f"{prefix}service"))),
        "",
    )


def compose_files(labels: Mapping[str, str]) -> tuple[str, str]:
    """The working directory of its compose project and the names of its files, as far as its labels
    say."""
    prefix = "com.docker.compose.project."  # podman-compose sets them too
    return labels.get(f"{prefix}working_dir", ""), labels.get(f"{prefix}config_files", "")
