"""Services that listen on sockets of a host, and what they let their clients do.

Its sources are the documentation of the services."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct


class Power(StrEnum):
    ENGINE = "control the container engine"
    UNITS = "start host services"
    MACHINES = "start virtual machines and containers"
    PACKAGES = "install software on the host"
    COMMANDS = "run commands as a user"
    KEYS = "use a user's keys"
    SCREEN = "read the screen and the keyboard"
    DEVICES = "configure the host's hardware and network"
    NOTHING = "talk to that one service"


class Service(Struct, frozen=True):
    """A service of the host: its name and what it lets its clients do."""

    name: str
    power: Power


_BUS = "the D-Bus system bus"


PATHS: tuple[tuple[str, str, Power], ...] = (
    ("/run/podman/podman.sock", "Podman", Power.ENGINE),
    (
        "/run/user/*/podman/podman.sock",
        "Podman",
        Power.ENGINE,
    ),
    ("*/podman.sock", "Podman", Power.ENGINE),
    ("*/docker.sock", "Docker", Power.ENGINE),
    ("*/containerd.sock", "containerd", Power.ENGINE),
    ("*/containerd.sock.ttrpc", "containerd", Power.ENGINE),
    ("*/crio.sock", "CRI-O", Power.ENGINE),
    ("*/cri-dockerd.sock", "Docker", Power.ENGINE),
    ("*/buildkitd.sock", "BuildKit", Power.ENGINE),
    ("*/io.podman", "Podman", Power.ENGINE),
    ("*/nri.sock", "containerd", Power.ENGINE),
    ("/run/dbus/system_bus_socket", _BUS, Power.UNITS),
    ("/run/systemd/private", "systemd", Power.UNITS),
    (
        "/run/user/*/systemd/private",
        "a user's systemd",
        Power.UNITS,
    ),
    ("/run/user/*/bus", "a user's D-Bus", Power.UNITS),
    ("/run/initctl", "init", Power.UNITS),
    ("*/fail2ban.sock", "Fail2ban", Power.UNITS),
    ("*/supervisor.sock", "Supervisor", Power.UNITS),
    ("*/supervisord.sock", "Supervisor", Power.UNITS),
    ("*salt*/*.ipc", "Salt", Power.UNITS),
    ("/run/systemd/io.systemd.*", "systemd", Power.NOTHING),
    ("/run/lxd.socket", "LXD", Power.MACHINES),
    ("*/lxd/unix.socket", "LXD", Power.MACHINES),
    ("*/lxd-user/unix.socket", "LXD", Power.MACHINES),
    ("*/incus/unix.socket*", "Incus", Power.MACHINES),
    ("*/libvirt/*-sock-ro", "libvirt", Power.NOTHING),
    ("*/libvirt/*-sock", "libvirt", Power.MACHINES),
    ("*/libvirt/*-admin-sock", "libvirt", Power.MACHINES),
    ("*/qemu-server/*.qmp", "QEMU", Power.MACHINES),
    ("/run/snapd.socket", "snapd", Power.PACKAGES),
    ("/run/snapd-snap.socket", "snapd", Power.NOTHING),
    (
        "/run/rpm-ostreed.socket",
        "rpm-ostree",
        Power.PACKAGES,
    ),
    ("*/tmux-*/*", "tmux", Power.COMMANDS),
    ("*/screen/S-*", "screen", Power.COMMANDS),
    ("*/emacs*/server", "Emacs", Power.COMMANDS),
    ("*/nvim*.0", "Neovim", Power.COMMANDS),
    ("*/vscode-*.sock", "VS Code", Power.COMMANDS),
    ("*/zellij/*", "Zellij", Power.COMMANDS),
    ("*/firecracker*.sock*", "Firecracker", Power.MACHINES),
    ("*/ssh-*/agent.*", "ssh-agent", Power.KEYS),
    ("*ssh-agent*", "ssh-agent", Power.KEYS),
    ("*/.1password/agent.sock", "ssh-agent", Power.KEYS),
    ("*/gcr/*ssh", "ssh-agent", Power.KEYS),
    ("*/yubikey-agent*", "ssh-agent", Power.KEYS),
    ("*/org.keepassxc.*", "KeePassXC", Power.KEYS),
    (
        "*/.heim_org.h5l.kcm-socket",
        "the Kerberos cache",
        Power.KEYS,
    ),
    ("*/gssproxy*.sock", "GSS-Proxy", Power.KEYS),
    ("*/gssproxy/*.sock", "GSS-Proxy", Power.KEYS),
    ("*spire*/*.sock", "SPIRE", Power.KEYS),
    ("*/openssh_agent", "ssh-agent", Power.KEYS),
    ("*/keyring/*", "a user's key ring", Power.KEYS),
    ("*/S.gpg-agent*", "gpg-agent", Power.KEYS),
    ("*/.X11-unix/X*", "the X server", Power.SCREEN),
    (
        "/run/user/*/wayland-*",
        "the Wayland compositor",
        Power.SCREEN,
    ),
    ("*/cups/cups.sock", "CUPS", Power.DEVICES),
    (
        "/run/pcscd/pcscd.comm",
        "the smart card reader",
        Power.KEYS,
    ),
    ("/run/udev/control", "udev", Power.DEVICES),
    (
        "/run/NetworkManager/private*",
        "NetworkManager",
        Power.DEVICES,
    ),
    (
        "/run/wpa_supplicant/*",
        "wpa_supplicant",
        Power.DEVICES,
    ),
    ("/run/multipathd.sock", "multipathd", Power.DEVICES),
    ("/run/lvm/*.socket", "LVM", Power.DEVICES),
    ("/run/frr/*", "FRRouting", Power.DEVICES),
    ("/run/openvswitch/*", "Open vSwitch", Power.DEVICES),
    ("*/tailscaled.sock", "Tailscale", Power.DEVICES),
    ("/run/bird*/*.ctl", "BIRD", Power.DEVICES),
    ("/run/bird.ctl", "BIRD", Power.DEVICES),
    ("/run/wireguard/*.sock", "WireGuard", Power.DEVICES),
    ("*/charon.*", "strongSwan", Power.DEVICES),
    ("/run/hostapd/*", "hostapd", Power.DEVICES),
)
"""Paths of well-known sockets, from the documentation of the services; used if the listening
program is not known. `*` matches any text, including slashes."""


_PROGRAMS = """\
ENGINE Podman: podman, podman.socket, podman-system-service
ENGINE Docker: dockerd, docker, docker.socket, cri-dockerd
ENGINE containerd: containerd, containerd-shim-runc-v2, nerdctl
ENGINE CRI-O: crio
ENGINE BuildKit: buildkitd
UNITS D-Bus: dbus-daemon, dbus-broker, dbus-broker-launch
UNITS the D-Bus system bus: dbus.socket, dbus-broker.service
UNITS Supervisor: supervisord
UNITS Fail2ban: fail2ban-server
UNITS Salt: salt-master, salt-minion, venv-salt-minion
MACHINES LXD: lxd, lxd-user
MACHINES Incus: incusd, incus-user
MACHINES libvirt: libvirtd, virtqemud, virtproxyd, virtlxcd, virtstoraged, virtnetworkd
MACHINES systemd-machined: systemd-machined
MACHINES Firecracker: firecracker
PACKAGES snapd: snapd
PACKAGES rpm-ostree: rpm-ostree, rpm-ostreed
PACKAGES PackageKit: packagekitd
COMMANDS tmux: tmux, tmux: server
COMMANDS screen: screen, SCREEN
COMMANDS Emacs: emacs, emacs-nox, emacs-gtk, emacs-pgtk
COMMANDS Neovim: nvim
COMMANDS Zellij: zellij
COMMANDS kitty: kitty
KEYS ssh-agent: ssh-agent, gcr-ssh-agent, 1password, yubikey-agent
KEYS gpg-agent: gpg-agent, scdaemon
KEYS the smart card reader: pcscd
KEYS a key ring: gnome-keyring-daemon, kwalletd5, kwalletd6
KEYS SPIRE: spire-agent
KEYS the Kerberos cache: sssd_kcm
KEYS GSS-Proxy: gssproxy
KEYS KeePassXC: keepassxc
SCREEN the X server: Xorg, X, Xwayland, Xvnc, Xvfb
SCREEN the Wayland compositor: gnome-shell, kwin_wayland, sway, weston, Hyprland, labwc
DEVICES CUPS: cupsd
DEVICES Tailscale: tailscaled
DEVICES BIRD: bird
DEVICES strongSwan: charon, charon-systemd
DEVICES hostapd: hostapd
DEVICES multipathd: multipathd
DEVICES udev: systemd-udevd
DEVICES NetworkManager: NetworkManager
DEVICES wpa_supplicant: wpa_supplicant
"""


PROGRAMS = {
    program: Service(name, Power[power])
    for row in _PROGRAMS.splitlines()
    for power, name, programs in re.findall(r"(\w+) (.*?): (.*)", row)
    for program in programs.split(", ")
}
"""Programs that listen, and the units for which systemd listens. QEMU starts with the name of a
machine."""


SPEAKS_FOR_OTHERS = frozenset({"systemd", "init"})


RELAYS = frozenset({"socat", "nc", "ncat", "systemd-socket-proxyd", "ssh", "sshd", "sshd-session"})
"""Programs that forward connections to another service."""


INTERPRETER = (
    r"(?:python|perl|ruby|lua|php|node|java|guile|tclsh|erl|pypy)[\d.]*"
    r"|bun|deno|dotnet|mono|beam\.smp|sh|bash|dash|ash|zsh|ksh|busybox"
)
"""Programs that say nothing about the service: it is in the script that they run."""
