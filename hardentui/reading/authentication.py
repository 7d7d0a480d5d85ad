"""Whether a service in a container asks its clients who they are, as far as its options tell.

Of services that hold data, by the port that they serve: what their images' documentation says about
the variables and arguments that switch authentication on or off, and what they do without any.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from msgspec import Struct

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.options import COMMAND, ENV, IMAGE
from hardentui.reading.containers import image_config

_ON = ("1", "true", "yes", "on")


class Authentication(Struct, frozen=True):
    """How one kind of service is told to ask for a password.

    `NAME` stands for a variable with any value that is not empty, `NAME=value` for one with this
    value; `1` stands for any word that means yes.
    """

    service: str
    asks: tuple[str, ...] = ()  # variables that make it ask
    open: tuple[str, ...] = ()  # variables that let everybody in
    arguments: tuple[str, ...] = ()  # of the command, that make it ask
    # last words of image names, and programs, that let everybody in without any of these
    open_by_default: tuple[str, ...] = ()
    # an argument that names a configuration file, which was not read
    files: tuple[str, ...] = ()


_REDIS = Authentication(
    "Redis",
    asks=(
        "REDIS_PASSWORD",
        "REDIS_PASSWORD_FILE",
        "VALKEY_PASSWORD",
        "VALKEY_PASSWORD_FILE",
    ),
    open=("ALLOW_EMPTY_PASSWORD=1",),
    arguments=("--requirepass", "--aclfile", "--user"),
    open_by_default=("redis", "redis-server", "valkey", "valkey-server", "redis-stack-server"),
    files=(".conf",),
)
_MYSQL = Authentication(
    "MySQL or MariaDB",
    asks=(
        *(
            "MYSQL_ROOT_PASSWORD",
            "MYSQL_ROOT_PASSWORD_FILE",
            "MYSQL_RANDOM_ROOT_PASSWORD",
        ),
        *(
            "MARIADB_ROOT_PASSWORD",
            "MARIADB_ROOT_PASSWORD_FILE",
            "MARIADB_RANDOM_ROOT_PASSWORD",
        ),
        "MARIADB_ROOT_PASSWORD_HASH",
    ),
    open=("MYSQL_ALLOW_EMPTY_PASSWORD=1", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1"),
)
_SEARCH = Authentication(
    "Elasticsearch or OpenSearch",
    asks=(
        "xpack.security.enabled=1",
        "ELASTIC_PASSWORD",
        "OPENSEARCH_INITIAL_ADMIN_PASSWORD",
    ),
    open=(
        "xpack.security.enabled=false",
        "DISABLE_SECURITY_PLUGIN=1",
        "plugins.security.disabled=1",
    ),
)
_MONGO = Authentication(
    "MongoDB",
    asks=("MONGO_INITDB_ROOT_PASSWORD", "MONGO_INITDB_ROOT_PASSWORD_FILE"),
    arguments=("--auth", "--keyFile"),
    open_by_default=("mongo", "mongod"),
    files=("--config", "-f"),
)
_BY_PORT = {
    2379: Authentication(
        "etcd",
        asks=("ETCD_CLIENT_CERT_AUTH=1", "ETCD_ROOT_PASSWORD"),
        open=("ALLOW_NONE_AUTHENTICATION=1",),
        arguments=("--client-cert-auth", "--trusted-ca-file"),
        files=("--config-file",),
        open_by_default=("etcd",),
    ),
    2375: Authentication(
        "an engine's API",
        open_by_default=("docker", "dockerd", "podman"),
    ),
    3306: _MYSQL,
    5432: Authentication(
        "PostgreSQL",
        asks=("POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "POSTGRESQL_PASSWORD"),
        open=("POSTGRES_HOST_AUTH_METHOD=trust", "ALLOW_EMPTY_PASSWORD=1"),
    ),
    6333: Authentication(
        "Qdrant",
        asks=("QDRANT__SERVICE__API_KEY",),
        open_by_default=("qdrant",),
    ),
    6379: _REDIS,
    7687: Authentication(
        "Neo4j",
        asks=("NEO4J_AUTH",),
        open=("NEO4J_AUTH=none",),
    ),
    8123: Authentication(
        "ClickHouse",
        asks=("CLICKHOUSE_PASSWORD", "CLICKHOUSE_PASSWORD_FILE"),
    ),
    9200: _SEARCH,
    9300: _SEARCH,
    11211: Authentication(
        "memcached", arguments=("-S", "--enable-sasl"), open_by_default=("memcached",)
    ),
    11434: Authentication("Ollama", open_by_default=("ollama",)),
    27017: _MONGO,
}


def asks_for_password(facts: ContainerFacts, port: int) -> bool | None:
    """Whether the service on this port of the container asks who connects; None if that is not
    known."""
    service = _BY_PORT.get(port)
    if service is None:
        return None
    variables = _variables(facts)
    if _any(service.open, variables):
        return False
    words = _words(facts)
    given = {word.partition("=")[0] for word in words}
    if _any(service.asks, variables) or given & {*service.arguments}:
        return True
    if any(word.endswith(service.files) for word in given if service.files):
        return None
    names = {posixpath.basename(word) for word in words} | _images(facts)
    return False if names & {*service.open_by_default} else None


def _any(wanted: Iterable[str], variables: dict[str, str]) -> bool:
    for entry in wanted:
        name, equals, value = entry.partition("=")
        has = variables.get(name.lower(), "")
        if has and (not equals or has == value or (value == "1" and has in _ON)):
            return True
    return False


def _variables(facts: ContainerFacts) -> dict[str, str]:
    """Its variables and their values, in lower case."""
    given = [
        *(image_config(facts).get("Env") or ()),
        *facts.spec[ENV],
    ]
    pairs = dict(str(entry).partition("=")[::2] for entry in given)
    return {name.lower(): value.strip().lower() for name, value in pairs.items()}


def _words(facts: ContainerFacts) -> tuple[str, ...]:
    """Its command; that of the image where it has none of its own. A script counts by its words."""
    image = image_config(facts)
    command = (
        *(facts.spec[COMMAND] or image.get("Cmd") or ()),
        *(image.get("Entrypoint") or ()),
    )
    return tuple(part for word in command for part in str(word).split())


def _images(facts: ContainerFacts) -> frozenset[str]:
    """The last words of its image's names, without registry, tag and digest."""
    names = (
        facts.image_name,
        facts.spec[IMAGE],
        *known(lambda: facts.image.names, else_=()),
    )
    return frozenset(
        posixpath.basename(name.partition("@")[0]).partition(":")[0] for name in names if name
    )
