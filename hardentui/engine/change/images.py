"""Images: create one from an archive of files, tag, remove."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hardentui.engine.change.command import run_podman
from hardentui.engine.change.containers import CREATE_LIMIT, QUICK_LIMIT, REMOVE_LIMIT
from hardentui.engine.change.session import ApiSession, path
from hardentui.visible import visible


class Images:
    """The images of one engine, by reference."""

    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def exists(self, reference: str) -> bool:
        return self._session.exists(path("images", reference, "exists"), "find an image", seconds=QUICK_LIMIT)

    def id_of(self, reference: str) -> str:
        """The ID of the image that a reference names now."""
        what = f"inspect the image {visible(reference, 120)}"
        answer = self._session.send("GET", path("images", reference, "json"), what, seconds=QUICK_LIMIT)
        return str(json.loads(answer).get("Id", ""))

    def import_archive(self, archive: str, reference: str, changes: Sequence[str]) -> None:
        """Create an image with one layer from a tar archive.

        Args:
            changes: instructions as in a Containerfile: `CMD ["httpd"]`, `LABEL a=b`.
        """
        words = [word for change in changes for word in ("--change", change)]
        what = f"import the image {visible(reference, 120)}"
        run_podman(self._session, ("import", "-q", *words, archive, reference), what, CREATE_LIMIT)

    def tag(self, source: str, target: str) -> None:
        """Add another reference to the same image."""
        repository, _, tag = target.rpartition(":")
        what = f"tag the image {visible(source, 120)}"
        self._session.send(
            "POST",
            path("images", source, "tag"),
            what,
            seconds=QUICK_LIMIT,
            query={"repo": repository, "tag": tag},
        )

    def labelled(self, label: str) -> tuple[str, ...]:
        """IDs of the images with a label."""
        query = {"filters": json.dumps({"label": [label]})}
        answer = self._session.send("GET", "images/json", "list images", seconds=QUICK_LIMIT, query=query)
        return tuple(str(image["Id"]) for image in json.loads(answer) or ())

    def remove(self, identity: str) -> None:
        """Remove an image with all its names; an image in use is kept, with an error."""
        what = f"remove the image {visible(identity, 20)}"
        self._session.send(
            "DELETE", path("images", identity), what, seconds=REMOVE_LIMIT, query={"force": "false"}
        )
