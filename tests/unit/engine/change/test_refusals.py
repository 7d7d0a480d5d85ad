"""What Podman's refusals mean."""

from __future__ import annotations

import pytest

from hardentui.engine.change.api_session import refusal
from hardentui.engine.change.containers import _refused
from hardentui.errors import ChangeFailed, NotFound

GONE = "no container with ID ff95e579 found in database: no such container"


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "anything", NotFound),
        (500, GONE, NotFound),  # Podman says so of a container that is being removed
        (500, "no such file or directory", ChangeFailed),
        (409, GONE, ChangeFailed),
    ],
)
def test_what_is_gone_is_told_from_what_failed(
    status: int,
    message: str,
    kind: type[Exception],
) -> None:
    assert type(refusal("inspect the container", status, message)) is kind


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ("time=… level=warning\nError: no such network\n", "no such network"),
        (
            "fatal error: newosproc\n\ngoroutine 1 [running]:\ngs     0x0\n",
            "fatal error: newosproc",
        ),
        ("killed\n", "killed"),
    ],
)
def test_why_podman_failed_is_told_also_when_it_crashed(errors: str, told: str) -> None:
    assert _refused("do it", errors).title == f"Cannot do it: {told}."
