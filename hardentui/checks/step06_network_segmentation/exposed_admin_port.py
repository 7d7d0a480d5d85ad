"""A database or admin port that other machines can reach.

What it checks:
Whether a port of an internal service is published on an address other than loopback: remote login (21 to 23,
3389, 5900), container and cluster control (2375, 2376, 6443, 10250), databases, caches, message queues and
search engines. The port inside the container and the one on the host both count, so moving 5432 to 15432
hides nothing, and `--publish-all` publishes every port that the image exposes. Debuggers, notebooks and
secret stores count too. The parameter `ports` holds the list, and `inside` the ports that count only inside
the container; both follow the IANA registry and the services' own documentation.

Why it matters:
These services trust their network. Many start without a password, and some run commands for whoever connects
(an open engine API is root on the host; an open Redis writes files of the attacker's choice). Whole botnets
do nothing but search for them, and steal, encrypt or mine within hours. Even with a password, they can be
guessed at endlessly.

What may break:
Only programs on this host can connect any more. Containers reach the service over a shared network without
any published port; a remote admin uses an SSH tunnel. If you have a trusted internal network, set its
address in the parameter `address`.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import Unread, known
from hardentui.options import EXPOSE, PUBLISH, PUBLISH_ALL, Port
from hardentui.reading.behaviour import about_one_address, bound_to_one_address
from hardentui.reading.networks import (
    every_exposed_port,
    leave_pods_alone,
    published,
    reach,
    shown,
    spelled_out,
    without_own_network,
)

_PORTS = tuple(
    word
    for word in (
        "FTP 21 | "
        "ssh 22 | telnet 23 | rpcbind 111 | SMB 139 445 | SNMP 161 | LDAP 389 | rexec and rlogin 512 513 | "
        "IPMI 623 | rsync 873 | Java RMI and JMX 1099 | IBM MQ 1414 | Microsoft SQL Server 1433 1434 | "
        "Oracle 1521 | NFS 2049 | ZooKeeper 2181 2888 3888 | engine API 2375 2376 4243 | Swarm 2377 | etcd "
        "2379 2380 | OrientDB 2424 2480 | iSCSI 3260 | MySQL and MariaDB 3306 33060 | RDP 3389 | NATS 4222 "
        "8222 | Erlang's port mapper 4369 | Nomad 4646 | GlassFish 4848 | PostgreSQL 5432 5433 | Kibana "
        "5601 | RabbitMQ 5671 5672 15672 25672 | VNC 5800 5900 5901 5902 | CouchDB 5984 | WinRM 5985 5986 | "
        "X11 6000 | ProxySQL 6032 | Qdrant 6333 6334 | Redis and Valkey 6379 | PgBouncer 6432 | Kubernetes "
        "6443 10250 10255 10257 10259 | Spark 7077 | Cassandra's JMX 7199 | Temporal 7233 | Neo4j 7473 7474 "
        "7687 | ttyd (a shell in the browser) 7681 | Couchbase 11210 | ActiveMQ 8161 61613 61616 | Ray 8265 "
        "| Consul 8500 | ArangoDB 8529 | Jolokia 8778 | Solr 8983 | Cassandra 9042 9160 | Kafka 9092 | "
        "APISIX's admin API 9180 | Elasticsearch and OpenSearch 9200 9300 | Node.js inspector 9229 | "
        "Envoy's admin interface 9901 | memcached 11211 | Ollama 11434 | Milvus 19530 | Netdata 19999 | "
        "CockroachDB 26257 | Redis Sentinel 26379 | MongoDB 27017 27018 27019 | RethinkDB 28015"
    ).split()
    if word.isdecimal()
)
"""Ports of services that administer something or hold data, each after its services."""
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
    *("9000", "9443"),  # Portainer; PHP-FPM, ClickHouse, MinIO and HDFS have 9000, too
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


def _exposed(port: Port, parameters: Parameters) -> bool:
    listed = parameters.texts("ports")
    inside = str(port.container) in (*listed, *parameters.texts("inside"))
    return reach(port) != "loopback" and (inside or port.host in listed)


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    without = without_own_network(facts)
    if without:
        return without
    ports = published(facts)
    hidden = facts.spec[PUBLISH_ALL] and isinstance(known(lambda: facts.image), Unread)
    if not hidden:
        ports = (*ports, *every_exposed_port(facts.spec, facts))
    wide = [port for port in ports if _exposed(port, parameters)]
    if wide:
        return failed(f"other machines can reach a database or admin port: {shown(wide)}", shown(ports))
    if hidden:
        return unknown("every port that the image exposes is published, and the image cannot be read")
    if not ports:
        return not_applicable("no published ports")
    return passed(shown(ports))


def remediate(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    if any(_exposed(port, context.parameters) for port in every_exposed_port(spec, context.facts)):
        spec = spelled_out(spec, context.facts)
    return bound_to_one_address(spec, context, lambda port: _exposed(port, context.parameters))


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    return about_one_address(before, after, context.facts)


_REDIS = image(inspect={"Config": {"ExposedPorts": {"6379/tcp": {}, "80/tcp": {}}}})

CHECK = Check(
    title="Database or admin port open to the network",
    severity=Severity.HIGH,  # one guessed or missing password from the data
    points=12,
    summary="Bind database and admin ports to loopback, and connect containers through a shared network",
    fix=FixKind.RECREATE,
    risk=Risk.DECISION,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"ports": _PORTS, "inside": _INSIDE, "address": "127.0.0.1"},
    takes={"address": "address"},
    passes=lambda: (
        container((PUBLISH, (Port(5432, "5432", "127.0.0.1"),))),
        container((PUBLISH, (Port(8080, "80"),))),
        container((PUBLISH, (Port(80, "8888"),))),
        container((PUBLISH_ALL, True), (PUBLISH, (Port(6379, "6379", "127.0.0.1"),)), image=_REDIS),
    ),
    fails=lambda: (
        container((PUBLISH, (Port(8888, "80"),))),
        container((PUBLISH_ALL, True), image=_REDIS),
        container((PUBLISH_ALL, True), (EXPOSE, ("5432",)), image=image()),
        container((PUBLISH, (Port(9229, "9229"),))),
        container((PUBLISH, (Port(9000, "8443"),))),
        container((PUBLISH, (Port(5432, "15432"),))),
        container((PUBLISH, (Port(6379, "6379", "192.0.2.7"), Port(6379, "6379", "::")))),
    ),
    references=("CIS Docker 1.6 5.9", "NIST SP 800-190 4.4.2"),
    catalogue="S6-04",
)
