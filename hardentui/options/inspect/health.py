"""Readers of health checks. The image's own check is inherited; a changed one is written completely."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hardentui.model.spec import Reading
from hardentui.options.inspect import Reader, View

_NANO = 1_000_000_000


DEFAULT_INTERVAL = 30 * _NANO


_KEYWORDS = ("CMD", "CMD-SHELL", "NONE")


def duration(nanoseconds: int) -> str:
    """A duration in Podman's notation: `30s`, `1500ms`."""
    for unit, size in (("s", _NANO), ("ms", 1_000_000), ("us", 1000)):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return f"{nanoseconds}ns"


def health_command(view: View, test: Sequence[str]) -> str:
    """The argument of --health-cmd that produces this test."""
    kind, words = test[0], list(test[1:])
    if kind == "NONE":
        return "none"
    if kind == "CMD-SHELL" and len(words) == 1:
        text = words[0]
        first = text.split(" ", 1)[0].upper()
        return f"CMD-SHELL {text}" if text.startswith("[") or first in _KEYWORDS else text
    if kind == "CMD-SHELL":
        return json.dumps(list(test), ensure_ascii=False)
    if kind != "CMD":
        return " ".join(test)
    if len(words) > 1:
        return json.dumps(words, ensure_ascii=False)
    if words and len(words[0].split()) != 1:
        view.remarks.append(
            "--health-cmd: a program whose path contains blanks is run through the shell"
        )
        return words[0]
    return "CMD " + " ".join(words)


def _own_check(view: View) -> Mapping[str, Any] | None:
    """The container's health check, if it differs from the image's."""
    own: Mapping[str, Any] = view.config.get("Healthcheck") or {}
    if not own.get("Test"):
        return None
    inherited = view.image_config.get("Healthcheck") or (view.image or {}).get("HealthCheck") or {}
    same = all(
        (own.get(field) or 0) == (inherited.get(field) or 0)
        for field in ("Interval", "Timeout", "Retries", "StartPeriod")
    )
    return None if same and list(own["Test"]) == list(inherited.get("Test") or ()) else own


def _times_of_check(view: View) -> Mapping[str, Any]:
    """The container's own health check, if its times count; else empty."""
    check = _own_check(view) or {}
    return {} if not check or list(check["Test"])[:1] == ["NONE"] else check


def read_health_cmd(view: View) -> Reading:
    check = _own_check(view)
    if check is None:
        return None
    fields = (
        ("Timeout", "--health-timeout"),
        ("Retries", "--health-retries"),
    )
    zeros = [flag for field, flag in fields if _times_of_check(view) and not check.get(field)]
    if zeros and view.command is None:
        view.remarks.append(
            f"{', '.join(zeros)}: 0 cannot be expressed; Podman's default applies instead"
        )
    return view.shown(health_command(view, check["Test"]))


def read_health_interval(view: View) -> Reading:
    check = _times_of_check(view)
    interval = check.get("Interval") or 0
    if not check or (interval == DEFAULT_INTERVAL and not view.image_config.get("Healthcheck")):
        return None
    return view.shown(duration(interval) if interval else "disable")


def health_value(
    field: str,
    default: int,
    convert: Callable[[int], Any],
) -> Reader:
    def read(view: View) -> Reading:
        value = _times_of_check(view).get(field) or 0
        usual = value == default and not view.image_config.get("Healthcheck")
        return None if not value or usual else view.shown(convert(value))

    return read


def _startup(view: View) -> Mapping[str, Any]:
    check: Mapping[str, Any] = view.config.get("StartupHealthCheck") or {}
    return check if check.get("Test") else {}


def read_startup_cmd(view: View) -> Reading:
    check = _startup(view)
    return view.shown(health_command(view, check["Test"])) if check else None


def startup_duration(field: str) -> Reader:
    def read(view: View) -> Reading:
        check = _startup(view)
        if not check:
            return None
        value = check.get(field) or 0
        if value == DEFAULT_INTERVAL:
            return None
        if not value:
            return view.shown("disable") if field == "Interval" else None
        return view.shown(duration(value))

    return read


def startup_number(field: str) -> Reader:
    def read(view: View) -> Reading:
        value = _startup(view).get(field)
        return view.shown(int(value)) if value else None

    return read


def read_on_failure(view: View) -> Reading:
    action = str(view.config.get("HealthcheckOnFailureAction") or "none")
    return None if action == "none" else view.shown(action)


def read_log_destination(view: View) -> Reading:
    place = str(view.config.get("HealthLogDestination") or "local")
    return None if place == "local" else view.shown(place)
