"""Known applications as they are run: the same software from Debian packages, in an image with the
user, directories and steps of the entry point that their public Dockerfiles give them.

The scripts are our own: what they do is what the entries in `checklists/applications` say of the
public ones.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

from tests.support.podman import Bench
from tests.support.worked_services import Step, packages_tree, works

NAME = "known"
"""Of the container that works."""
REGISTRY = "registry.example"


class RunApplication(NamedTuple):
    """How an application is built and worked with.

    Attributes:
        image: repository and tag, as its entry knows them.
        setup: shell, makes users and directories in the image.
        as_root: shell of the entry point while it is root; then it becomes `user` and goes on with
            `serve`. Empty for images with an ordinary user.
        serve: shell, ends in the program.
        changes: of the image.
        options: of `podman run`, besides the name.
        ready: shell, inside, succeeds when it serves.
        work: done after the start, and once more after a restart.
        kept: shell, inside, after the restart: what the work left.
    """

    name: str
    image: str
    packages: str
    setup: str
    serve: str
    ready: str
    work: tuple[Step, ...]
    as_root: str = ""
    user: str = ""
    changes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    kept: str = "true"

    @property
    def reference(self) -> str:
        return f"{REGISTRY}/{self.image}"


_MADE = "groupadd -o -g {0} {1} 2>/dev/null || groupmod -o -g {0} {1}; id {1} >/dev/null 2>&1 && usermod -o -u {0} {1}"
_MADE += " || useradd -o -u {0} -g {1} -M {1}"


def account(uid: int, name: str) -> str:
    return f"({_MADE.format(uid, name)})"


HTTP_CLIENT = "ln -sf busybox /bin/wget 2>/dev/null || ln -sf /bin/busybox /usr/bin/wget"
"""Shell that makes wget, which images on Alpine have."""

_REDIS_WORK = (
    Step("writes", "inside", "{0}-cli set kept precious", "OK"),
    Step(
        "many keys",
        "inside",
        "{0}-cli eval \"for i=1,20000 do redis.call('set', 'k'..i, i) end return 1\" 0",
        "1",
    ),
    Step("snapshot", "inside", "{0}-cli save", "OK"),
    Step("log of writes", "inside", "{0}-cli config set appendonly yes; {0}-cli bgrewriteaof", ""),
)


def _key_value(name: str, image: str, package: str) -> RunApplication:
    work = tuple(step._replace(script=step.script.format(name)) for step in _REDIS_WORK)
    return RunApplication(
        name=name,
        image=image,
        packages=package,
        setup=f"{account(999, name)}; rm -rf /data; mkdir /data; chown {name}: /data",
        as_root=f"cd /data; find . \\! -user {name} -exec chown {name} '{{}}' +",
        user=name,
        serve=f"cd /data; umask 0077; exec {name}-server --bind 0.0.0.0 --protected-mode no",
        ready=f"{name}-cli ping | grep -q PONG",
        work=work,
        changes=("VOLUME /data", f'CMD ["{name}-server"]', "WORKDIR /data"),
        options=("-v known-data:/data",),
        kept=f"{name}-cli get kept | grep -q precious",
    )


APPLICATIONS = (
    RunApplication(
        name="postgres",
        image="library/postgres:17",
        packages="postgresql,curl",
        setup=(
            f"{account(999, 'postgres')}; rm -rf /var/lib/postgresql; mkdir -p /var/lib/postgresql/data "
            "/var/run/postgresql; chown -R postgres: /var/lib/postgresql /var/run/postgresql; "
            "chmod 1777 /var/lib/postgresql/data; chmod 3775 /var/run/postgresql"
        ),
        as_root=(
            "mkdir -p $PGDATA; chmod 700 $PGDATA || :; mkdir -p /var/run/postgresql; "
            "chmod 3775 /var/run/postgresql || :; find $PGDATA \\! -user postgres -exec chown postgres '{}' +; "
            "find /var/run/postgresql \\! -user postgres -exec chown postgres '{}' +"
        ),
        user="postgres",
        serve=(
            "PATH=$PATH:$(echo /usr/lib/postgresql/*/bin); [ -s $PGDATA/PG_VERSION ] || { initdb -U postgres -A trust; "
            "echo 'host all all all trust' >>$PGDATA/pg_hba.conf; }; "
            "exec postgres -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql"
        ),
        ready="pg_isready -q -h 127.0.0.1",
        work=(
            Step("table", "inside", "psql -h 127.0.0.1 -U postgres -c \"create table if not exists kept as select "
                 "g, md5(g::text) from generate_series(1,50000) g\"", ""),
            Step("sort on disk", "inside", "psql -h 127.0.0.1 -U postgres -tc \"set work_mem='64kB'; select count(*) "
                 "from (select * from kept order by md5) x\"", "50000"),
            Step("parallel join", "inside", "psql -h 127.0.0.1 -U postgres -tc \"set parallel_setup_cost=0; set "
                 "parallel_tuple_cost=0; set min_parallel_table_scan_size=0; select count(*) from kept a join kept b "
                 "using (md5)\"", "50000"),
            Step("vacuum", "inside", "psql -h 127.0.0.1 -U postgres -c 'vacuum full kept' -c checkpoint", "CHECKPOINT"),
            Step("socket", "inside", "psql -h /var/run/postgresql -U postgres -tc 'select 1'", "1"),
            Step("reload", "signal", "HUP"),
        ),
        changes=(
            "ENV PGDATA=/var/lib/postgresql/data",
            "VOLUME /var/lib/postgresql/data",
            'CMD ["postgres"]',
            "STOPSIGNAL SIGINT",
        ),
        options=("-v known-data:/var/lib/postgresql/data",),
        kept="psql -h 127.0.0.1 -U postgres -tc 'select count(*) from kept' | grep -q 50000",
    ),
    RunApplication(
        name="mariadb",
        image="library/mariadb:11",
        packages="mariadb-server",
        setup=(
            f"{account(999, 'mysql')}; rm -rf /var/lib/mysql; mkdir -p /var/lib/mysql /run/mysqld; "
            "chown -R mysql: /var/lib/mysql /run/mysqld; chmod 1777 /run/mysqld; "
            "printf '#!/bin/sh\\nmariadb -h 127.0.0.1 -u nobody -e 1 2>&1 | grep -qE \"denied|^1\"\\n' "
            ">/usr/local/bin/healthcheck.sh; chmod +x /usr/local/bin/healthcheck.sh"
        ),
        as_root=(
            "find /var/lib/mysql \\! -user mysql -exec chown mysql: '{}' +; "
            "find /run/mysqld -maxdepth 0 \\! -user mysql -exec chown mysql: '{}' +"
        ),
        user="mysql",
        serve=(
            "[ -d /var/lib/mysql/mysql ] || mariadb-install-db --skip-test-db --auth-root-authentication-method=normal >/dev/null; "
            "exec mariadbd --bind-address=0.0.0.0 --datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock "
            "--pid-file=/run/mysqld/mysqld.pid"
        ),
        ready="healthcheck.sh --connect",
        work=(
            Step("user", "owner", "mariadb -u root -e \"create database if not exists kept; create or replace user w@'%'; grant "
                 "all on kept.* to w@'%'\"", ""),
            Step("rows", "owner", "mariadb -u root kept -e 'create or replace table t as select seq, md5(seq) h from "
                 "seq_1_to_50000; select count(*) from t'", "50000"),
            Step("sort on disk", "owner", "mariadb -u root kept -e 'set sort_buffer_size=1024, tmp_table_size=1024; select "
                 "count(*) from (select distinct h from t order by h) x; alter table t order by h'", "50000"),
            Step("dump", "owner", "mariadb-dump -u root --all-databases | tail -1", "completed"),
        ),
        changes=("VOLUME /var/lib/mysql", 'CMD ["mariadbd"]'),
        options=("-v known-data:/var/lib/mysql",),
        kept="mariadb -u root kept -Ne 'select count(*) from t' | grep -q 50000",
    ),
    _key_value("redis", "library/redis:7", "redis-server,procps"),
    _key_value("valkey", "valkey/valkey:8", "valkey-server"),
    RunApplication(
        name="memcached",
        image="library/memcached:1.6",
        packages="memcached,busybox",
        setup=account(11211, "memcache"),
        serve="exec memcached -l 0.0.0.0",
        ready="bash -c 'exec 3<>/dev/tcp/127.0.0.1/11211'",
        work=(
            Step("set and get", "inside", "printf 'set k 0 60 5\\r\\nvalue\\r\\nget k\\r\\nquit\\r\\n' | busybox nc "
                 "127.0.0.1 11211", "value"),
            Step("big values", "inside", "{ printf 'set b 0 60 900000\\r\\n'; head -c 900000 /dev/zero; "
                 "printf '\\r\\nquit\\r\\n'; } | busybox nc 127.0.0.1 11211", "STORED"),
        ),
        changes=("USER memcache", 'CMD ["memcached"]'),
    ),
    RunApplication(
        name="nginx",
        image="library/nginx:1.27",
        packages="nginx-light,curl,busybox",
        setup=(
            f"{account(101, 'nginx')}; mkdir -p /var/cache/nginx /etc/nginx/templates /usr/share/nginx/html; "
            "for d in client proxy fastcgi uwsgi scgi; do mkdir -p -m 700 /var/cache/nginx/${d}_temp; "
            "chown nginx /var/cache/nginx/${d}_temp; done; ln -sf /dev/stdout /var/log/nginx/access.log; "
            "ln -sf /dev/stderr /var/log/nginx/error.log; echo it works >/usr/share/nginx/html/index.html; "
            "rm -rf /etc/nginx/sites-enabled /etc/nginx/modules-enabled/*; head -c 3000000 /dev/urandom "
            ">/usr/share/nginx/html/big; chmod -R a+rX /usr/share/nginx; cat >/etc/nginx/nginx.conf <<'THE_CONF'\n"
            "user nginx;\nworker_processes 2;\npid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\n"
            "events { worker_connections 64; }\nhttp {\n client_body_temp_path /var/cache/nginx/client_temp;\n"
            " proxy_temp_path /var/cache/nginx/proxy_temp;\n fastcgi_temp_path /var/cache/nginx/fastcgi_temp;\n"
            " uwsgi_temp_path /var/cache/nginx/uwsgi_temp;\n scgi_temp_path /var/cache/nginx/scgi_temp;\n"
            " access_log /var/log/nginx/access.log;\n include /etc/nginx/conf.d/*.conf;\n}\nTHE_CONF\n"
            "rm -f /etc/nginx/conf.d/*; printf 'server { listen 80; root /usr/share/nginx/html; "
            "client_max_body_size 9m; location /up { proxy_pass http://127.0.0.1:80/echo; } "
            "location /echo { proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k; proxy_pass http://127.0.0.1:80/big; } }\\n' "
            ">/etc/nginx/conf.d/default.conf"
        ),
        as_root="touch /etc/nginx/conf.d/default.conf 2>/dev/null || echo cannot change it",
        serve="exec nginx -g 'daemon off;'",
        ready="curl -fsS http://127.0.0.1/",
        work=(
            Step("page", "inside", "curl -fsS http://127.0.0.1/", "it works"),
            Step("buffered answer", "inside", "curl -fsS --limit-rate 2M http://127.0.0.1/echo | wc -c", "3000000"),
            Step("buffered upload", "inside", "head -c 4000000 /dev/zero | curl -sS -o /dev/null -w '%{http_code}' "
                 "-T - http://127.0.0.1/up", "405"),
            Step("reload", "signal", "HUP"),
            Step("page after it", "inside", "sleep 1; curl -fsS http://127.0.0.1/", "it works"),
            Step("reopen logs", "signal", "USR1"),
            Step("page after that", "inside", "sleep 1; curl -fsS http://127.0.0.1/", "it works"),
        ),
        changes=("STOPSIGNAL SIGQUIT", 'CMD ["nginx", "-g", "daemon off;"]'),
        options=("-p 8080:80",),
    ),
    RunApplication(
        name="httpd",
        image="library/httpd:2.4",
        packages="apache2,curl",
        setup=(
            "mkdir -p /usr/local/apache2/conf /usr/local/apache2/logs /usr/local/apache2/htdocs; "
            "echo it works >/usr/local/apache2/htdocs/index.html; cat >/usr/local/apache2/conf/httpd.conf <<'THE_CONF'\n"
            "ServerRoot /usr/local/apache2\nListen 80\nUser www-data\nGroup www-data\nServerName here\n"
            "LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
            "LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
            "LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so\nDocumentRoot /usr/local/apache2/htdocs\n"
            "DirectoryIndex index.html\nErrorLog /proc/self/fd/2\nPidFile logs/httpd.pid\nDefaultRuntimeDir logs\n"
            "StartServers 2\nTHE_CONF\n"
            "printf '#!/bin/sh\\nset -e\\nrm -f /usr/local/apache2/logs/httpd.pid\\nexec apache2 -f "
            "/usr/local/apache2/conf/httpd.conf -DFOREGROUND\\n' >/usr/local/bin/httpd-foreground; "
            "chmod +x /usr/local/bin/httpd-foreground"
        ),
        serve="",
        ready="curl -fsS http://127.0.0.1/",
        work=(
            Step("page", "inside", "curl -fsS http://127.0.0.1/", "it works"),
            Step("graceful", "signal", "USR1"),
            Step("page after it", "inside", "sleep 2; curl -fsS http://127.0.0.1/", "it works"),
            Step("hard restart", "signal", "HUP"),
            Step("page after that", "inside", "sleep 3; curl -fsS http://127.0.0.1/", "it works"),
        ),
        changes=("STOPSIGNAL SIGWINCH", 'CMD ["httpd-foreground"]'),
    ),
    RunApplication(
        name="haproxy",
        image="library/haproxy:3.0",
        packages="haproxy,curl,busybox",
        setup=(
            f"{account(99, 'haproxy')}; mkdir -p /var/lib/haproxy /usr/local/etc/haproxy; "
            "chown haproxy: /var/lib/haproxy; printf 'global\\n maxconn 100\\n stats socket "
            "/var/lib/haproxy/stats level admin\\ndefaults\\n mode http\\n timeout client 5s\\n timeout server 5s\\n "
            "timeout connect 5s\\nfrontend f\\n bind :8080\\n http-request return status 200 content-type text/plain "
            "string works\\n' >/usr/local/etc/haproxy/haproxy.cfg; sed -i '/stats socket/d' "
            "/usr/local/etc/haproxy/haproxy.cfg"
        ),
        serve="exec haproxy -W -db -f /usr/local/etc/haproxy/haproxy.cfg",
        ready="curl -fsS http://127.0.0.1:8080/",
        work=(
            Step("answers", "inside", "curl -fsS http://127.0.0.1:8080/", "works"),
            Step("reload", "signal", "USR2"),
            Step("answers after it", "inside", "sleep 2; curl -fsS http://127.0.0.1:8080/", "works"),
        ),
        changes=(
            "USER haproxy",
            "STOPSIGNAL SIGUSR1",
            'CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]',
        ),
    ),
    RunApplication(
        name="mosquitto",
        image="library/eclipse-mosquitto:2.0",
        packages="mosquitto,mosquitto-clients",
        setup=(
            f"{account(1883, 'mosquitto')}; mkdir -p /mosquitto/config /mosquitto/data /mosquitto/log; "
            "printf 'listener 1883\\nallow_anonymous true\\npersistence true\\npersistence_location /mosquitto/data/\\n"
            "log_dest file /mosquitto/log/mosquitto.log\\nlog_dest stdout\\n' >/mosquitto/config/mosquitto.conf; "
            "chown -R mosquitto: /mosquitto"
        ),
        as_root="chown -R mosquitto:mosquitto /mosquitto/data /mosquitto/log",
        serve="exec mosquitto -c /mosquitto/config/mosquitto.conf",
        ready="mosquitto_sub -t '$SYS/#' -C 1 -W 3",
        work=(
            Step("kept message", "inside", "mosquitto_pub -r -t kept -m precious && mosquitto_sub -t kept -C 1 -W 5",
                 "precious"),
            Step("saves", "signal", "USR1"),
            Step("reload", "signal", "HUP"),
            Step("answers after it", "inside", "sleep 1; mosquitto_sub -t kept -C 1 -W 5", "precious"),
        ),
        changes=(
            "VOLUME /mosquitto/data",
            "VOLUME /mosquitto/log",
            'CMD ["/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]',
        ),
        options=("-v known-data:/mosquitto/data",),
        kept="mosquitto_sub -t kept -C 1 -W 5 | grep -q precious",
    ),
    RunApplication(
        name="prometheus",
        image="prom/prometheus:v2.53.0",
        packages="prometheus,busybox",
        setup=(
            "mkdir -p /prometheus; chown -R nobody:nogroup /prometheus; chmod g+w /prometheus; "
            "ln -sf busybox /bin/wget 2>/dev/null || ln -sf /bin/busybox /usr/bin/wget; "
            "printf 'global: {scrape_interval: 1s}\\nscrape_configs:\\n- job_name: own\\n  static_configs:\\n"
            "  - targets: [\"127.0.0.1:9090\"]\\n' >/etc/prometheus/prometheus.yml"
        ),
        serve=(
            "exec prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/prometheus "
            "--web.enable-lifecycle --web.enable-admin-api"
        ),
        ready="busybox wget -q -O /dev/null http://127.0.0.1:9090/-/ready",
        work=(
            Step("query", "inside", "for i in $(seq 60); do busybox wget -qO- 'http://127.0.0.1:9090/api/v1/query?query=up' | grep '\"1\"' && break; sleep 1; done",
                 '"1"'),
            Step("snapshot", "inside", "busybox wget -qO- --post-data= "
                 "http://127.0.0.1:9090/api/v1/admin/tsdb/snapshot", "success"),
            Step("reload", "signal", "HUP"),
            Step("query after it", "inside", "sleep 1; busybox wget -qO- "
                 "'http://127.0.0.1:9090/api/v1/query?query=up'", '"1"'),
        ),
        changes=("USER nobody", "VOLUME /prometheus", "WORKDIR /prometheus"),
        options=("-v known-data:/prometheus",),
        kept="ls /prometheus/snapshots | grep -q .",
    ),
    RunApplication(
        name="node-exporter",
        image="prom/node-exporter:v1.9.0",
        packages="prometheus-node-exporter,busybox",
        setup="ln -sf busybox /bin/wget 2>/dev/null || ln -sf /bin/busybox /usr/bin/wget",
        serve="exec prometheus-node-exporter",
        ready="busybox wget -q -O /dev/null http://127.0.0.1:9100/metrics",
        work=(
            Step("metrics", "inside", "busybox wget -qO- http://127.0.0.1:9100/metrics | grep -m1 ^node_load1",
                 "node_load1"),
        ),
        changes=("USER nobody",),
    ),
    RunApplication(
        name="caddy",
        image="library/caddy:2.6",
        packages="caddy,busybox,libcap2-bin,curl",
        setup=(
            "mkdir -p /config/caddy /data/caddy /etc/caddy /usr/share/caddy /srv; chmod 1777 /config/caddy "
            "/data/caddy; echo it works >/usr/share/caddy/index.html; printf ':80 {\\n root * /usr/share/caddy\\n "
            "file_server\\n}\\n:443 {\\n tls internal {\\n on_demand\\n }\\n respond safe\\n}\\n' "
            ">/etc/caddy/Caddyfile; setcap cap_net_bind_service=+ep /usr/bin/caddy; "
            "ln -sf busybox /bin/wget 2>/dev/null || ln -sf /bin/busybox /usr/bin/wget"
        ),
        serve="",
        ready="curl -fsS http://127.0.0.1/",
        work=(
            Step("page", "inside", "curl -fsS http://127.0.0.1/", "it works"),
            Step("certificate of its own", "inside", "curl -fskS --resolve a.test:443:127.0.0.1 https://a.test/", "safe"),
            Step("reload", "inside", "caddy reload --config /etc/caddy/Caddyfile --adapter caddyfile 2>&1; "
                 "curl -fsS http://127.0.0.1/", "it works"),
        ),
        changes=(
            "ENV XDG_CONFIG_HOME=/config",
            "ENV XDG_DATA_HOME=/data",
            "WORKDIR /srv",
            'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
        ),
        options=("-v known-data:/data", "-v known-config:/config"),
        kept="ls /data/caddy/pki/authorities/local/root.crt",
    ),
    RunApplication(
        name="rabbitmq",
        image="library/rabbitmq:4",
        packages="rabbitmq-server",
        setup=(
            f"{account(999, 'rabbitmq')}; rm -rf /var/lib/rabbitmq /var/log/rabbitmq; mkdir -p /var/lib/rabbitmq "
            "/etc/rabbitmq/conf.d /var/log/rabbitmq; chown -R rabbitmq: /var/lib/rabbitmq /etc/rabbitmq "
            "/var/log/rabbitmq; chmod 1777 /var/lib/rabbitmq /etc/rabbitmq /var/log/rabbitmq; "
            "printf 'log.console = true\\nloopback_users.guest = false\\n' >/etc/rabbitmq/conf.d/10-defaults.conf; "
            "for p in rabbitmq-server rabbitmqctl rabbitmq-diagnostics; do printf '#!/bin/sh\\nexec %s \"$@\"\\n' "
            "$(readlink -f /usr/lib/rabbitmq/bin/$p) >/usr/local/bin/$p; chmod +x /usr/local/bin/$p; done"
        ),
        as_root="find /var/lib/rabbitmq \\! -user rabbitmq -exec chown rabbitmq '{}' +",
        user="rabbitmq",
        serve="export HOME=/var/lib/rabbitmq; exec rabbitmq-server",
        ready="HOME=/var/lib/rabbitmq rabbitmq-diagnostics -q check_running",
        work=(
            Step("queue", "owner", "HOME=/var/lib/rabbitmq rabbitmqctl eval 'rabbit_amqqueue:declare("
                 "rabbit_misc:r(<<\"/\">>, queue, <<\"kept\">>), true, false, [], none, <<\"w\">>).'", "kept"),
            Step("lists", "owner", "HOME=/var/lib/rabbitmq rabbitmqctl list_queues", "kept"),
        ),
        changes=("VOLUME /var/lib/rabbitmq", 'CMD ["rabbitmq-server"]', "ENV HOME=/var/lib/rabbitmq"),
        options=("-v known-data:/var/lib/rabbitmq", "--hostname known"),
        kept="HOME=/var/lib/rabbitmq rabbitmqctl list_queues | grep -q kept",
    ),
)  # fmt: skip


def entry_point(application: RunApplication) -> str:
    """A script with the steps of the public one: prepare as root, become the user, serve."""
    lines = ["#!/bin/bash", "set -e"]
    if application.as_root:
        becomes = f'exec setpriv --reuid={application.user} --regid={application.user} --init-groups "$0" "$@"'
        steps = [application.as_root, *([becomes] if application.user else [])]
        lines += ['if [ "$(id -u)" = 0 ]; then', *steps, "fi"]
    lines += [application.serve or 'exec "$@"']
    return "\n".join(lines)


def base_image(bench: Bench, packages: str, release: str) -> str:
    """Import the image with these packages of a Debian release, unless it is there; returns its
    name."""
    tree = packages_tree(packages, release)
    name = f"localhost/packages-{tree.stem}:1"
    if not works(bench, "image", "exists", name)[0]:
        bench.import_image(tree, name, ())
    return name


def build_application(
    bench: Bench,
    application: RunApplication,
    release: str = "trixie",
) -> None:
    """Make its image in the bench, under the name that its entry knows, with the packages of a
    Debian release."""
    base = base_image(bench, application.packages, release)
    script = entry_point(application)
    place = "/usr/local/bin/docker-entrypoint.sh"
    bench.remove("known-setup")
    bench.podman(
        "run", "--name", "known-setup", base, "bash", "-ec",
        f"{application.setup}\ncat >{place} <<'THE_END'\n{script}\nTHE_END\nchmod +x {place}", timeout=120,
    )  # fmt: skip
    changes = (f'ENTRYPOINT ["{place}"]', *application.changes)
    words = [word for change in changes for word in ("--change", change)]
    bench.podman("commit", "-q", *words, "known-setup", application.reference, timeout=120)
    bench.remove("known-setup")


def run_line(application: RunApplication, *more: str) -> str:
    """The command that somebody starts it with."""
    options = " ".join((*application.options, *more))
    return f"podman run -d --name {NAME} {options} {application.reference}\n"


def script_of(text: str) -> tuple[str, ...]:
    """The words of the `podman` command in a script, after `podman`."""
    return tuple(shlex.split(text.replace("\\\n", " "))[1:])
