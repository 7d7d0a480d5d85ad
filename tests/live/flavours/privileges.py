"""Users, namespaces of users, capabilities, devices, privileged mode: steps 4 and 8."""

from __future__ import annotations

from tests.live.flavours.model import ROOTFUL, ROOTLESS, Flavour, ids

_ALL_CAPABILITIES = ids("default-capabilities-kept host-takeover-capabilities disruptive-capabilities") | ids(
    "docker-default-capabilities"
)
_PRIVILEGED = _ALL_CAPABILITIES | ids("privileged seccomp-unconfined unmasked-system-paths host-devices")
_FULL = ("userns", "capabilities", "privileges")
_SHARED_IDS = ("--uidmap=0:2110000000:1024", "--gidmap=0:2110000000:1024")
_STRANGER = ids("userns")

FLAVOURS = (
    Flavour("hardened"),
    Flavour("hardened-named-user", image="localhost/truth-named:1.0"),
    Flavour("hardened-numeric-user", arguments=("--user=1000:1000",), image="localhost/truth-root:1.0"),
    Flavour("hardened-keep-id", arguments=("--userns=keep-id",), without=ids("userns"), engines=(ROOTLESS,)),
    Flavour("user-root", ids("root-user"), image="localhost/truth-root:1.0"),
    Flavour("user-zero", ids("root-user"), ("--user=0",)),
    Flavour("user-zero-group", ids("root-user"), image="localhost/truth-zero:1.0"),
    Flavour("user-named-root", ids("root-user"), ("--user=root:101",)),
    Flavour(
        "host-userns",
        bad_on={ROOTFUL: ids("host-user-namespace")},
        arguments=("--userns=host",),
        without=ids("userns"),
    ),
    Flavour("no-userns", bad_on={ROOTFUL: ids("host-user-namespace")}, without=ids("userns")),
    Flavour(
        "uidmap",
        arguments=("--uidmap=0:2100000000:1024", "--gidmap=0:2100000000:1024"),
        without=ids("userns"),
        engines=(ROOTFUL,),
    ),
    Flavour("uidmap-shared", ids("overlapping-uid-ranges"), _SHARED_IDS, _STRANGER, engines=(ROOTFUL,)),
    Flavour(
        "uidmap-shared-too",
        ids("overlapping-uid-ranges"),
        (*_SHARED_IDS, "--network=truth-other", "--label=app=other", "--label=owner=tests"),
        _STRANGER | ids("network owner"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "exec-root", ids("root-exec-session"), after=(("exec", "-d", "--user=0", "{}", "sleep", "3600"),)
    ),
    Flavour(
        "exec-group-0",
        ids("root-exec-session"),
        ("--user=1000:1000",),
        after=(("exec", "-d", "--user=1000:0", "{}", "sleep", "3600"),),
    ),
    Flavour("exec-same-user", after=(("exec", "-d", "{}", "sleep", "3600"),)),
    Flavour("new-privileges", ids("new-privileges-allowed"), without=ids("privileges")),
    Flavour("group-disk-mapped", arguments=("--group-add=disk",)),
    Flavour(
        "group-disk",
        ids("dangerous-supplementary-groups host-user-namespace"),
        ("--group-add=disk",),
        without=ids("userns"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "group-number-mapped",
        arguments=("--group-add=6",),
    ),
    Flavour(
        "group-number-host",
        ids("dangerous-supplementary-groups host-user-namespace"),
        ("--group-add=6",),
        without=ids("userns"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "group-keep", ids("dangerous-supplementary-groups"), ("--group-add=keep-groups",), engines=(ROOTLESS,)
    ),
    Flavour(
        "group-root-by-default",
        ids("dangerous-supplementary-groups host-user-namespace"),
        ("--user=1000",),
        without=ids("userns"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "group-root-by-user",
        ids("dangerous-supplementary-groups host-user-namespace"),
        ("--user=1000:0",),
        without=ids("userns"),
        engines=(ROOTFUL,),
    ),
    Flavour("group-root-mapped", arguments=("--user=1000",), engines=(ROOTFUL,)),
    Flavour(
        "group-of-account", ids("dangerous-supplementary-groups"), ("--user=1000:0",), engines=(ROOTLESS,)
    ),
    Flavour(
        "group-of-account-by-default",
        ids("dangerous-supplementary-groups"),
        ("--user=1000",),
        engines=(ROOTLESS,),
    ),
    Flavour(
        "group-of-account-added",
        ids("dangerous-supplementary-groups"),
        ("--user=1000:1000", "--group-add=root"),
        engines=(ROOTLESS,),
    ),
    Flavour("group-harmless", arguments=("--group-add=242",)),
    Flavour("default-caps", ids("default-capabilities-kept"), without=ids("capabilities")),
    Flavour(
        "drop-one-default",
        arguments=("--cap-drop=SETFCAP",),
        without=ids("capabilities"),
    ),
    Flavour("cap-chown", arguments=("--cap-add=CHOWN",)),
    Flavour("cap-sys-admin", ids("host-takeover-capabilities"), ("--cap-add=SYS_ADMIN",)),
    Flavour("cap-sys-ptrace", ids("host-takeover-capabilities"), ("--cap-add=cap_sys_ptrace",)),
    Flavour("cap-net-admin", ids("disruptive-capabilities"), ("--cap-add=NET_ADMIN",)),
    Flavour("cap-net-raw", ids("docker-default-capabilities"), ("--cap-add=NET_RAW",)),
    Flavour("cap-all", _ALL_CAPABILITIES, ("--cap-add=ALL",), without=ids("capabilities")),
    Flavour(
        "caps-of-image", arguments=("--cap-drop=all", "--cap-add=CHOWN"), image="localhost/truth-caps:1.0"
    ),
    Flavour(  # Podman narrows what was added to what the image says it needs
        "caps-narrowed-to-image",
        ids("root-user"),
        ("--cap-add=CHOWN,FOWNER",),
        image="localhost/truth-caps-root:1.0",
    ),
    Flavour(
        "caps-beyond-image",
        ids("unneeded-capabilities disruptive-capabilities root-user"),
        ("--cap-drop=CHOWN", "--cap-add=NET_ADMIN"),
        without=ids("capabilities"),
        image="localhost/truth-caps-root:1.0",
    ),
    Flavour(
        "cap-default-added",
        ids("default-capabilities-kept"),
        ("--cap-add=CHOWN",),
        without=ids("capabilities"),
    ),
    Flavour(
        "privileged",
        _PRIVILEGED,
        ("--privileged",),
        without=frozenset(_FULL),
        bad_on={
            ROOTFUL: ids("host-user-namespace new-privileges-allowed open-device-cgroup"),
            ROOTLESS: ids("new-privileges-allowed"),
        },
    ),
    Flavour(
        "privileged-with-userns",
        _PRIVILEGED | ids("open-device-cgroup new-privileges-allowed"),
        ("--privileged",),
        without=ids("capabilities privileges"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "as-good-as-privileged",
        _ALL_CAPABILITIES | ids("privileged seccomp-unconfined"),
        ("--cap-add=ALL", "--security-opt=seccomp=unconfined"),
        without=ids("capabilities"),
    ),
    Flavour("device-fuse", ids("host-devices"), ("--device=/dev/fuse",), engines=(ROOTFUL,)),
    Flavour("device-tun-rootless", ids("host-devices"), ("--device=/dev/net/tun",), engines=(ROOTLESS,)),
    Flavour("device-null", arguments=("--device=/dev/null:/dev/mynull",)),
    Flavour(
        "device-rule-all",
        ids("open-device-cgroup"),
        ("--device-cgroup-rule=b *:* rwm",),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "device-rule-one",
        arguments=("--device-cgroup-rule=c 188:1 rw",),
        engines=(ROOTFUL,),
    ),
)
