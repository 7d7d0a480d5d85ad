"""Structured values of options."""

from __future__ import annotations

from msgspec import Struct


class Mount(Struct, frozen=True):
    """A bind, volume, image or other mount; tmpfs has its own option."""

    type: str  # bind, volume, image, devpts, ramfs, glob, artifact
    source: str  # host path, volume name or image; empty for an anonymous volume
    destination: str  # path in the container
    # in the spelling of `--volume` (`ro`, `z`, `Z`, `U`, `nosuid`, `rshared`, `idmap=…`), sorted; Podman's
    # own defaults (rw, rbind, rprivate, nosuid, nodev of a volume…) are left out
    options: tuple[str, ...] = ()
    subpath: str = ""  # directory inside a volume or image; only `--mount` can express it

    @property
    def read_only(self) -> bool:
        return "ro" in self.options or "readonly" in self.options

    def with_options(self, *add: str, drop: tuple[str, ...] = ()) -> Mount:
        kept = (set(self.options) - set(drop)) | set(add)
        return Mount(self.type, self.source, self.destination, tuple(sorted(kept)), self.subpath)


class Port(Struct, frozen=True):
    container: int  # port number in the container
    host: str = ""  # host port as text; empty = a random one
    address: str = ""  # host address; empty = all addresses
    protocol: str = "tcp"  # tcp, udp or sctp

    @property
    def on_all_addresses(self) -> bool:
        return self.address in ("", "0.0.0.0", "::", "*", "[::]")  # noqa: S104 - compared, not bound

    def argument(self) -> str:
        """The argument for `--publish`: `127.0.0.1:8080:80/udp`."""
        address = (
            f"[{self.address}]" if ":" in self.address and not self.address.startswith("[") else self.address
        )
        text = (
            f"{address}:{self.host}:{self.container}"
            if address
            else (f"{self.host}:{self.container}" if self.host else str(self.container))
        )
        return text if self.protocol == "tcp" else f"{text}/{self.protocol}"
