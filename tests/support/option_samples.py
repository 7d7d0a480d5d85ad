"""A value for every option of the table that is not its default."""

from typing import Any

from hardentui.model.spec import Option
from hardentui.options import *

VALUES: dict[Option[Any], Any] = {
    MEMORY: 512 << 20,
    CPUS: 1.5,
    NO_NEW_PRIVILEGES: True,
    TLS_VERIFY: False,
    ENTRYPOINT: ("/bin/sh", "-c"),
    ENV: ("A=1,2", "B="),
    SYSCTL: ("net.core.somaxconn=1,2",),
    ULIMIT: ("nofile=1:2", "host"),
    CAP_ADD: ("CAP_CHOWN", "net_raw"),
    MASK: ("/proc/a", "/proc/b"),
    UNMASK: ("ALL",),
    LABEL_DISABLE: True,
    LABEL_TYPE: "spc_t",
    SECCOMP_PROFILE: "/etc/a:b=c.json",
    APPARMOR: "mine",
    NETWORK: ("front", "back:alias=a,ip=10.0.0.2"),
    PUBLISH: (
        Port(80, "8080", "127.0.0.1"),
        Port(80, "8080", "::1"),
        Port(53, "", "", "udp"),
    ),
    MOUNTS: (
        Mount("bind", "/srv", "/srv", ("ro", "z")),
        Mount("volume", "data", "/d:x"),
        Mount("image", "i", "/i"),
    ),
    TMPFS: ("/run:size=1m", "/tmp"),
    DEVICES: ("/dev/kvm:/dev/kvm:r", "/dev/kvm:/dev/other:rw"),
    SECRETS: ("key,type=mount,mode=0400", "key,type=env,target=KEY"),
    HEALTH_INTERVAL: "90s",
    HEALTH_ON_FAILURE: "kill",
    COMMAND: ("one", "two three"),
}


def sample(option: Option[Any]) -> Any:
    """A value of the option's type that is not its default."""
    if option in VALUES:
        return VALUES[option]
    kinds = {
        bool: not option.default,
        int: 7,
        float: 2.5,
        str: "some:thing=else,more",
    }
    return ("one", "two,three=4") if option.is_list else kinds[type(option.default)]


SIZES = {
    "1024": 1024,
    "1b": 1,
    "1kb": 1024,
    "10mib": 10 << 20,
    "10MiB": 10 << 20,
    "0.5g": 512 << 20,
    "1.5g": 3 << 29,
    "12 m": 12 << 20,
    "12 ": 12,
    "1t": 1 << 40,
    "1p": 1 << 50,
    "0": 0,
}
"""What every Podman takes as a size, and the bytes that it means."""

NO_SIZES = ("m", "12  m", " 12m", "1bb", "1kib2", "1e", "1,5g", "1x", "g1", "12 mm", "٣k")
"""What every Podman refuses."""
