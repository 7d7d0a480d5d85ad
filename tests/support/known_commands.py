"""Commands of other people for known applications: as the descriptions of their images and public
files have them, with directories and configuration of the host."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.known_applications import RunApplication
from tests.support.known_applications_more import APPLICATIONS
from tests.support.worked_services import Step


class OthersCommand(NamedTuple):
    """A command that somebody typed.

    Attributes:
        options: of `podman run`; `{host}` is a directory of the host.
        command: behind the image; the entry point gives it to `serve` as "$@".
        serve: of the entry point, where the application's takes no command.
        files: in the directory of the host, with their content.
        directories: in the directory of the host, empty and of root at first.
        work: empty = that of the application.
    """

    name: str
    application: str
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    serve: str = ""
    files: tuple[tuple[str, str], ...] = ()
    directories: tuple[str, ...] = ()
    work: tuple[Step, ...] = ()
    ready: str = ""

    @property
    def run(self) -> RunApplication:
        application = next(each for each in APPLICATIONS if each.name == self.application)
        return application._replace(
            options=self.options,
            serve=self.serve or application.serve,
            work=self.work or application.work,
            ready=self.ready or application.ready,
        )


_POSTGRES = (
    "PATH=$PATH:/usr/lib/postgresql/17/bin; [ -s $PGDATA/PG_VERSION ] || { initdb -U postgres -A trust; "
    "echo 'host all all all trust' >>$PGDATA/pg_hba.conf; "
    'pg_ctl -w start -o "-c listen_addresses= -c unix_socket_directories=/var/run/postgresql"; '
    "for f in /docker-entrypoint-initdb.d/*; do [ -f $f ] && "
    "psql -h /var/run/postgresql -U postgres -f $f; done; pg_ctl -w stop; }; shift || :; "
    "exec postgres -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql \"$@\""
)
_MARIADB = (
    "[ -d /var/lib/mysql/mysql ] || mariadb-install-db --skip-test-db "
    "--auth-root-authentication-method=normal >/dev/null; shift || :; "
    "exec mariadbd --defaults-extra-file=/etc/mysql/conf.d/own.cnf --bind-address=0.0.0.0 "
    '--datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock --pid-file=/run/mysqld/mysqld.pid "$@"'
)
_REDIS = 'cd /data; umask 0077; shift || :; exec redis-server "$@"'
_ON_PORT = "curl -fsS http://127.0.0.1:8080/"

COMMANDS = (
    OthersCommand(
        "postgres with a password and nothing else",
        "postgres",
        ("-e POSTGRES_PASSWORD=mysecretpassword",),
    ),
    OthersCommand(
        "postgres in a directory of the host below PGDATA",
        "postgres",
        (
            "-e POSTGRES_PASSWORD=mysecretpassword",
            "-e PGDATA=/var/lib/postgresql/data/pgdata",
            "-v {host}/mount:/var/lib/postgresql/data",
            "--shm-size=256m",
        ),
        ("postgres", "-c", "shared_buffers=96MB", "-c", "max_connections=40"),
        _POSTGRES,
        directories=("mount",),
    ),
    OthersCommand(
        "postgres with scripts for the first start",
        "postgres",
        (
            "-e POSTGRES_PASSWORD=mysecretpassword",
            "-v known-data:/var/lib/postgresql/data",
            "-v {host}/initdb:/docker-entrypoint-initdb.d:ro",
            "-p 127.0.0.1:5432:5432",
        ),
        (),
        _POSTGRES,
        (("initdb/one.sql", "create table first as select 41 as answer;\n"),),
        work=(
            Step(
                "table of the script",
                "inside",
                "psql -h 127.0.0.1 -U postgres -tc 'select answer from first'",
                "41",
            ),
        ),
    ),
    OthersCommand(
        "mariadb with configuration and data of the host",
        "mariadb",
        (
            "-e MARIADB_ROOT_PASSWORD=my-secret-pw",
            "-v {host}/custom:/etc/mysql/conf.d",
            "-v {host}/datadir:/var/lib/mysql",
        ),
        ("mariadbd", "--max-connections=40"),
        _MARIADB,
        (("custom/own.cnf", "[mariadbd]\ninnodb_buffer_pool_size = 32M\n"),),
        ("datadir",),
    ),
    OthersCommand(
        "redis that saves to a directory of the host",
        "redis",
        ("-v {host}/dir:/data", "-p 6379:6379", "--restart unless-stopped"),
        ("redis-server", "--save", "60", "1", "--loglevel", "warning", "--protected-mode", "no"),
        _REDIS,
        directories=("dir",),
    ),
    OthersCommand(
        "redis with a configuration of the host",
        "redis",
        ("-v {host}/conf:/usr/local/etc/redis",),
        ("redis-server", "/usr/local/etc/redis/redis.conf"),
        _REDIS,
        (("conf/redis.conf", "appendonly yes\nprotected-mode no\nmaxmemory 64mb\n"),),
    ),
    OthersCommand(
        "valkey as a user of its own",
        "valkey",
        ("--user 1234:1234", "-v known-data:/data:U"),
    ),
    OthersCommand(
        "nginx with pages of the host",
        "nginx",
        ("-v {host}/content:/usr/share/nginx/html:ro", "-p 8080:80"),
        files=(("content/index.html", "it works\n"), ("content/big", "0" * 3000000)),
    ),
    OthersCommand(
        "nginx read-only as its description says",
        "nginx",
        (
            "--read-only",
            "-v {host}/cache:/var/cache/nginx",
            "-v {host}/pid:/run",
            "-v {host}/log:/var/log/nginx",
        ),
        directories=("cache", "pid", "log"),
    ),
    OthersCommand(
        "httpd with pages of the host",
        "httpd",
        ("-it", "-p 8080:80", "-v {host}/pages:/usr/local/apache2/htdocs/"),
        files=(("pages/index.html", "it works\n"),),
    ),
    OthersCommand(
        "haproxy with a configuration of the host on port 80",
        "haproxy",
        (
            "-v {host}/etc:/usr/local/etc/haproxy:ro",
            "--sysctl net.ipv4.ip_unprivileged_port_start=0",
        ),
        files=(
            (
                "etc/haproxy.cfg",
                "global\n stats socket /tmp/admin.sock mode 600\ndefaults\n mode http\n timeout client 5s\n"
                " timeout server 5s\n timeout connect 5s\nfrontend f\n bind :80\n bind :8080\n "
                "http-request return status 200 content-type text/plain string works\n",
            ),
        ),
    ),
    OthersCommand(
        "caddy with its files from the host",
        "caddy",
        (
            "--cap-add=NET_ADMIN",
            "-p 80:80 -p 443:443 -p 443:443/udp",
            "-v {host}/conf:/etc/caddy",
            "-v {host}/site:/srv",
            "-v caddy_data:/data",
            "-v caddy_config:/config",
        ),
        files=(
            (
                "conf/Caddyfile",
                ":80 {\n root * /srv\n file_server browse\n}\n"
                ":443 {\n tls internal {\n on_demand\n }\n respond safe\n}\n",
            ),
            ("site/index.html", "it works\n"),
        ),
    ),
    OthersCommand(
        "mosquitto with all its directories on the host",
        "mosquitto",
        (
            "-p 1883:1883 -p 9001:9001",
            "-v {host}/config:/mosquitto/config",
            "-v {host}/data:/mosquitto/data",
            "-v {host}/log:/mosquitto/log",
        ),
        files=(
            (
                "config/mosquitto.conf",
                "listener 1883\nallow_anonymous true\npersistence true\n"
                "persistence_location /mosquitto/data/\nlog_dest file /mosquitto/log/mosquitto.log\n",
            ),
        ),
        directories=("data", "log"),
    ),
    OthersCommand(
        "registry in a directory of the host",
        "registry",
        (
            "-p 5000:5000",
            "--restart=always",
            "-v {host}/registry:/var/lib/registry",
        ),
        directories=("registry",),
    ),
    OthersCommand(
        "prometheus with a configuration of the host",
        "prometheus",
        ("-p 9090:9090", "-v {host}/prometheus.yml:/etc/prometheus/prometheus.yml"),
        files=(
            (
                "prometheus.yml",
                "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: own\n  static_configs:\n"
                '  - targets: ["127.0.0.1:9090"]\n',
            ),
        ),
    ),
    OthersCommand(
        "node-exporter that sees the host",
        "node-exporter",
        ("--net=host", "--pid=host", "-v /:/host:ro,rslave"),
        ("--path.rootfs=/host",),
        'exec prometheus-node-exporter "$@"',
    ),
    OthersCommand(
        "memcached with more memory",
        "memcached",
        ("-p 11211:11211",),
        ("memcached", "-m", "64"),
        'exec "$@" -l 0.0.0.0',
    ),
    OthersCommand(
        "rabbitmq in a directory of the host",
        "rabbitmq",
        ("--hostname my-rabbit", "-v {host}/data:/var/lib/rabbitmq"),
        directories=("data",),
    ),
    OthersCommand(
        "syncthing for an account of the host",
        "syncthing",
        (
            "--hostname=my-syncthing",
            "-p 8384:8384 -p 22000:22000/tcp -p 22000:22000/udp -p 21027:21027/udp",
            "-v {host}/st-sync:/var/syncthing",
        ),
        directories=("st-sync",),
    ),
    OthersCommand(
        "alertmanager with a configuration of the host",
        "alertmanager",
        (
            "-p 127.0.0.1:9093:9093",
            "-v {host}/alertmanager.yml:/etc/prometheus/alertmanager.yml:ro",
        ),
        files=(("alertmanager.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n"),),
    ),
    OthersCommand(
        "ntfy with cache and configuration on the host",
        "ntfy",
        (
            "-v {host}/cache:/var/cache/ntfy",
            "-v {host}/etc:/etc/ntfy",
            "-p 80:80",
        ),
        files=(
            (
                "etc/server.yml",
                "base-url: http://127.0.0.1\nlisten-http: ':80'\ncache-file: /var/cache/ntfy/cache.db\n"
                "attachment-cache-dir: /var/cache/ntfy/attachments\nauth-file: /var/cache/ntfy/user.db\n",
            ),
        ),
        directories=("cache",),
    ),
)  # fmt: skip
