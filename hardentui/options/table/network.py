"""Network options."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import RA, B, key, many, shaped, switch, switch_off, text
from hardentui.options.values import Port

_AREA = "network"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

no_ports: tuple[Port, ...] = ()


def port_arguments(ports: tuple[Port, ...]) -> tuple[str, ...]:
    return tuple(port.argument() for port in ports)


NETWORK = many(
    flag="--network",
    area=_AREA,
    about="Networks or the mode: host, none, pasta, container:…, NAME:options.",
    quadlet=key("Network", "4.4", RA),
    readability=_LOSSY,
)
NETWORK_ALIAS = many(
    flag="--network-alias",
    area=_AREA,
    about="A DNS name on its networks.",
    quadlet=key("NetworkAlias", "5.2", RA),
    readability=_LOSSY,
)
PUBLISH = shaped(
    flag="--publish",
    area=_AREA,
    about="Ports that are reachable through the host.",
    default=no_ports,
    to_arguments=port_arguments,
    quadlet=key("PublishPort", "4.4", RA),
    readability=_LOSSY,
)
PUBLISH_ALL = switch(
    flag="--publish-all", area=_AREA, about="Publish every exposed port on a random host port."
)
EXPOSE = many(
    flag="--expose",
    area=_AREA,
    about="A port that is declared without being published.",
    quadlet=key("ExposeHostPort", "4.4", RA),
)
IP = text(
    flag="--ip", area=_AREA, about="Static IPv4 address.", quadlet=key("IP", "4.5"), readability=_COMMAND
)
IP6 = text(
    flag="--ip6", area=_AREA, about="Static IPv6 address.", quadlet=key("IP6", "4.5"), readability=_COMMAND
)
MAC_ADDRESS = text(flag="--mac-address", area=_AREA, about="Static MAC address.", readability=_COMMAND)
ADD_HOST = many(
    flag="--add-host",
    area=_AREA,
    about="A line of /etc/hosts, `name:address`.",
    quadlet=key("AddHost", "5.3", RA),
)
HOSTS_FILE = text(flag="--hosts-file", area=_AREA, about="Base of /etc/hosts: a path, image or none.")
NO_HOSTS = switch(flag="--no-hosts", area=_AREA, about="Leave /etc/hosts as the image has it.")
NO_HOSTNAME = switch(flag="--no-hostname", area=_AREA, about="Leave /etc/hostname as the image has it.")
DNS = many(
    flag="--dns",
    area=_AREA,
    about="A DNS server; none = leave resolv.conf alone.",
    quadlet=key("DNS", "4.7", RA),
    readability=_LOSSY,
)
DNS_OPTION = many(
    flag="--dns-option", area=_AREA, about="An option of resolv.conf.", quadlet=key("DNSOption", "4.7", RA)
)
DNS_SEARCH = many(
    flag="--dns-search", area=_AREA, about="A search domain.", quadlet=key("DNSSearch", "4.7", RA)
)
HOSTNAME = text(
    flag="--hostname",
    area=_AREA,
    about="Host name in the container.",
    quadlet=key("HostName", "4.6"),
    readability=_LOSSY,
)
HTTP_PROXY = switch_off(
    flag="--http-proxy",
    area=_AREA,
    about="Pass the proxy variables of the host on.",
    quadlet=key("HttpProxy", "5.7", B),
    readability=_COMMAND,
)
