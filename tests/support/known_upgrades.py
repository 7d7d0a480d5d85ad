"""Known applications whose data goes from one release to the next: the packages of two Debian
releases, and what their documentation says that has to be done in between."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.known_applications import RunApplication
from tests.support.known_applications_more import APPLICATIONS

_OF_BOOKWORM = (
    "mariadb-server,redis-server,procps,prometheus,prometheus-alertmanager,mosquitto,"
    "mosquitto-clients,docker-registry,nats-server,syncthing,busybox,curl"
)
"""One root file system for all of them: most of the time to make one is its base."""
_OF_FORKY = "valkey-server,ntfy,caddy,libcap2-bin,busybox,curl"
_MARIADB_UPGRADE = (
    'if [ "$MARIADB_AUTO_UPGRADE" = 1 ] && [ -d /var/lib/mysql/mysql ]; then s=/run/mysqld/mysqld.sock; '
    "mariadbd --skip-networking --skip-grant-tables --socket=$s --pid-file=/run/mysqld/first.pid & "
    "for i in $(seq 60); do mariadb-admin --socket=$s ping && break; sleep 1; done; "
    "mariadb-dump --socket=$s --skip-lock-tables --replace --databases mysql | gzip "
    ">/var/lib/mysql/system_mysql_backup.sql.gz; mariadb-upgrade --socket=$s --upgrade-system-tables; "
    "kill $!; wait; fi; "
)


class Side(NamedTuple):
    """A release of an application: its image, its Debian, and, if they are others than those of the
    application, their packages and how to see that it serves."""

    image: str
    debian: str = "trixie"
    packages: str = ""
    ready: str = ""


class Upgrade(NamedTuple):
    """From one release to a newer one.

    Attributes:
        package: whose version tells the releases apart.
        dump, restore: shell, inside, of the old and the new one; empty = the new release reads the
            old one's files.
        prepare: shell of the new one's entry point, before it serves.
        options: of `podman run` of the new one, besides those of the application.
    """

    application: str
    package: str
    old: Side
    new: Side
    dump: str = ""
    restore: str = ""
    prepare: str = ""
    options: tuple[str, ...] = ()

    @property
    def before(self) -> RunApplication:
        return self._as_of(self.old)

    @property
    def after(self) -> RunApplication:
        application = self._as_of(self.new)
        return application._replace(
            serve=f"{self.prepare}{application.serve}",
            options=(*application.options, *self.options),
        )

    def _as_of(self, side: Side) -> RunApplication:
        application = next(each for each in APPLICATIONS if each.name == self.application)
        return application._replace(
            image=side.image,
            packages=side.packages or application.packages,
            ready=side.ready or application.ready,
        )


UPGRADES = (
    Upgrade(
        application="postgres",
        package="postgresql",
        old=Side("library/postgres:15", "bookworm"),
        new=Side("library/postgres:17"),
        dump="pg_dumpall -h 127.0.0.1 -U postgres",
        restore="psql -q -h 127.0.0.1 -U postgres",
    ),
    Upgrade(
        application="mariadb",
        package="mariadb-server",
        old=Side("library/mariadb:10.11", "bookworm", _OF_BOOKWORM),
        new=Side("library/mariadb:11.8"),
        prepare=_MARIADB_UPGRADE,
        options=("-e MARIADB_AUTO_UPGRADE=1",),
    ),
    Upgrade(
        application="redis",
        package="redis-server",
        old=Side("library/redis:7.0", "bookworm", _OF_BOOKWORM),
        new=Side("library/redis:8.0"),
    ),
    Upgrade(
        application="valkey",
        package="valkey-server",
        old=Side("valkey/valkey:8.1"),
        new=Side("valkey/valkey:9.1", "forky", _OF_FORKY),
    ),
    Upgrade(
        application="mosquitto",
        package="mosquitto",
        old=Side("library/eclipse-mosquitto:2.0.11", "bookworm", _OF_BOOKWORM),
        new=Side("library/eclipse-mosquitto:2.0.21"),
    ),
    Upgrade(
        application="prometheus",
        package="prometheus",
        old=Side("prom/prometheus:v2.42.0", "bookworm", _OF_BOOKWORM),
        new=Side("prom/prometheus:v2.53.3"),
    ),
    Upgrade(
        application="alertmanager",
        package="prometheus-alertmanager",
        old=Side("prom/alertmanager:v0.25.0", "bookworm", _OF_BOOKWORM),
        new=Side("prom/alertmanager:v0.28.1"),
    ),
    Upgrade(
        application="registry",
        package="docker-registry",
        old=Side("library/registry:2.8.2", "bookworm", _OF_BOOKWORM),
        new=Side("library/registry:2.8.3"),
    ),
    Upgrade(
        application="nats",
        package="nats-server",
        old=Side("library/nats:2.9-alpine", "bookworm", _OF_BOOKWORM),
        new=Side("library/nats:2.10-alpine"),
    ),
    Upgrade(
        application="syncthing",
        package="syncthing",
        old=Side(
            "syncthing/syncthing:1.19",
            "bookworm",
            _OF_BOOKWORM,
            ready="curl -fsS -o /dev/null http://127.0.0.1:8384/",
        ),
        new=Side("syncthing/syncthing:1.29"),
    ),
    Upgrade(
        application="ntfy",
        package="ntfy",
        old=Side("binwiederhier/ntfy:v2.11.0"),
        new=Side("binwiederhier/ntfy:v2.27.0", "forky", _OF_FORKY),
    ),
    Upgrade(
        application="caddy",
        package="caddy",
        old=Side("library/caddy:2.6"),
        new=Side("library/caddy:2.11", "forky", _OF_FORKY),
    ),
)
