"""Real services as images, for the table of trials: each of a Debian package that this host has."""

from tests.support.images import ServiceImage

_PASSWD = """\
root:x:0:0:root:/root:/bin/sh
www-data:x:33:33::/var/www:/bin/false
nobody:x:65534:65534::/:/bin/false
"""
_GROUP = "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n"
_ACCOUNTS = {
    "etc/passwd": _PASSWD,
    "etc/group": _GROUP,
    "etc/nsswitch.conf": "passwd: files\ngroup: files\n",
}
_DIRECTORIES = {
    "tmp": (0, 0o1777),
    "run": (0, 0o755),
    "var/log": (0, 0o755),
}

LIGHTTPD = ServiceImage(
    reference="localhost/lighttpd:1",
    package="lighttpd",
    program="lighttpd",
    files={
        **_ACCOUNTS,
        "etc/lighttpd.conf": (
            'server.document-root = "/var/www"\nserver.port = 80\nserver.username = "www-data"\n'
            'server.groupname = "www-data"\nserver.pid-file = "/var/lib/lighttpd/pid"\nserver.modules = ()\n'
            'server.errorlog = "/dev/stderr"\nindex-file.names = ("index.html")\n'
        ),
        "var/www/index.html": "it works\n",
    },
    directories={**_DIRECTORIES, "var/lib/lighttpd": (33, 0o755)},
    changes=(
        'ENTRYPOINT ["/usr/sbin/lighttpd", "-D", "-f", "/etc/lighttpd.conf"]',
        "EXPOSE 80/tcp",
    ),
)

MEMCACHED = ServiceImage(
    reference="localhost/memcached:1",
    package="memcached",
    program="memcached",
    files=_ACCOUNTS,
    directories=_DIRECTORIES,
    changes=(
        'ENTRYPOINT ["/usr/bin/memcached", "-u", "nobody", "-l", "0.0.0.0"]',
        "EXPOSE 11211/tcp",
    ),
)

MOSQUITTO = ServiceImage(
    reference="localhost/mosquitto:1",
    package="mosquitto",
    program="mosquitto",
    files={
        **_ACCOUNTS,
        "etc/mosquitto.conf": (
            "listener 1883 0.0.0.0\nallow_anonymous true\nuser nobody\npersistence true\n"
            "persistence_location /var/lib/mosquitto/\nlog_dest stderr\n"
        ),
    },
    directories={**_DIRECTORIES, "var/lib/mosquitto": (65534, 0o755)},
    changes=(
        'ENTRYPOINT ["/usr/sbin/mosquitto", "-c", "/etc/mosquitto.conf"]',
        "EXPOSE 1883/tcp",
    ),
)

HAPROXY = ServiceImage(
    reference="localhost/haproxy:1",
    package="haproxy",
    program="haproxy",
    files={
        **_ACCOUNTS,
        "etc/haproxy.cfg": (
            "global\n  user nobody\n  group nogroup\n  chroot /var/lib/haproxy\n  maxconn 100\n"
            "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n"
            "frontend web\n  bind :80\n  http-request return status 200 content-type text/plain string ok\n"
        ),
    },
    directories={**_DIRECTORIES, "var/lib/haproxy": (0, 0o755)},
    changes=(
        'ENTRYPOINT ["/usr/sbin/haproxy", "-W", "-db", "-f", "/etc/haproxy.cfg"]',
        "EXPOSE 80/tcp",
    ),
)

DNSMASQ = ServiceImage(
    reference="localhost/dnsmasq:1",
    package="dnsmasq-base",
    program="dnsmasq",
    files=_ACCOUNTS,
    directories=_DIRECTORIES,
    changes=(
        'ENTRYPOINT ["/usr/sbin/dnsmasq", "-k", "--user=nobody", "--group=nogroup", "--no-resolv", '
        '"--pid-file=/run/dnsmasq.pid", "--address=/known.test/192.0.2.7"]',
        "EXPOSE 53/tcp",
    ),
)

RSYNC = ServiceImage(
    reference="localhost/rsync:1",
    package="rsync",
    program="rsync",
    files={
        **_ACCOUNTS,
        "etc/rsyncd.conf": (
            "uid = nobody\ngid = nogroup\nuse chroot = yes\n[files]\n  path = /srv\n"
        ),
        "srv/file": "it works\n",
    },
    directories=_DIRECTORIES,
    changes=(
        'ENTRYPOINT ["/usr/bin/rsync", "--daemon", "--no-detach", "--config=/etc/rsyncd.conf"]',
        "EXPOSE 873/tcp",
    ),
)

SUPERVISED = ServiceImage(
    reference="localhost/supervised:1",
    package="coreutils",
    program="env",  # one that has libraries, as `build` expects
    files={
        **_ACCOUNTS,
        "entry": (
            "#!/bin/sh\ntrap 'exit 0' TERM\n"
            "while :; do su -s /bin/sh www-data -c 'exec httpd -f -p 8080 -h /srv'; sleep 1; done &\n"
            "while :; do date >/var/clock/now; sleep 1; done &\nwait\n"
        ),
        "srv/index.html": "it works\n",
    },
    directories={**_DIRECTORIES, "var/clock": (0, 0o755)},
    links={
        f"bin/{name}": "busybox"
        for name in ("sh", "su", "httpd", "date", "sleep")
    },
    changes=('ENTRYPOINT ["/bin/sh", "/entry"]', "ENV PATH=/bin", "EXPOSE 8080/tcp"),
)  # fmt: skip
