"""Health checks as probes."""

from __future__ import annotations

import json
import re
from typing import Any

from hardentui.model.spec import Option
from hardentui.options import (
    HEALTH_CMD,
    HEALTH_INTERVAL,
    HEALTH_ON_FAILURE,
    HEALTH_RETRIES,
    HEALTH_START_PERIOD,
    HEALTH_STARTUP_CMD,
    HEALTH_STARTUP_INTERVAL,
    HEALTH_STARTUP_RETRIES,
    HEALTH_STARTUP_SUCCESS,
    HEALTH_STARTUP_TIMEOUT,
    HEALTH_TIMEOUT,
)
from hardentui.options.codecs.plain import DURATION
from hardentui.writers.kube.part import PodPart

WRITTEN: frozenset[Option[Any]] = frozenset(
    {
        HEALTH_CMD,
        HEALTH_INTERVAL,
        HEALTH_TIMEOUT,
        HEALTH_RETRIES,
        HEALTH_START_PERIOD,
        HEALTH_ON_FAILURE,
        HEALTH_STARTUP_CMD,
        HEALTH_STARTUP_INTERVAL,
        HEALTH_STARTUP_TIMEOUT,
        HEALTH_STARTUP_RETRIES,
        HEALTH_STARTUP_SUCCESS,
    }
)
_USUAL_SECONDS = 30
_USUAL_RETRIES = 3
_SECONDS = re.compile(r"(\d+(?:\.\d+)?(?:e-?\d+)?)s")


def write_health(part: PodPart) -> None:
    """The probe with the same effect as in Podman: none, or stopping the container."""
    spec = part.spec
    command = probe_command(spec[HEALTH_CMD])
    if not command:
        for option in sorted(WRITTEN, key=lambda option: option.flag):
            if option in spec and spec[option] != "none":
                part.lose(option, spec[option], "there is no health command")
        return
    if spec[HEALTH_INTERVAL] == "disable":
        part.lose(HEALTH_CMD, spec[HEALTH_CMD], "it has no timer (--health-interval=disable)")
    else:
        probe: dict[str, Any] = {"exec": {"command": command}}
        probe |= _times(part, HEALTH_INTERVAL, HEALTH_TIMEOUT, HEALTH_RETRIES)
        if spec[HEALTH_START_PERIOD]:
            probe["initialDelaySeconds"] = _seconds(part, HEALTH_START_PERIOD)
        ends = spec[HEALTH_ON_FAILURE] in ("kill", "restart", "stop")
        part.container["livenessProbe" if ends else "readinessProbe"] = probe
        if not ends:
            part.notes.append(
                "the health check only reports: it is written as a readinessProbe, which Podman ignores"
            )
    startup = probe_command(spec[HEALTH_STARTUP_CMD])
    if any("$(" in word or "$$" in word for word in (*command, *startup)):
        part.notes.append("the health command contains $( or $$, which a cluster expands and Podman does not")
    if startup:
        part.container["startupProbe"] = {
            "exec": {"command": startup},
            **_times(part, HEALTH_STARTUP_INTERVAL, HEALTH_STARTUP_TIMEOUT, HEALTH_STARTUP_RETRIES),
        }
        if spec[HEALTH_STARTUP_SUCCESS] > 1:
            part.lose(
                HEALTH_STARTUP_SUCCESS, spec[HEALTH_STARTUP_SUCCESS], "a startupProbe needs one success only"
            )


def probe_command(text: str) -> list[str]:
    """The words of `--health-cmd`: a shell command, `CMD …`, or a JSON array; none if it is disabled."""
    if text in ("", "none"):
        return []
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            kind = words[0] if words else ""
            if kind == "CMD-SHELL":
                return ["/bin/sh", "-c", " ".join(words[1:])]
            return words[1:] if kind == "CMD" else words
    if text.startswith("CMD-SHELL "):
        return ["/bin/sh", "-c", text.removeprefix("CMD-SHELL ")]
    if text.startswith("CMD "):
        return text.removeprefix("CMD ").split()
    return ["/bin/sh", "-c", text]


def _times(
    part: PodPart, interval: Option[str], timeout: Option[str], retries: Option[int]
) -> dict[str, int]:
    count = part.spec[retries]
    return {
        "periodSeconds": _seconds(part, interval),
        "timeoutSeconds": _seconds(part, timeout),
        "failureThreshold": count if count > 0 else _USUAL_RETRIES,
    }


def _seconds(part: PodPart, option: Option[str]) -> int:
    """Whole seconds, at least one; Podman's default of 30 if unset."""
    text = part.spec[option]
    match = _SECONDS.fullmatch(DURATION.canonical(text))
    if match:
        return max(1, -int(-float(match[1]) // 1))
    if text:
        part.lose(option, text, "it is not a duration")
    return _USUAL_SECONDS
