"""Querying a registry with skopeo for the image under a name. Nothing is pulled."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardentui.host.commands import Ask
from hardentui.model.known import Known, Unread

NAME = "skopeo"
_SECONDS = 60.0
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(reference: str, ask: Ask, environment: Mapping[str, str] | None = None) -> Known[str]:
    """The registry's current digest for a full name: of the manifest list if there is one.

    Args:
        reference: including the registry and a tag or digest.
        environment: points to the logins and settings of the engine's user.
    """
    command = (NAME, "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{reference}")
    answer = ask(command, _SECONDS, environment or {})
    if isinstance(answer, Unread):
        return answer
    digest = answer.strip()
    return digest if _DIGEST.fullmatch(digest) else Unread("the registry's answer is not a digest")
