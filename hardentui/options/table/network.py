"""Network options."""

from __future__ import annotations

from hardentui.model.spec import KeyKind, Option, Readability, TwinUse
from hardentui.options.codecs.network import NETWORKS, PORTS
from hardentui.options.codecs.plain import COMMA_TEXTS, SWITCH, SWITCH_OFF, TEXT
from hardentui.options.inspect.common import host_list, host_switch
from hardentui.options.inspect.network import (
    inspect_switch,
    read_dns,
    read_expose,
    read_hostname,
    read_hosts_file,
    read_http_proxy,
    read_network,
    read_network_alias,
    read_publish,
    static_address,
)
from hardentui.options.table.key_values import exposed_port, published_port
from hardentui.options.table.parts import JUDGED, NO_ORDER_NAMES, key, on_exposes

NETWORK = Option(
    flag="--network",
    area="network",
    about="Networks or a mode: host, none, pasta, container:…, NAME:options.",
    default=(),
    codec=NETWORKS,
    aliases=("--net",),
    quadlet=key("Network", "4.4", KeyKind.RAW_ALL),
    read=read_network,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
NETWORK_ALIAS = Option(
    flag="--network-alias",
    area="network",
    about="A DNS name on its networks.",
    default=(),
    codec=COMMA_TEXTS,
    aliases=("--net-alias",),
    quadlet=key("NetworkAlias", "5.2", KeyKind.RAW_ALL),
    read=read_network_alias,
    readability=Readability.LOSSY,
    protection=NO_ORDER_NAMES,
    twin=TwinUse.REPLACED,
)
PUBLISH = Option(
    flag="--publish",
    area="network",
    about="Published ports.",
    default=(),
    codec=PORTS,
    short="p",
    quadlet=key("PublishPort", "4.4", KeyKind.RAW_ALL, holds=published_port),
    read=read_publish,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
PUBLISH_ALL = Option(
    flag="--publish-all",
    area="network",
    about="Publish every exposed port on a random host port.",
    default=False,
    codec=SWITCH,
    short="P",
    read=host_switch("PublishAllPorts"),
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
EXPOSE = Option(
    flag="--expose",
    area="network",
    about="A port that is declared but not published.",
    default=(),
    codec=COMMA_TEXTS,
    quadlet=key("ExposeHostPort", "4.4", KeyKind.RAW_ALL, holds=exposed_port),
    read=read_expose,
    protection=NO_ORDER_NAMES,
    twin=TwinUse.AS_IS,
)
IP = Option(
    flag="--ip",
    area="network",
    about="Static IPv4 address.",
    default="",
    codec=TEXT,
    quadlet=key("IP", "4.5"),
    read=static_address("--ip"),
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_NAMES,
    twin=TwinUse.REPLACED,
)
IP6 = Option(
    flag="--ip6",
    area="network",
    about="Static IPv6 address.",
    default="",
    codec=TEXT,
    quadlet=key("IP6", "4.5"),
    read=static_address("--ip6"),
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_NAMES,
    twin=TwinUse.REPLACED,
)
MAC_ADDRESS = Option(
    flag="--mac-address",
    area="network",
    about="Static MAC address.",
    default="",
    codec=TEXT,
    read=static_address("--mac-address"),
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_NAMES,
    twin=TwinUse.REPLACED,
)
ADD_HOST = Option(
    flag="--add-host",
    area="network",
    about="A line of /etc/hosts, `name:address`.",
    default=(),
    codec=COMMA_TEXTS,
    quadlet=key("AddHost", "5.3", KeyKind.RAW_ALL),
    read=host_list("ExtraHosts"),
    protection=NO_ORDER_NAMES,
    twin=TwinUse.REPLACED,
)
HOSTS_FILE = Option(
    flag="--hosts-file",
    area="network",
    about="Base of /etc/hosts: a path, image or none.",
    default="",
    codec=TEXT,
    read=read_hosts_file,
    protection=NO_ORDER_NAMES,
    twin=TwinUse.REPLACED,
)
NO_HOSTS = Option(
    flag="--no-hosts",
    area="network",
    about="Keep the image's /etc/hosts.",
    default=False,
    codec=SWITCH,
    read=inspect_switch("UseImageHosts"),
    protection=NO_ORDER_NAMES,
    twin=TwinUse.REPLACED,
)
NO_HOSTNAME = Option(
    flag="--no-hostname",
    area="network",
    about="Keep the image's /etc/hostname.",
    default=False,
    codec=SWITCH,
    read=inspect_switch("UseImageHostname"),
    protection=NO_ORDER_NAMES,
    twin=TwinUse.AS_IS,
)
DNS = Option(
    flag="--dns",
    area="network",
    about="A DNS server; none keeps the image's resolv.conf.",
    default=(),
    codec=COMMA_TEXTS,
    quadlet=key("DNS", "4.7", KeyKind.RAW_ALL),
    read=read_dns,
    readability=Readability.LOSSY,
    protection=NO_ORDER_NAMES,
    twin=TwinUse.REPLACED,
)
DNS_OPTION = Option(
    flag="--dns-option",
    area="network",
    about="An option of resolv.conf.",
    default=(),
    codec=COMMA_TEXTS,
    aliases=("--dns-opt",),
    quadlet=key("DNSOption", "4.7", KeyKind.RAW_ALL),
    read=host_list("DnsOptions"),
    protection=NO_ORDER_NAMES,
    twin=TwinUse.AS_IS,
)
DNS_SEARCH = Option(
    flag="--dns-search",
    area="network",
    about="A search domain.",
    default=(),
    codec=COMMA_TEXTS,
    quadlet=key("DNSSearch", "4.7", KeyKind.RAW_ALL),
    read=host_list("DnsSearch"),
    protection=NO_ORDER_NAMES,
    twin=TwinUse.AS_IS,
)
HOSTNAME = Option(
    flag="--hostname",
    area="network",
    about="Host name in the container.",
    default="",
    codec=TEXT,
    short="h",
    quadlet=key("HostName", "4.6"),
    read=read_hostname,
    readability=Readability.LOSSY,
    protection=NO_ORDER_NAMES,
    twin=TwinUse.AS_IS,
)
HTTP_PROXY = Option(
    flag="--http-proxy",
    area="network",
    about="Pass on the host's proxy variables.",
    default=True,
    codec=SWITCH_OFF,
    quadlet=key("HttpProxy", "5.7", KeyKind.BOOLEAN),
    read=read_http_proxy,
    readability=Readability.CREATE_COMMAND,
    protection=on_exposes("passes in the proxy variables of the host"),
    twin=TwinUse.AS_IS,
)
