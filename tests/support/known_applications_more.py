"""More known applications as they are run: monitoring, a registry, queues, synchronisation."""

from __future__ import annotations

from tests.support.known_applications import APPLICATIONS as FIRST
from tests.support.known_applications import HTTP_CLIENT, RunApplication, account
from tests.support.worked_services import Step

_POSTGRES = next(application for application in FIRST if application.name == "postgres")
_UPLOAD = (
    "d=$(head -c 3000000 /dev/zero | sha256sum | cut -d' ' -f1); r=http://127.0.0.1:5000/v2/kept/blobs; "
    "u=$(curl -fsS -X POST -D - -o /dev/null $r/uploads/ | tr -d '\\r' | sed -n 's/^Location: //Ip'); "
    "head -c 3000000 /dev/zero | curl -fsS -X PUT -H 'Content-Type: application/octet-stream' "
    "--data-binary @- -o /dev/null -w '%{http_code}' \"$u&digest=sha256:$d\""
)
_BLOB = (
    "d=$(head -c 3000000 /dev/zero | sha256sum | cut -d' ' -f1); "
    "curl -fsS http://127.0.0.1:5000/v2/kept/blobs/sha256:$d | wc -c"
)
_CREATE = '{\\"name\\":\\"KEPT\\",\\"subjects\\":[\\"kept\\"]}'
_KEY = "k=$(sed -n 's:.*<apikey>\\(.*\\)</apikey>.*:\\1:p' /var/syncthing/config/config.xml); "
_REST = f'{_KEY}curl -fsS -H "X-API-Key: $k"'
_COUNT = (
    "curl -fsS -G http://127.0.0.1:8086/query --data-urlencode db=kept "
    "--data-urlencode 'q=SELECT count(v) FROM t'"
)


def _talk(*lines: str) -> str:
    """Shell that says lines to a NATS server and prints what comes back within two seconds."""
    said = "; ".join(f'printf "{line}\\\\r\\\\n"' for line in ("CONNECT {}", *lines, "PING"))
    return f"{{ {said}; sleep 2; }} | busybox nc 127.0.0.1 4222"


def _request(subject: str, body: str) -> str:
    length = len(body.replace("\\", ""))
    return _talk("SUB in 1", f"PUB {subject} in {length}", body)


MORE = (
    RunApplication(
        name="alertmanager",
        image="prom/alertmanager:v0.28.1",
        packages="prometheus-alertmanager,busybox,curl",
        setup=(
            f"mkdir -p /alertmanager; chown nobody:nogroup /alertmanager; {HTTP_CLIENT}; "
            "printf 'route: {receiver: none}\\nreceivers: [{name: none}]\\n' >/etc/prometheus/alertmanager.yml"
        ),
        serve=(
            "exec prometheus-alertmanager --config.file=/etc/prometheus/alertmanager.yml "
            "--storage.path=/alertmanager"
        ),
        ready="curl -fsS http://127.0.0.1:9093/-/ready",
        work=(
            Step("alert", "inside", "curl -fsS -H 'Content-Type: application/json' -d "
                 "'[{\"labels\":{\"alertname\":\"kept\"}}]' http://127.0.0.1:9093/api/v2/alerts; sleep 1; "
                 "curl -fsS http://127.0.0.1:9093/api/v2/alerts", "kept"),
            Step("silence", "inside", "curl -fsS -H 'Content-Type: application/json' -d '{\"matchers\":"
                 "[{\"name\":\"a\",\"value\":\"precious\",\"isRegex\":false}],\"startsAt\":\"2026-01-01T00:00:00Z\","
                 "\"endsAt\":\"2099-01-01T00:00:00Z\",\"createdBy\":\"w\",\"comment\":\"w\"}' "
                 "http://127.0.0.1:9093/api/v2/silences", "silenceID"),
            Step("reload", "signal", "HUP"),
            Step("answers after it", "inside", "sleep 1; curl -fsS http://127.0.0.1:9093/api/v2/silences", "precious"),
        ),
        changes=("USER nobody", "VOLUME /alertmanager", "WORKDIR /alertmanager"),
        options=("-v known-data:/alertmanager",),
        kept="curl -fsS http://127.0.0.1:9093/api/v2/silences | grep -q precious",
    ),
    RunApplication(
        name="blackbox-exporter",
        image="prom/blackbox-exporter:v0.26.0",
        packages="prometheus-blackbox-exporter,busybox,curl",
        setup=(
            f"{HTTP_CLIENT}; printf 'modules:\\n  http_2xx: {{prober: http}}\\n  icmp: {{prober: icmp}}\\n"
            "  tcp: {prober: tcp}\\n' >/etc/prometheus/blackbox.yml"
        ),
        serve="exec prometheus-blackbox-exporter --config.file=/etc/prometheus/blackbox.yml",
        ready="curl -fsS http://127.0.0.1:9115/-/healthy",
        work=(
            Step("web page", "inside", "curl -fsS 'http://127.0.0.1:9115/probe?module=http_2xx&target="
                 "http://127.0.0.1:9115/-/healthy'", "probe_success 1"),
            Step("echo request", "inside", "curl -fsS 'http://127.0.0.1:9115/probe?module=icmp&target=127.0.0.1'",
                 "probe_success 1"),
            Step("reload", "signal", "HUP"),
            Step("connection after it", "inside", "sleep 1; curl -fsS 'http://127.0.0.1:9115/probe?module=tcp&target="
                 "127.0.0.1:9115'", "probe_success 1"),
        ),
        options=("--cap-add=NET_RAW",),
    ),
    RunApplication(
        name="registry",
        image="library/registry:2.8",
        packages="docker-registry,busybox,curl",
        setup=(
            f"mkdir -p /var/lib/registry /etc/docker/registry; {HTTP_CLIENT}; "
            "printf 'version: 0.1\\nstorage:\\n  delete: {enabled: true}\\n  filesystem: {rootdirectory: "
            "/var/lib/registry}\\nhttp: {addr: \":5000\"}\\n' >/etc/docker/registry/config.yml"
        ),
        serve="exec docker-registry serve /etc/docker/registry/config.yml",
        ready="curl -fsS http://127.0.0.1:5000/v2/",
        work=(
            Step("push", "inside", _UPLOAD, "201"),
            Step("pull", "inside", _BLOB, "3000000"),
            Step("collects garbage", "inside", "docker-registry garbage-collect --dry-run "
                 "/etc/docker/registry/config.yml 2>&1", "eligible for deletion"),
        ),
        changes=("VOLUME /var/lib/registry",),
        options=("-v known-data:/var/lib/registry",),
        kept=f"{_BLOB} | grep -q 3000000",
    ),
    RunApplication(
        name="nats",
        image="library/nats:2.10-alpine",
        packages="nats-server,busybox",
        setup=(
            f"mkdir -p /data /etc/nats; {HTTP_CLIENT}; printf 'http: 8222\\njetstream {{ store_dir: /data }}\\n' "
            ">/etc/nats/nats-server.conf"
        ),
        serve="exec nats-server --config /etc/nats/nats-server.conf",
        ready="busybox wget -q -O /dev/null http://127.0.0.1:8222/healthz",
        work=(
            Step("message", "inside", _talk("SUB here 1", "PUB here 8", "precious"), "precious"),
            Step("stream", "inside", _request("$JS.API.STREAM.CREATE.KEPT".replace("$", "\\$"), _CREATE), "KEPT"),
            Step("kept message", "inside", _talk("PUB kept 8", "precious"), "PONG"),
            Step("reload", "signal", "HUP"),
            Step("state after it", "inside", "sleep 1; busybox wget -qO- http://127.0.0.1:8222/jsz", "messages"),
        ),
        changes=('CMD ["nats-server"]',),
        options=("-v known-data:/data",),
        kept="busybox wget -qO- http://127.0.0.1:8222/jsz | grep -q '\"streams\": 1'",
    ),
    RunApplication(
        name="syncthing",
        image="syncthing/syncthing:1.29",
        packages="syncthing,curl",
        setup=(
            f"{account(1000, 'syncthing')}; mkdir -p /var/syncthing"
        ),
        as_root="chown 1000:1000 /var/syncthing",
        user="syncthing",
        serve="export HOME=/var/syncthing; exec syncthing serve --no-browser --home=/var/syncthing/config",
        ready="curl -fsS http://127.0.0.1:8384/rest/noauth/health",
        work=(
            Step("file", "owner", "mkdir -p /var/syncthing/share && echo precious >/var/syncthing/share/kept", ""),
            Step("folder", "owner", f"{_REST} -X POST -d '{{\"id\":\"kept\",\"path\":\"/var/syncthing/share\"}}' "
                 "http://127.0.0.1:8384/rest/config/folders; sleep 3; "
                 "curl -fsS -H \"X-API-Key: $k\" 'http://127.0.0.1:8384/rest/db/status?folder=kept'", '"localFiles": 1'),
            Step("scan", "owner", f"{_REST} -X POST 'http://127.0.0.1:8384/rest/db/scan?folder=kept' && echo well", "well"),
            Step("identity", "owner", f"{_REST} http://127.0.0.1:8384/rest/system/status", "myID"),
        ),
        changes=(
            "ENV PUID=1000 PGID=1000 HOME=/var/syncthing STGUIADDRESS=0.0.0.0:8384",
            "VOLUME /var/syncthing",
        ),
        options=("-v known-data:/var/syncthing",),
        kept="grep -q 'id=\"kept\"' /var/syncthing/config/config.xml",
    ),
    RunApplication(
        name="ntfy",
        image="binwiederhier/ntfy:v2.11.0",
        packages="ntfy,busybox,curl",
        setup=(
            f"mkdir -p /etc/ntfy /var/cache/ntfy /var/lib/ntfy; chown root: /var/cache/ntfy /var/lib/ntfy; {HTTP_CLIENT}; "
            "printf 'base-url: http://127.0.0.1\\nlisten-http: \":80\"\\ncache-file: /var/cache/ntfy/cache.db\\n"
            "attachment-cache-dir: /var/cache/ntfy/attachments\\nauth-file: /var/lib/ntfy/user.db\\n' >/etc/ntfy/server.yml"
        ),
        serve="exec ntfy serve",
        ready="curl -fsS http://127.0.0.1/v1/health",
        work=(
            Step("message", "inside", "curl -fsS -d precious http://127.0.0.1/kept", "precious"),
            Step("polls", "inside", "sleep 2; curl -fsS 'http://127.0.0.1/kept/json?poll=1&since=all'", "precious"),
            Step("attachment", "inside", "head -c 100000 /dev/zero | curl -fsS -T - -H 'Filename: big' "
                 "http://127.0.0.1/kept", "attachment"),
            Step("user", "inside", "ntfy user list 2>&1", "anonymous"),
            Step("reload", "signal", "HUP"),
            Step("message after it", "inside", "sleep 1; curl -fsS -d again http://127.0.0.1/kept", "again"),
        ),
        changes=('CMD ["serve"]',),
        options=("-v known-data:/var/cache/ntfy",),
        kept="curl -fsS 'http://127.0.0.1/kept/json?poll=1&since=all' | grep -q precious",
    ),
    RunApplication(
        name="influxdb",
        image="library/influxdb:1.8",
        packages="influxdb,busybox,curl",
        setup="rm -rf /var/lib/influxdb; mkdir -p /var/lib/influxdb",
        serve="exec influxd -config /etc/influxdb/influxdb.conf",
        ready="curl -fsS http://127.0.0.1:8086/ping",
        work=(
            Step("database", "inside", "curl -fsS -X POST http://127.0.0.1:8086/query --data-urlencode "
                 "'q=CREATE DATABASE kept'", "results"),
            Step("points", "inside", "for i in $(seq 2000); do echo \"t,n=$i v=$i\"; done | curl -fsS -X POST "
                 "--data-binary @- 'http://127.0.0.1:8086/write?db=kept' && echo well", "well"),
            Step("count", "inside", _COUNT, '"count"'),
        ),
        changes=("VOLUME /var/lib/influxdb", 'CMD ["influxd"]'),
        options=("-v known-data:/var/lib/influxdb",),
        kept=f"{_COUNT} | grep -q count",
    ),
    _POSTGRES._replace(
        name="pgvector",
        image="pgvector/pgvector:pg17",
        packages="postgresql,postgresql-17-pgvector,curl",
        work=(
            *_POSTGRES.work,
            Step("vectors", "inside", "psql -h 127.0.0.1 -U postgres -tc 'create extension if not exists vector' "
                 "-c 'create table if not exists v as select g, array[g, g % 7, 3]::vector(3) e from "
                 "generate_series(1,2000) g' -c 'create index if not exists i on v using hnsw (e vector_l2_ops)' "
                 "-c \"select g from v order by e <-> '[41,6,3]' limit 1\"", "41"),
        ),
    ),
    RunApplication(
        name="nginx-unprivileged",
        image="nginxinc/nginx-unprivileged:1.27",
        packages="nginx-light,curl",
        setup=(
            f"{account(101, 'nginx')}; rm -rf /etc/nginx/sites-enabled /etc/nginx/modules-enabled/* /etc/nginx/conf.d/*; "
            "mkdir -p /usr/share/nginx/html; echo it works >/usr/share/nginx/html/index.html; head -c 3000000 "
            "/dev/urandom >/usr/share/nginx/html/big; chmod -R a+rX /usr/share/nginx; ln -sf /dev/stdout "
            "/var/log/nginx/access.log; ln -sf /dev/stderr /var/log/nginx/error.log; chown -R nginx /etc/nginx; "
            "cat >/etc/nginx/nginx.conf <<'THE_CONF'\nworker_processes 2;\npid /tmp/nginx.pid;\n"
            "error_log /var/log/nginx/error.log;\nevents { worker_connections 64; }\nhttp {\n"
            " client_body_temp_path /tmp/client_temp;\n proxy_temp_path /tmp/proxy_temp_path;\n"
            " fastcgi_temp_path /tmp/fastcgi_temp;\n uwsgi_temp_path /tmp/uwsgi_temp;\n scgi_temp_path /tmp/scgi_temp;\n"
            " access_log /var/log/nginx/access.log;\n server { listen 8080; root /usr/share/nginx/html; "
            "client_max_body_size 9m; location /up { proxy_pass http://127.0.0.1:8080/echo; } location /echo { "
            "proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k; proxy_pass http://127.0.0.1:8080/big; } }\n}\nTHE_CONF"
        ),
        serve="exec nginx -g 'daemon off;'",
        ready="curl -fsS http://127.0.0.1:8080/",
        work=(
            Step("page", "inside", "curl -fsS http://127.0.0.1:8080/", "it works"),
            Step("buffered answer", "inside", "curl -fsS --limit-rate 2M http://127.0.0.1:8080/echo | wc -c", "3000000"),
            Step("buffered upload", "inside", "head -c 4000000 /dev/zero | curl -sS -o /dev/null -w '%{http_code}' "
                 "-T - http://127.0.0.1:8080/up", "405"),
            Step("reload", "signal", "HUP"),
            Step("page after it", "inside", "sleep 1; curl -fsS http://127.0.0.1:8080/", "it works"),
        ),
        changes=("USER 101", "STOPSIGNAL SIGQUIT", 'CMD ["nginx", "-g", "daemon off;"]'),
        options=("-p 8081:8080",),
    ),
)  # fmt: skip

APPLICATIONS = (*FIRST, *MORE)
