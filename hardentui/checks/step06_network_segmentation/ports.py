"""Published ports."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.application import PortUse
from hardentui.options.argv import parse_create_command
from hardentui.reading.authentication import asks_for_password
from hardentui.reading.exposure import is_filtered
from hardentui.reading.low_ports import about_one_address, bound_to_one_address
from hardentui.reading.networks import (
    declared_ports,
    every_exposed_port,
    exposed,
    leave_pods_alone,
    need_own_network,
    published,
    publishes_more,
    reach,
    shown,
    spelled_out,
)

_SERVICES = {
    "FTP": "21",
    "ssh": "22",
    "telnet": "23",
    "rpcbind": "111",
    "SNMP": "161",
    "LDAP": "389",
    "rexec and rlogin": "512 513",
    "IPMI": "623",
    "rsync": "873",
    "Java RMI and JMX": "1099",
    "IBM MQ": "1414",
    "Microsoft SQL Server": "1433 1434",
    "Oracle": "1521",
    "NFS": "2049",
    "ZooKeeper": "2181 2888 3888",
    "engine API": "2375 2376 4243",
    "Swarm": "2377",
    "etcd": "2379 2380",
    "OrientDB": "2424 2480",
    "iSCSI": "3260",
    "MySQL and MariaDB": "3306 33060",
    "RDP": "3389",
    "NATS": "4222 8222",
    "Erlang's port mapper": "4369",
    "Nomad": "4646",
    "GlassFish": "4848",
    "PostgreSQL": "5432 5433",
    "Kibana": "5601",
    "RabbitMQ": "5671 5672 15672 25672",
    "VNC": "5800 5900 5901 5902",
    "CouchDB": "5984",
    "WinRM": "5985 5986",
    "X11": "6000",
    "ProxySQL": "6032",
    "Qdrant": "6333 6334",
    "Redis and Valkey": "6379",
    "PgBouncer": "6432",
    "Kubernetes": "6443 10250 10255 10257 10259",
    "Spark": "7077",
    "Cassandra's JMX": "7199",
    "Temporal": "7233",
    "Neo4j": "7473 7474 7687",
    "ttyd (a shell in the browser)": "7681",
    "Couchbase": "11210",
    "ActiveMQ": "8161 61613 61616",
    "Ray": "8265",
    "Consul": "8500",
    "ArangoDB": "8529",
    "Jolokia": "8778",
    "Solr": "8983",
    "Cassandra": "9042 9160",
    "Kafka": "9092",
    "APISIX's admin API": "9180",
    "Elasticsearch and OpenSearch": "9200 9300",
    "Node.js inspector": "9229",
    "Envoy's admin interface": "9901",
    "memcached": "11211",
    "Ollama": "11434",
    "Milvus": "19530",
    "Netdata": "19999",
    "CockroachDB": "26257",
    "Redis Sentinel": "26379",
    "MongoDB": "27017 27018 27019",
    "RethinkDB": "28015",
}
"""Services that administer something or hold data -> their ports."""
_PORTS = tuple(port for ports in _SERVICES.values() for port in ports.split())
_INSIDE = (
    "1880",  # Node-RED, which runs JavaScript for whoever opens its editor
    "1883",  # MQTT
    "2019",  # Caddy's admin API
    "2345",  # Delve, the Go debugger
    "3050",  # Firebird
    "3100",  # Loki
    "4444",  # Selenium Grid
    "5005",  # Java debugger
    "5555",  # adb, Flower
    "5701",  # Hazelcast
    "6060",  # Go's profiler
    "6066",  # Spark's submission server
    "6080",  # noVNC
    "6800",  # aria2's remote control
    *("7001", "7002"),  # WebLogic; Cassandra between nodes has 7001, too
    "7700",  # Meilisearch
    *("8001", "8444"),  # Kong's admin API
    "8009",  # AJP
    "8086",  # InfluxDB
    "8088",  # YARN's resource manager, which runs programs for anyone
    "8091",  # Couchbase
    "8188",  # ComfyUI
    "8200",  # Vault, OpenBao
    "8384",  # Syncthing
    "8428",  # VictoriaMetrics
    "8888",  # Jupyter
    "9090",  # Prometheus, Cockpit
    "9443",  # Portainer
    "9001",  # supervisord, MinIO's console
    "9870",  # HDFS
    "9990",  # WildFly
    "10000",  # Webmin
    "11222",  # Infinispan
    "15000",  # Istio's admin interface
    "50000",  # Db2, Jenkins agents
    "50070",  # HDFS
)
"""On the host, people give these numbers to anything, such as a second web server."""


def _exposed(
    port: Port,
    facts: ContainerFacts,
    parameters: Parameters,
) -> bool:
    if reach(port) == "loopback":
        return False
    inside = _is_listed(port, parameters) or str(port.container) in parameters.texts("inside")
    return inside or _is_for_administrators(port, facts)


def _is_listed(port: Port, parameters: Parameters) -> bool:
    listed = parameters.texts("ports")
    return str(port.container) in listed or port.host in listed


def _is_for_administrators(port: Port, facts: ContainerFacts) -> bool:
    """Whether the entry of its known application says so."""
    application = known_application(facts)
    return application is not None and any(
        (str(known.number), known.protocol) == (str(port.container), port.protocol)
        for known in application.port
        if known.use is PortUse.ADMINISTRATORS
    )


def _fix_exposed_admin_port(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    facts, parameters = context.facts, context.parameters
    if any(_exposed(port, facts, parameters) for port in every_exposed_port(spec, facts)):
        spec = spelled_out(spec, facts)
    return bound_to_one_address(
        spec,
        context,
        lambda port: _exposed(port, facts, parameters),
    )


_REDIS = image(inspect={"Config": {"ExposedPorts": {"6379/tcp": {}, "80/tcp": {}}}})


@Check(
    gives=Gain.OTHERS_DATA.after(1),  # one guessed or missing password from the data
    points=12,
    summary="Bind database and admin ports to loopback, and connect containers through a shared "
    "network",
    risk=Risk.DECISION,
    remediate=_fix_exposed_admin_port,
    advise=about_one_address,
    parameters={"ports": _PORTS, "inside": _INSIDE, "address": "127.0.0.1"},
    takes={"address": "address"},
    passes=lambda: (
        "-p 127.0.0.1:5432:5432",
        "-p 80:8080",
        "-p 8888:80",
        container("--publish-all -p 127.0.0.1:6379:6379", image=_REDIS),
    ),
    fails=lambda: (
        "-p 80:8888",
        container("--publish-all", image=_REDIS),
        container("--publish-all --expose=5432", image=image()),
        "-p 9229:9229",
        "-p 8443:9443",
        container("-p 6379:6379 docker.io/library/redis:7"),
        container("-p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust"),
        container("-p 9200:9200 -e xpack.security.enabled=false"),
        container("-p 5432:5432 -e POSTGRES_PASSWORD=secretsecret"),
        "-p 15432:5432",
        "-p 192.0.2.7:6379:6379 -p [::]:6379:6379",
    ),
    references=("BSI SYS.1.6 A5",),
)
def exposed_admin_port(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Database or admin port open to the network.

    What it checks:
    Whether a port of an internal service is published on an address other than loopback: remote
    login (21 to 23, 3389, 5900), container and cluster control (2375, 2376, 6443, 10250),
    databases, caches, message queues and search engines. The port inside the container and the one
    on the host both count, so moving 5432 to 15432 hides nothing, and `--publish-all` publishes
    every port that the image exposes. Debuggers, notebooks and secret stores count too. The
    parameter `ports` holds the list, and `inside` the ports that count only inside the container;
    both follow the IANA registry and the services' own documentation. The entry of a known
    application names its ports for administrators, too. Variables and arguments tell
    whether the service asks for a password. A port passes if the firewall is proven to stop what
    comes from outside.

    Why it matters:
    These services trust their network. Many start without a password, and some run commands for
    whoever connects (an open engine API is root on the host; an open Redis writes files of the
    attacker's choice). Whole botnets do nothing but search for them, and steal, encrypt or mine
    within hours. One that is known to ask for no password is critical: everybody who reaches it has
    its data already. Even with a password (medium), they can be guessed at endlessly.

    What may break:
    Only programs on this host can connect any more. Containers reach the service over a shared
    network without any published port; a remote admin uses an SSH tunnel. If you have a trusted
    internal network, set its address in the parameter `address`.
    """
    need_own_network(facts)
    ports = published(facts)
    hidden = facts.spec[PUBLISH_ALL] and isinstance(known(lambda: facts.image), Unread)
    if not hidden:
        ports = (*ports, *every_exposed_port(facts.spec, facts))
    wide = [port for port in ports if _exposed(port, facts, parameters)]
    if wide and is_filtered(facts, wide):
        return passed(
            shown(ports), reason=f"the firewall stops what comes from outside: {shown(wide)}"
        )
    if wide:
        steps = {port: _steps_to_data(facts, port, parameters) for port in wide}
        worst = min(wide, key=lambda port: steps[port])
        asks = asks_for_password(facts, worst.container)
        return failed(
            f"other machines can reach a database or admin port{_ASKING[asks]}: {shown(wide)}",
            shown(ports),
            gives=Gain.OTHERS_DATA.after(steps[worst], Origin.NETWORK),
        )
    if hidden:
        return unknown(
            "every port that the image exposes is published, and the image cannot be read"
        )
    if not ports:
        return not_applicable("no published ports")
    return passed(shown(ports))


_ASKING = {
    None: "",
    True: ", which asks for a password",
    False: ", which lets everybody in",
}


def _steps_to_data(
    facts: ContainerFacts,
    port: Port,
    parameters: Parameters,
) -> int:
    """Who asks for no password hands its data to whoever reaches it; a password is one guess away,
    and a single address is reached by fewer. Pages for administrators mostly ask for one."""
    asks = asks_for_password(facts, port.container)
    if asks is False:
        return 0 if reach(port) == "all" else 1
    inside = str(port.container) in parameters.texts("inside")
    if asks is None and (inside or _is_listed(port, parameters)):
        return 1
    return 2


_FIRST_FREE = 1024


def _low(port: Port, allowed: tuple[str, ...]) -> bool:
    first = port.host.partition("-")[0]
    return (
        first.isascii()
        and first.isdigit()
        and 0 < int(first) < _FIRST_FREE
        and port.host not in allowed
    )


def _fix_low_host_port(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    allowed, offset = context.parameters.texts("allowed"), context.parameters.integer("offset")
    taken = {port.host for port in spec[PUBLISH]}
    moved = []
    for port in spec[PUBLISH]:
        if _low(port, allowed):
            port = Port(
                port.container, _free(port.host, offset, taken), port.address, port.protocol
            )
        moved.append(port)
    return spec.with_(PUBLISH, tuple(moved))


@Check(
    gives=Gain.ITSELF.after(1),  # needs a right once, at the start
    summary="Publish on host port 1024 or higher",
    risk=Risk.DECISION,
    remediate=_fix_low_host_port,
    parameters={"allowed": ("80", "443"), "offset": 8000},
    takes={"offset": "offset"},
    passes=("-p 127.0.0.1:443:8443 -p 8080:80", "-p 25"),
    fails=("-p 25:25 -p 80:80",),
    references=("CIS Docker 1.6 5.8",),
)
def low_host_port(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Publishes a privileged host port.

    What it checks:
    Whether a published port uses a host port below 1024 other than those in the parameter `allowed`
    (80 and 443, where web servers are expected).

    Why it matters:
    Ports below 1024 are reserved for root, because clients take whatever answers there for a
    service of the machine itself: mail, DNS, SSH, file shares. A container on such a port speaks in
    the host's name. It also ties the container to the rootful engine, or makes someone lower the
    limit for every user on the host.

    What may break:
    Clients must use the new port; by default 8000 is added (25 becomes 8025, parameter `offset`).
    For protocols with a fixed port, put a proxy or a forwarding rule in front, or allow the port in
    the checklist.
    """
    need_own_network(facts)
    ports = published(facts)
    if not ports:
        return not_applicable("no ports published by number")
    low = [port for port in ports if _low(port, parameters.texts("allowed"))]
    if low:
        return failed(f"publishes ports below 1024: {shown(low)}", shown(ports))
    return passed(shown(ports))


def _free(
    host: str,
    offset: int,
    taken: set[str],
) -> str:
    number = max(int(host.partition("-")[0]) + offset, _FIRST_FREE)
    while str(number) in taken and number < 65535:
        number += 1
    return str(number)


def _fix_undeclared_published_port(
    spec: Spec,
    context: FixContext,
) -> Spec:
    leave_pods_alone(context.facts)
    if not spec[PUBLISH_ALL]:
        if (
            undeclared_published_port.verdict(
                context.facts.planned(spec), context.parameters
            ).status
            is not Status.FAIL
        ):
            return spec
        raise CannotFix(
            "whether an undeclared port is needed is your decision",
            "Remove it, declare it with --expose, or allow it in the checklist.",
        )
    image = known(lambda: context.facts.image)
    if isinstance(image, Unread):
        raise CannotFix(
            "--publish-all cannot be replaced by a list", f"The image is not known: {image.reason}."
        )
    declared = declared_ports(context.facts.planned(spec), image.config)
    missing = sorted(declared - {(port.container, port.protocol) for port in spec[PUBLISH]})
    added = tuple(Port(number, protocol=protocol) for number, protocol in missing)
    return spec.without(PUBLISH_ALL).with_(PUBLISH, (*spec[PUBLISH], *added))


_IMAGE = image(inspect={"Config": {"ExposedPorts": {"80/tcp": {}}}})


@Check(
    gives=Gain.ITSELF.after(1),  # undocumented, as published
    summary="List the published ports one by one, and only those that the image serves",
    remediate=_fix_undeclared_published_port,
    parameters={"allowed": ()},
    passes=lambda: (
        container("-p 8080:80", image=_IMAGE),
        container("-p 9000:9000 --expose=9000", image=_IMAGE),
    ),
    fails=lambda: (
        container("--publish-all", image=_IMAGE),
        container("-p 8080:80 -p 9229:9229", image=_IMAGE),
    ),
    references=("CIS Docker 1.6 5.9", "CSVS 7.12"),
)
def undeclared_published_port(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Published port not declared.

    What it checks:
    Whether every published port is declared by the image (EXPOSE) or for the container
    (`--expose`), or allowed in the checklist (parameter `allowed`, such as `8080/tcp`).
    `--publish-all` fails, because then the image decides which ports on your host are open.

    Why it matters:
    A port that the image does not know of is a leftover, a typo, or a door that someone built in: a
    debug console, a metrics page, a second admin interface. With `--publish-all`, the next image
    update can open another port on your host without asking you.

    What may break:
    Ports published at random are then listed one by one, still at random host ports; a later image
    cannot add one. A port that is needed but not declared has no automatic fix: declare it with
    `--expose`, or allow it in the checklist, so that the next reader sees that it is intended.
    """
    need_own_network(facts)
    ports = published(facts)
    if facts.spec[PUBLISH_ALL]:
        return failed("the image decides which host ports are open", "--publish-all")
    if not ports:
        return not_applicable("no published ports")
    if facts.inspect.get("IsInfra"):
        return unknown(
            "the pod's ports are served by its members, whose images are not at hand", shown(ports)
        )
    allowed = {pair for word in parameters.texts("allowed") for pair in exposed(word)}
    intended = declared_ports(facts, facts.image.config) | _typed(facts) | allowed
    extra = [port for port in ports if (port.container, port.protocol) not in intended]
    if extra:
        return failed(
            f"neither the image nor the container declares {shown(extra)}",
            shown(ports),
        )
    return passed(shown(ports))


def _typed(facts: ContainerFacts) -> frozenset[tuple[int, str]]:
    """What was declared with --expose at creation; inspect mixes it with published ports."""
    command = (
        None
        if is_planned(facts)
        else parse_create_command(section(facts.inspect, "Config").get("CreateCommand"))
    )
    return frozenset(
        pair for word in (command.all("--expose") if command else ()) for pair in exposed(word)
    )


def _fix_wildcard_port(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    return bound_to_one_address(
        spelled_out(spec, context.facts), context, lambda port: reach(port) == "all"
    )


_WITH_PORTS = image(inspect={"Config": {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}})


@Check(
    gives=Gain.NETWORK.after(2),  # a public service needs it; databases have exposed-admin-port
    points=8,
    summary="Bind published ports to one address",
    risk=Risk.DECISION,
    remediate=_fix_wildcard_port,
    advise=about_one_address,
    parameters={"address": "127.0.0.1"},
    takes={"address": "address"},
    passes=lambda: (
        "-p 127.0.0.1:8080:80",
        "-p [::1]:8080:80 -p 192.0.2.7:8443:443",
        container(
            "--publish-all -p 127.0.0.1:8080:80 -p 127.0.0.1:5300:53/udp",
            image=_WITH_PORTS,
        ),
        container(
            "--network=pasta:-t,127.0.0.1/8080:80,-u,none",
            engine=rootless(),
        ),
    ),
    fails=lambda: (
        "-p 8080:80",
        "-p 0.0.0.0:8080:80 -p [::]:8080:80",
        container("--publish-all", image=_WITH_PORTS),
        container("--publish-all -p 127.0.0.1:8080:80", image=_WITH_PORTS),
    ),
    references=("CIS Docker 1.6 5.14", "OWASP Docker rule 5a", "CSVS 7.7"),
)
def wildcard_port(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Port published on all host addresses.

    What it checks:
    Whether a published port is bound to all addresses: `0.0.0.0`, `::` (also written `[::]`), or no
    address, which means the same. `--publish-all` always does that. Ports that options of pasta
    open (`--network pasta:-t,8080`) count too, although `podman port` does not list them.

    Why it matters:
    `-p 8080:80` looks harmless and opens the port on every interface: the office network, the
    wireless network, the VPN, and the internet if the host has a public address. Rootful Podman
    forwards such a port before the firewall's usual INPUT rules apply, so a host with a closed
    firewall is still open there. Scanners find a new port within minutes. A service that only a
    reverse proxy on the same host talks to needs none of this.

    What may break:
    Clients on other machines can no longer reach the port once it is bound to 127.0.0.1. If such a
    client was seen, the fix asks for the host address that clients use (parameter `address`). The
    same goes for unfirewalled-port, which asks for the same change.
    """
    need_own_network(facts)
    ports = published(facts)
    if more := publishes_more(facts):
        if more.startswith("pasta"):
            return failed(f"{more} opens ports of the host", more)
        return failed("every exposed port is published on all addresses", more)
    if not ports:
        return not_applicable("no published ports")
    wide = [port for port in ports if reach(port) == "all"]
    if wide:
        return failed(f"open on all host addresses: {shown(wide)}", shown(ports))
    return passed(shown(ports))
