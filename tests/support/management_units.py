"""Units in the shapes that the deployment tools of a management server write, with made-up names.

They run podman through a shell or directly, take the image and more flags out of variables that
drop-ins set, leave optional variables unset, and have instances.
"""

_HEAD = """# {name}.service, made by the deployment tool
[Unit]
Description=Club {name}
After=network-online.target

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
Restart=on-failure
"""
_TAIL = """
ExecStop=/usr/bin/podman stop --ignore -t 10 --cidfile=%t/%n.ctr-id
PIDFile=%t/%n.pid
Type=forking

[Install]
WantedBy=multi-user.target default.target
"""
_PROXY = """ExecStart=/bin/sh -c '/usr/bin/podman run \\
	--conmon-pidfile %t/{name}.pid \\
	--cidfile %t/{name}.ctr-id \\
	--cgroups=no-conmon \\
	--pod-id-file %t/club-proxy-pod.pod-id -d \\
	--replace -dt \\
	-v /etc/club/proxy:/etc/club:ro \\
	-v {name}-cache:/var/cache \\
	--secret {name}-key,type=mount,mode=0400,target="/etc/ssl/server.key" \\
	{extra}--name {name} \\
	${{CLUB_IMAGE}}'
"""
_SERVER = """Environment=CLUB_BACKUP=''
ExecStart=/bin/sh -c '/usr/bin/podman run \\
	--conmon-pidfile %t/club-server.pid \\
	--cidfile=%t/%n.ctr-id \\
	--cgroups=no-conmon \\
	--shm-size=0 \\
	--shm-size-systemd=0 \\
	--sdnotify=conmon \\
	--systemd=always \\
	-d \\
	--name club-server \\
	--hostname club-server.mgr.internal \\
	--cap-add NET_RAW --tmpfs /run \\
	-p 443:443 \\
	-p 4505:4505/tcp \\
	-v var-club:/var/lib/club \\
	--env-file=/etc/club/server.env \\
	--network club \\
	--secret club-user,type=env,target=MANAGER_USER \\
	--secret club-pass,type=env,target=MANAGER_PASS \\
	--secret club-ca,type=mount,target=/etc/pki/trust/anchors/CA \\
	--health-on-failure=stop \\
	--health-cmd=/usr/bin/healthcheck.sh \\
	--health-startup-cmd=/usr/bin/startup-check.sh \\
	--health-startup-interval=10s \\
	${CLUB_BACKUP} ${PODMAN_EXTRA_ARGS} ${CLUB_IMAGE}'
"""
_HUB = """Environment=CLUB_API=http://club.example:80/rpc
ExecStart=/usr/bin/podman run \\
	--conmon-pidfile %t/club-hub-%i.pid \\
	--cidfile=%t/%n-%i.ctr-id \\
	--cgroups=no-conmon \\
	--sdnotify=conmon \\
	-d \\
	--replace \\
        -p 2830:2830 \\
	-e CLUB_API \\
	-e CLUB_TIMEOUT \\
	--secret club-ca,type=mount,target=/etc/pki/ca.pem \\
	--name club-hub-%i \\
	--network club \\
	${CLUB_HUB_IMAGE}
"""
_EVENTS = """ExecStart=/bin/sh -c '/usr/bin/podman run \\
	--conmon-pidfile %t/club-events-%i.pid \\
	--cidfile=%t/%n-%i.ctr-id \\
	--cgroups=no-conmon \\
	--sdnotify=conmon \\
	--security-opt label=type:container_init_t \\
	-d \\
	--name club-events-%i \\
	-e TZ=${TZ} \\
	-e NOSSL=YES \\
	-e database_connection  \\
	--network club \\
	-v var-events:/var/lib/events \\
	${CLUB_EVENTS_IMAGE}'
"""
_BOOT = """ExecStart=/usr/bin/podman run \\
	--conmon-pidfile %t/club-boot.pid \\
	--cidfile %t/club-boot.ctr-id \\
	--cgroups=no-conmon \\
	--replace -d \\
	-p 69:69/udp \\
	--name club-boot \\
	--network club \\
	${CLUB_BOOT_IMAGE} \\
	/usr/sbin/tftpd -L
"""
_FILE = "EnvironmentFile=-/etc/sysconfig/club-proxy.config\n"
IMAGE = "registry.example/club:1"


def _unit(name: str, body: str) -> str:
    return _HEAD.format(name=name) + body + _TAIL


def _proxy(
    name: str,
    extra: str = "",
    before: str = "",
) -> str:
    return _unit(name, before + _PROXY.format(name=name, extra=extra))


UNITS: dict[str, tuple[str, str, str]] = {
    "club-server.service": (
        _unit("club-server", _SERVER),
        "CLUB_IMAGE",
        "club-server",
    ),
    "club-hub@1.service": (
        _unit("club-hub@", _HUB),
        "CLUB_HUB_IMAGE",
        "club-hub-1",
    ),
    "club-events@0.service": (
        _unit("club-events@", _EVENTS),
        "CLUB_EVENTS_IMAGE",
        "club-events-0",
    ),
    "club-boot.service": (
        _unit("club-boot", _BOOT),
        "CLUB_BOOT_IMAGE",
        "club-boot",
    ),
    "club-web.service": (
        _proxy("club-web", "${WEB_EXTRA_CONF} "),
        "CLUB_IMAGE",
        "club-web",
    ),
    "club-cache.service": (
        _proxy("club-cache", "${CACHE_EXTRA_CONF} "),
        "CLUB_IMAGE",
        "club-cache",
    ),
    "club-broker.service": (_proxy("club-broker"), "CLUB_IMAGE", "club-broker"),
    "club-old.service": (
        _proxy("club-old", "${OLD_EXTRA_CONF} ", _FILE),
        "CLUB_IMAGE",
        "club-old",
    ),
}
"""Name of the service -> its text, the variable of its image, the name of its container."""


def image_drop_in(variable: str) -> str:
    """What the tool writes beside a unit: which image it runs."""
    return f"[Service]\nEnvironment={variable}={IMAGE}\n"
