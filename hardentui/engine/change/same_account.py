"""Each connection of podman-py reaches the account that the first one reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardentui.engine.peer import refuse_other_account
from hardentui.model.facts import SocketOwner

if TYPE_CHECKING:
    from podman.api.client import APIClient


def only_of(client: APIClient, path: str, owner: SocketOwner | None) -> None:
    """Refuse connections of a client behind which another account listens than expected.

    Args:
        path: of the socket.
    """
    from podman.api.uds import UDSConnection, UDSConnectionPool  # only if something is changed

    class SameAccount(UDSConnection):
        def connect(self) -> None:
            super().connect()
            if self.sock is not None:
                refuse_other_account(self.sock, path, owner)

    class SameAccounts(UDSConnectionPool):
        ConnectionCls = SameAccount

    for adapter in client.adapters.values():
        manager = getattr(adapter, "poolmanager", None)
        if manager is not None:
            schemes = manager.pool_classes_by_scheme
            manager.pool_classes_by_scheme = dict.fromkeys(schemes, SameAccounts)
