"""Network options."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.rows import RA, B, key, many, shaped, switch, switch_off, text
from hardentui.options.values import Port

_AREA = "network"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

no_ports: tuple[Port, ...] = ()


def port_arguments(ports: tuple[Port, ...]) -> tuple[str, ...]:
    return tuple(port.argument() for port in ports)


NETWORK = many(
    "--network",
    _AREA,
    "Networks or the mode: host, none, pasta, container:…, NAME:options.",
    key("Network", "4.4", RA),
    readability=_LOSSY,
)
NETWORK_ALIAS = many(
    "--network-alias",
    _AREA,
    "A DNS name on its networks.",
    key("NetworkAlias", "5.2", RA),
    readability=_LOSSY,
)
PUBLISH = shaped(
    "--publish",
    _AREA,
    "Ports that are reachable through the host.",
    no_ports,
    port_arguments,
    key("PublishPort", "4.4", RA),
    readability=_LOSSY,
)
PUBLISH_ALL = switch("--publish-all", _AREA, "Publish every exposed port on a random host port.")
EXPOSE = many(
    "--expose", _AREA, "A port that is declared without being published.", key("ExposeHostPort", "4.4", RA)
)
IP = text("--ip", _AREA, "Static IPv4 address.", key("IP", "4.5"), readability=_COMMAND)
IP6 = text("--ip6", _AREA, "Static IPv6 address.", key("IP6", "4.5"), readability=_COMMAND)
MAC_ADDRESS = text("--mac-address", _AREA, "Static MAC address.", readability=_COMMAND)
ADD_HOST = many("--add-host", _AREA, "A line of /etc/hosts, `name:address`.", key("AddHost", "5.3", RA))
HOSTS_FILE = text("--hosts-file", _AREA, "Base of /etc/hosts: a path, image or none.")
NO_HOSTS = switch("--no-hosts", _AREA, "Leave /etc/hosts as the image has it.")
NO_HOSTNAME = switch("--no-hostname", _AREA, "Leave /etc/hostname as the image has it.")
DNS = many(
    "--dns", _AREA, "A DNS server; none = leave resolv.conf alone.", key("DNS", "4.7", RA), readability=_LOSSY
)
DNS_OPTION = many("--dns-option", _AREA, "An option of resolv.conf.", key("DNSOption", "4.7", RA))
DNS_SEARCH = many("--dns-search", _AREA, "A search domain.", key("DNSSearch", "4.7", RA))
HOSTNAME = text(
    "--hostname", _AREA, "Host name in the container.", key("HostName", "4.6"), readability=_LOSSY
)
HTTP_PROXY = switch_off(
    "--http-proxy",
    _AREA,
    "Pass the proxy variables of the host on.",
    key("HttpProxy", "5.7", B),
    readability=_COMMAND,
)
