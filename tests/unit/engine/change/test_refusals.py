"""What Podman's refusals mean."""

from __future__ import annotations

import pytest

from hardentui.engine.change.api_session import refusal
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
