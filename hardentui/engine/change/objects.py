"""Networks, pods and images of an engine: create, find and remove them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hardentui.engine import shapes
from hardentui.engine.change.api_session import ApiSession, path
from hardentui.engine.change.containers import (
    CREATE_LIMIT,
    QUICK_LIMIT,
    REMOVE_LIMIT,
    run_podman,
)
from hardentui.errors import NotFound
from hardentui.model.network import MadeNetwork
from hardentui.visible import visible


class Networks:
    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def create(
        self,
        name: str,
        *,
        internal: bool = False,
        isolated: bool = False,
        names: bool = True,
        labels: Mapping[str, str] | None = None,
    ) -> MadeNetwork:
        """Create a bridge network.

        Args:
            internal: without a route out.
            isolated: unreachable from other isolated networks.
            names: with a name server. An internal network without one has no address on the host.
        """
        document = {
            "name": name,
            "driver": "bridge",
            "internal": internal,
            "dns_enabled": names,
            "options": {"isolate": "true"} if isolated else {},
            "labels": dict(labels or {}),
        }
        what = f"create the network {visible(name, 80)}"
        answer = self._session.send(
            "POST", "networks/create", what, seconds=QUICK_LIMIT, body=json.dumps(document)
        )
        made = shapes.typed(
            json.loads(answer),
            shapes.Network,
            what,
        )
        subnets = [str(part.get("subnet") or "") for part in made.get("subnets") or ()]
        return MadeNetwork(
            name,
            str(made.get("network_interface") or ""),
            next(iter(subnets), ""),
            internal and not names,
        )

    def create_by_command(self, words: Sequence[str]) -> None:
        """Create a network from the words after `podman` (`network create …`)."""
        run_podman(
            self._session,
            words,
            "create the network",
            QUICK_LIMIT,
        )

    def exists(self, name: str) -> bool:
        return object_exists(self._session, "networks", name)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Name -> labels of the networks with a label (`KEY` or `KEY=VALUE`)."""
        listed = self._session.labelled(
            "networks/json",
            label,
            "name",
            seconds=QUICK_LIMIT,
        )
        return {network["name"]: network.get("labels") or {} for network in listed}

    def remove(self, name: str) -> None:
        """Remove a network that no container uses."""
        remove_object(self._session, "networks", name)


class Pods:
    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def create_by_command(self, words: Sequence[str]) -> str:
        """Create a pod from the words after `podman` (`pod create …`); returns its id."""
        return run_podman(
            self._session,
            words,
            "create the pod",
            QUICK_LIMIT,
        )

    def exists(self, name: str) -> bool:
        return object_exists(self._session, "pods", name)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Id -> labels of the pods with a label."""
        listed = self._session.labelled(
            "pods/json",
            label,
            "Id",
            seconds=QUICK_LIMIT,
        )
        return {pod["Id"]: pod.get("Labels") or {} for pod in listed}

    def remove(
        self,
        name: str,
        *,
        force: bool = False,
    ) -> None:
        remove_object(
            self._session,
            "pods",
            name,
            {"force": str(force).lower(), "timeout": "0"},
        )


def object_exists(
    session: ApiSession,
    kind: str,
    name: str,
) -> bool:
    try:
        session.named(
            kind,
            name,
            f"find {visible(name, 80)}",
            seconds=QUICK_LIMIT,
        )
    except NotFound:
        return False
    return True


def remove_object(
    session: ApiSession,
    kind: str,
    name: str,
    query: Mapping[str, str] | None = None,
) -> None:
    what = f"remove the {kind.removesuffix('s')} {visible(name, 80)}"
    session.named(
        kind,
        name,
        what,
        seconds=QUICK_LIMIT,
    )
    session.send(
        "DELETE",
        path(kind, name),
        what,
        seconds=REMOVE_LIMIT,
        query=query,
    )


class Images:
    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def exists(self, reference: str) -> bool:
        return self._session.exists(
            path("images", reference, "exists"), "find an image", seconds=QUICK_LIMIT
        )

    def id_of(self, reference: str) -> str:
        """The ID of the image that a reference names now."""
        what = f"inspect the image {visible(reference, 120)}"
        answer = self._session.document(
            path("images", reference, "json"), what, seconds=QUICK_LIMIT
        )
        return str(shapes.image(answer)["Id"])

    def import_archive(
        self,
        archive: str,
        reference: str,
        changes: Sequence[str],
    ) -> None:
        """Create an image with one layer from a tar archive.

        Args:
            changes: instructions as in a Containerfile: `CMD ["httpd"]`, `LABEL a=b`.
        """
        words = [word for change in changes for word in ("--change", change)]
        what = f"import the image {visible(reference, 120)}"
        run_podman(
            self._session,
            ("import", "-q", *words, archive, reference),
            what,
            CREATE_LIMIT,
        )

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

    def remove(self, reference: str) -> None:
        """Remove a name of an image, and with its last one the image; one in use is kept, with an
        error."""
        what = f"remove the image {visible(reference, 80)}"
        self._session.send(
            "DELETE",
            path("images", reference),
            what,
            seconds=REMOVE_LIMIT,
            query={"force": "false"},
        )
