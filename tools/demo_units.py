"""Unit files of the simulated host: an admin's Quadlet, and a generated unit as Uyuni's tools make
one."""

from __future__ import annotations

SHOP_WEB = """\
# The shop front. Ask the web team before you change the ports.
[Unit]
Description=Shop front
After=network-online.target

[Container]
Image=docker.io/library/nginx:1.27
ContainerName=shop-web
Network=shop-net
# plain http; TLS ends at the load balancer
PublishPort=80:80
Volume=/srv/www:/usr/share/nginx/html

[Install]
WantedBy=multi-user.target
"""

UYUNI_SERVER = """\
# uyuni-server.service, generated. Use uyuni-server.service.d to change it.
[Unit]
Description=Uyuni server image container service
Wants=network.target
After=network-online.target
RequiresMountsFor=%t/containers

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
Restart=on-failure
ExecStartPre=/bin/rm -f %t/uyuni-server.pid %t/%n.ctr-id
ExecStart=/bin/sh -c '/usr/bin/podman run \\
    --conmon-pidfile %t/uyuni-server.pid \\
    --cidfile=%t/%n.ctr-id \\
    --cgroups=no-conmon \\
    --sdnotify=conmon \\
    -d \\
    --name uyuni-server \\
    --hostname uyuni.example.com \\
    --systemd=always \\
    --cap-add NET_RAW \\
    --tmpfs /run \\
    --stop-timeout 30 \\
    -p 8443:443 -p 4505:4505 -p 4506:4506 \\
    -v var-cobbler:/var/lib/cobbler -v var-search:/var/lib/rhn/search \\
    -v var-salt:/var/lib/salt -v var-spacewalk:/var/spacewalk -v var-log:/var/log \\
    -v srv-salt:/srv/salt -v srv-www:/srv/www -v root:/root -v etc-rhn:/etc/rhn \\
    -v etc-tls:/etc/pki/tls -v etc-salt:/etc/salt \\
    -e TZ=${TZ} \\
    --secret uyuni-db-pass,type=env,target=MANAGER_PASS \\
    ${PODMAN_EXTRA_ARGS} ${UYUNI_IMAGE}'
ExecStop=/usr/bin/podman exec uyuni-server /bin/bash -c 'spacewalk-service stop'
ExecStop=/usr/bin/podman stop --ignore -t 10 --cidfile=%t/%n.ctr-id
ExecStopPost=/usr/bin/podman rm -f --ignore -t 10 --cidfile=%t/%n.ctr-id
PIDFile=%t/uyuni-server.pid
TimeoutStopSec=180
TimeoutStartSec=900
Type=forking

[Install]
WantedBy=multi-user.target default.target
"""

UYUNI_GENERATED = """\
# This file is generated and overwritten at upgrades.
[Service]
Environment=UYUNI_IMAGE=registry.opensuse.org/uyuni/server:2026.10
Environment=TZ=Europe/Berlin
"""

UYUNI_CUSTOM = """\
[Service]
Environment="PODMAN_EXTRA_ARGS="
"""

UNIT_TEXTS = {
    "/etc/containers/systemd/shop-web.container": SHOP_WEB,
    "/etc/systemd/system/uyuni-server.service": UYUNI_SERVER,
    "/etc/systemd/system/uyuni-server.service.d/generated.conf": UYUNI_GENERATED,
    "/etc/systemd/system/uyuni-server.service.d/custom.conf": UYUNI_CUSTOM,
}
