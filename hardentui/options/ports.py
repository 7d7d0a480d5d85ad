"""Published ports and networks."""

from __future__ import annotations

from hardentui.model.spec import Codec, Port
from hardentui.options.codecs import before_colon, entries, split_csv

_MOST_PORTS = 1024


def is_address(text: str) -> bool:
    """Whether it is an IP address, with or without brackets."""
    from ipaddress import ip_address

    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def parse_publish(text: str) -> tuple[Port, ...]:
    """Ports of `[[address:][host]:]container[/protocol]`, with ranges expanded.

    Raises:
        ValueError: it cannot be parsed, or the range is too wide.
    """
    body, _, protocol = text.partition("/")
    address = ""
    if body.startswith("["):
        address, closed, body = body[1:].partition("]")
        if not closed or not body.startswith(":"):
            raise ValueError(text)
        body = body[1:]
        parts = body.split(":")
    else:
        parts = body.split(":")
        if len(parts) == 3:
            address, parts = parts[0], parts[1:]
    if address:
        from ipaddress import ip_address  # 2 ms, for the ports that are not open to all

        ip_address(address)
    if len(parts) > 2:
        raise ValueError(text)
    inside = _range(parts[-1])
    outside = (
        [str(port) for port in _range(parts[0])]
        if len(parts) == 2 and parts[0]
        else [""] * len(inside)
    )
    if len(inside) != len(outside):
        raise ValueError(text)
    return tuple(
        Port(port, host, address, protocol or "tcp")
        for port, host in zip(inside, outside, strict=True)
    )


def _range(text: str) -> range:
    low, dash, high = text.partition("-")
    first, last = int(low), int(high if dash else low)
    if not 0 < first <= last <= 65535 or last - first > _MOST_PORTS:
        raise ValueError(text)
    return range(first, last + 1)


def _each_port(argument: str) -> tuple[str, ...]:
    """Every port of a list of ranges as separate text; unchanged if it cannot be parsed."""
    texts: list[str] = []
    for text in split_csv(argument):
        try:
            texts += [port.argument() for port in parse_publish(text)]
        except ValueError:
            texts.append(text)
    return tuple(texts)


def _one_port(text: str) -> Port:
    (port,) = parse_publish(text)
    return port


def _port_identity(text: str) -> str:
    try:
        port = _one_port(text)
    except ValueError:
        return text
    return f"{port.host}:{port.container}/{port.protocol}"


def _each_network(argument: str) -> tuple[str, ...]:
    """Split networks: `n1,n2` are two; commas after a colon separate the options of one."""
    return (argument,) if ":" in argument else tuple(argument.split(","))


PORTS: Codec[tuple[Port, ...]] = entries(
    _one_port,
    text=Port.argument,
    split=_each_port,
    identity=_port_identity,
    canonical=Port.argument,
    several_alike=True,
    comma_list=True,
)


NETWORKS: Codec[tuple[str, ...]] = entries(
    str, split=_each_network, identity=before_colon, several_alike=True
)
