"""What access to a path of the host allows; a directory above such a path allows the same."""

from __future__ import annotations

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from itertools import pairwise

from hardentui.model.gain import Gain, Gained


class HostAccess(StrEnum):
    """What access to a path gives."""

    ROOT_CODE = "code that root runs"
    KERNEL = "control of the kernel"
    DISKS = "whole disks"
    ENGINE = "the engine's storage"
    USER_CODE = "code that a user runs"
    CREDENTIALS = "credentials"
    OTHERS = "data of others"
    SETTINGS = "settings of the host"
    REPOSITORY = "hooks of Git, which run on the host with the next commit"
    CGROUPS = "all processes, to freeze and to kill them"


NOTHING: frozenset[HostAccess] = frozenset()
CODE = frozenset({HostAccess.ROOT_CODE})
KERNEL = frozenset({HostAccess.KERNEL})
DISKS = frozenset({HostAccess.DISKS})
ENGINE = frozenset({HostAccess.ENGINE})
USER = frozenset({HostAccess.USER_CODE})
SECRET = frozenset({HostAccess.CREDENTIALS})
OTHERS = frozenset({HostAccess.OTHERS})
SETTINGS = frozenset({HostAccess.SETTINGS})
REPOSITORY = frozenset({HostAccess.REPOSITORY})
CGROUPS = frozenset({HostAccess.CGROUPS})

IN_A_HOME_READ = """
    .ssh .gnupg .aws .azure .config/gcloud .config/doctl .oci .kube .docker .netrc
    .config/containers/auth.json .config/containers/certs.d
    .pgpass .my.cnf .mylogin.cnf .git-credentials .config/git .config/gh .config/glab-cli .config/hub
    .npmrc .yarnrc.yml .pypirc .m2 .gradle .gem .cargo/credentials .cargo/credentials.toml .terraform.d
    .vault-token .config/rclone .config/op .config/sops .age .password-store .local/share/keyrings
    .local/share/kwalletd .mozilla .config/google-chrome .config/chromium .thunderbird .purple
    .config/filezilla .cert .pki .ansible .boto .s3cfg .step .config/helm .helm .rhosts .bash_history
    .zsh_history .psql_history .mysql_history .python_history .config/rhsm .config/osc .oscrc
    .cifscredentials .smbcredentials .config/restic .config/borg .electrum .bitcoin
    .dockercfg .kaggle .aliyun .chef .vagrant.d .ovh.conf .config/rbw .local/share/juju .snowflake
    .Xauthority .ICEauthority .config/github-copilot .copilot .claude .claude.json .codex .gemini
    .config/hcloud .config/linode-cli .config/scw .config/fly .fly .config/netlify .config/.wrangler .wrangler
    .pulumi .databrickscfg .sentryclirc .config/stripe .huggingface .cache/huggingface/token .mc .bluemix
    .config/openstack .config/ngrok .ngrok2 .cloudflared .config/cloudflared .config/syncthing
    .local/state/syncthing .talos .minikube .config/argocd .config/tea .config/jira-cli .config/jgit .bundle
    .composer/auth.json .config/composer/auth.json .config/pip .pip .config/pypoetry .condarc .Renviron
    .subversion .davfs2 .msmtprc .config/msmtp .mbsyncrc .offlineimaprc .fetchmailrc .fetchids .netrc.gpg
    .config/BraveSoftware .config/microsoft-edge .config/vivaldi .config/opera .librewolf .waterfox .zen
    .var/app snap .config/Bitwarden .config/1Password .config/keepassxc .config/Signal .config/Slack
    .config/discord .local/share/evolution .config/evolution .local/share/atuin .local/share/fish/fish_history
    .node_repl_history .rediscli_history .sqlite_history .irb_history .dbshell .mongodb .krb5 .globus
"""
IN_A_HOME_RUN = """
    .bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile .zlogin
    .config/fish .kshrc .cshrc .tcshrc .config/systemd .config/autostart .config/environment.d
    .config/containers/systemd .local/bin bin .local/share/systemd .local/share/applications .xprofile
    .xsession .xinitrc .pam_environment .forward .procmailrc .vimrc .config/nvim .emacs .gitconfig
    .config/tmux .tmux.conf .ssh .local/lib .inputrc .k5login .selected_editor .login
    .pyenv .rbenv .nodenv .goenv .jenv .phpenv .plenv .nvm .fnm .volta .asdf .sdkman .rvm .rustup .cargo
    .deno .bun .n .npm-global .yarn .local/share/pnpm .local/share/mise .local/share/fnm .local/pipx
    .local/share/pipx .local/share/uv .composer/vendor .config/composer/vendor .gem .krew .linuxbrew
    .nix-profile .nix-defexpr .local/state/nix .ghcup .cabal/bin .opam .luarocks .dotnet/tools go/bin
    .local/share/flatpak .local/share/gnome-shell .config/plasma-workspace .kde/Autostart
    .vscode .vscode-server .vscode-oss .vscode-remote .cursor .cursor-server .windsurf-server .codeium
    .local/share/code-server .local/share/JetBrains .config/JetBrains .jupyter .ipython .local/share/jupyter
    .vim .config/vim .emacs.d .config/emacs .doom.d .config/doom .config/helix .config/zed .atom
    .oh-my-zsh .zsh .config/zsh .zinit .local/share/zinit .bash_it .bash_aliases .bash_completion
    .local/share/bash-completion .config/nushell .config/xonsh .config/powershell .config/starship.toml
    .config/direnv .direnvrc .config/git .config/mise .tmux .screenrc .config/i3 .config/sway .config/hypr
    .config/openbox .config/awesome .config/bspwm .config/sxhkd .gdbinit .lldbinit .pdbrc .perldb .irbrc
    .pythonrc .gnupg .mutt .muttrc .config/mutt .mailcap .lesskey .pryrc .psqlrc .sqliterc
    .bash* .profile* .zsh* .xinit* .xsession* .vimrc* .gvimrc .config/zellij .local/share/konsole
    .config/qutebrowser .config/autorandr .config/bash .config/shell .oh-my-bash
    .antigen .zplug .zgen .zim .zcomet .local/share/zsh .local/share/fish .local/share/omf .local/share/nvim
    .local/share/vim .local/sbin .local/opt .local/share/dbus-1 .config/user-tmpfiles.d .config/husky .huskyrc
    .config/pipewire .config/wireplumber .config/pulse .asoundrc .config/alsa .config/xfce4 .config/lxsession
    .config/qtile .config/niri .config/river .config/labwc .config/wayfire .config/waybar .config/uwsm
    .config/herbstluftwm .config/leftwm .xmonad .config/xmonad .fluxbox .icewm .config/kitty .config/alacritty
    .config/wezterm .wezterm.lua .config/ghostty .config/foot .config/terminator .config/mpv .config/ranger
    .config/vifm .config/yazi .config/lf .config/nnn .config/jj .hgrc .config/hg .Rprofile .octaverc .julia
    .sbt .sbtrc .mvn .antrc .bazelrc .ghci .config/ghc .local/share/nautilus .local/share/nautilus-python
    .local/share/cinnamon .local/share/kwin .local/share/plasma .local/share/kservices5 .local/share/kio
    .local/share/caja-python .nixpkgs .config/nixpkgs .config/home-manager .dotfiles
    .config/containers/*.conf .config/containers/*.conf.d .config/containers/policy.json
    .config/containers/registries.d .config/containers/oci .config/containers/seccomp.json
    .config/containers/networks
"""

# fmt: off
TABLE: tuple[tuple[frozenset[HostAccess], frozenset[HostAccess], str], ...] = (
    # what reading gives, what writing gives in addition, and the paths
    (SECRET, CODE, """
    /etc/shadow* /etc/gshadow* /etc/sudoers /etc/sudoers.d /etc/doas.conf /etc/ssh /etc/kubernetes
    /etc/rancher /etc/cloud /var/lib/cloud /etc/salt /etc/puppetlabs /etc/puppet /etc/chef
    /etc/NetworkManager /etc/ppp /etc/wpa_supplicant /etc/openvpn /etc/wireguard /etc/ipsec.conf
    /etc/ipsec.d /etc/swanctl /etc/strongswan* /etc/libreswan /etc/sssd /etc/ansible /etc/apt/auth.conf*
    /etc/zypp/credentials.d /etc/SUSEConnect /etc/rhsm /etc/snmp /etc/borgmatic /etc/restic
    /etc/gitlab-runner /etc/nebula /etc/netplan /etc/security/opasswd /etc/containers/auth.json
    /etc/containers/certs.d /etc/docker/certs.d /etc/docker/key.json /etc/containerd/certs.d
    /var/spool/cron /var/spool/at /var/spool/anacron /var/lib/rancher /var/lib/kubelet
    /etc/venv-salt-minion /etc/rhn /etc/uyuni /etc/webmin /etc/pve /etc/nomad.d
    /etc/hostapd /etc/zabbix /etc/ocsinventory* /etc/fusioninventory /etc/bareos
    /etc/bacula /etc/amanda /var/lib/certmonger /var/lib/ipa
    """),
    (SECRET, SECRET, """
    /etc/ssl/private /etc/pki/tls/private /etc/pki/private /etc/pki/consumer /etc/pki/entitlement
    /etc/letsencrypt /etc/acme* /var/lib/acme /etc/ipsec.secrets /etc/krb5.keytab /etc/krb5kdc
    /var/lib/krb5kdc /var/kerberos /var/lib/sss /var/lib/samba/private /etc/samba/smbpasswd
    /etc/cifs-credentials /etc/crypttab /etc/luks* /etc/cryptsetup-keys.d /etc/ceph /etc/iscsi
    /etc/duplicity /etc/postfix/sasl_passwd* /etc/exim4/passwd.client /etc/ldap.secret
    /etc/mysql/debian.cnf /etc/credstore* /var/lib/tailscale /var/lib/etcd /var/lib/k0s /var/lib/k3s
    /var/lib/minikube /var/lib/private /var/lib/NetworkManager /var/lib/bluetooth /var/lib/iwd
    /var/lib/systemd/credential.secret /var/lib/waagent /run/credentials /run/user/*/keyring
    /run/user/*/gnupg /run/user/*/containers/auth.json /run/containers/*/auth.json /run/cloud-init
    /tmp/krb5cc_* /.snapshots /run/secrets /run/secrets.d /run/agenix /run/keys /etc/rsyncd.secrets /etc/keys
    /etc/rndc.key /etc/chrony.keys
    /etc/ntp.keys
    /var/lib/swtpm-localca /var/lib/ubuntu-advantage
    """),
    (NOTHING, CODE, """
    /etc/passwd* /etc/group* /etc/subuid /etc/subgid /etc/pam.d /etc/pam.conf /etc/security
    /etc/nsswitch.conf /etc/login.defs /etc/skel /etc/profile /etc/profile.d /etc/bash.bashrc
    /etc/bashrc /etc/bash_completion.d /etc/bash /etc/zsh* /etc/csh* /etc/fish /etc/inputrc
    /etc/rc.local /etc/rc.d /etc/rc?.d /etc/init.d /etc/init /etc/inittab /etc/cron* /etc/anacrontab
    /etc/incron* /etc/logrotate* /etc/systemd /etc/xinetd* /etc/inetd.conf /etc/udev /etc/modprobe*
    /etc/modules* /etc/sysctl* /etc/tmpfiles.d /etc/sysusers.d /etc/binfmt.d /etc/environment*
    /etc/dbus-1 /etc/polkit-1 /etc/apparmor* /etc/selinux /etc/audit /etc/audisp /etc/ld.so.*
    /etc/alternatives /etc/default /etc/sysconfig /etc/conf.d /etc/update-motd.d /etc/update-manager
    /etc/kernel /etc/kernel-img.conf /etc/initramfs-tools /etc/mkinitcpio* /etc/dracut* /etc/grub*
    /etc/fstab /etc/exports* /etc/auto.* /etc/autofs* /etc/network /etc/networkd-dispatcher /etc/dhcp*
    /etc/resolvconf /etc/acpi /etc/X11 /etc/xdg /etc/gdm* /etc/lightdm /etc/sddm* /etc/sudo.conf
    /etc/rsyslog* /etc/syslog* /etc/smartmontools /etc/mdadm* /etc/monit* /etc/nagios /etc/zabbix
    /etc/collectd* /etc/telegraf /etc/postfix /etc/aliases* /etc/exim4 /etc/ca-certificates*
    /etc/pki/ca-trust /etc/pki/rpm-gpg /etc/pki/trust /etc/rpm /etc/dpkg /etc/ssl/openssl.cnf /etc/cni
    /etc/ssl/certs /usr/local/games
    /etc/sv /etc/runit /etc/s6 /etc/supervisor* /etc/needrestart /etc/transactional-update* /etc/snapper
    /etc/libvirt /etc/qemu /etc/lxc /etc/apt /etc/zypp /etc/dnf /etc/yum* /etc/pacman* /etc/apk
    /etc/python* /etc/perl /etc/containers /etc/docker /etc/containerd /etc/crio /etc/gitconfig
    /etc/hosts.equiv /etc/shells /etc/vim /etc/emacs /etc/tmux.conf /usr/bin /usr/sbin /usr/lib
    /usr/lib32 /usr/lib64 /usr/libexec /usr/games /usr/src /usr/etc /usr/local/bin /usr/local/sbin
    /usr/local/lib /usr/local/lib64 /usr/local/libexec /usr/local/etc /usr/share/dbus-1
    /usr/share/polkit-1 /usr/share/bash-completion /usr/share/perl* /usr/share/python*
    /usr/share/containers /usr/share/xsessions /usr/share/initramfs-tools /usr/share/cargo
    /usr/share/debconf /bin /sbin /lib /lib32 /lib64 /opt/bin /opt/sbin /opt/local /opt/cni
    /opt/puppetlabs /snap /nix /gnu /var/lib/dpkg /var/lib/apt /var/lib/rpm /var/lib/pacman /var/lib/dnf
    /var/lib/yum /var/lib/zypp /var/lib/snapd /var/lib/flatpak /var/lib/cni /var/lib/extensions
    /var/lib/confexts /var/lib/portables /var/lib/polkit-1 /var/lib/dhcp /var/lib/initramfs-tools
    /var/lib/dkms /var/lib/puppet /var/lib/chef /var/lib/salt /var/lib/sudo /var/lib/systemd/linger
    /var/cache/apt /var/cache/dnf /var/cache/yum /var/cache/zypp /var/cache/pacman /var/cache/ldconfig
    /var/cache/salt /run/systemd/system /run/systemd/transient /run/systemd/generator*
    /run/systemd/system.control /run/systemd/system-generators /run/udev /run/sysctl.d /run/tmpfiles.d
    /run/modprobe.d /run/sudo /run/polkit-1 /run/NetworkManager/conf.d /run/cni /run/initramfs
    /etc/ufw /etc/fail2ban /etc/crowdsec /etc/aide* /etc/ossec* /var/ossec /etc/rkhunter* /etc/tripwire
    /etc/pacemaker /etc/corosync /etc/ha.d /etc/lvm /etc/multipath* /etc/zfs /etc/tuned
    /etc/depmod.d /etc/request-key* /etc/idmapd.conf /etc/gss /etc/krb5.conf* /etc/pm /etc/laptop-mode
    /etc/e2scrub.conf /etc/updatedb.conf /etc/screenrc /etc/mailcap /etc/wgetrc /etc/npmrc /etc/pip.conf
    /etc/debconf.conf /etc/adduser.conf /etc/gdb /etc/mercurial /etc/subversion /etc/cockpit
    /etc/ImageMagick*
    /etc/terminfo /etc/kdump* /etc/makedumpfile* /etc/mkosi* /etc/ostree
    /etc/rpm-ostreed.conf /etc/flatpak /etc/PackageKit /etc/fwupd /etc/udisks2 /etc/usb_modeswitch*
    /etc/usbguard /etc/hotplug* /etc/hal /etc/smartd* /etc/apcupsd /etc/nut /etc/ups /etc/watchdog*
    /etc/boot.d /etc/local.d /etc/periodic /etc/profile.* /etc/pulse /etc/glvnd /etc/vulkan /etc/OpenCL
    /etc/qubes* /etc/xen /etc/vmware-tools /etc/uptrack /etc/news /etc/mc /etc/apport /etc/ucf.conf
    /var/lib/authselect /var/lib/pam /var/lib/selinux /var/lib/PackageKit /var/lib/fwupd
    /var/lib/usbguard /var/lib/ca-certificates /var/lib/unattended-upgrades /var/lib/update-notifier
    /var/lib/aide /var/lib/alternatives /var/lib/tuned /var/lib/AccountsService /var/cache/venv-salt-minion
    /var/lib/venv-salt-minion /opt/containerd /opt/nri /usr/local/share/ca-certificates
    """),
    (NOTHING, KERNEL, """
    /boot /efi /lib/modules /usr/lib/modules /lib/firmware /usr/lib/firmware /vmlinuz* /initrd.img*
    """),
    (ENGINE, ENGINE, """
    /var/lib/containers /run/containers /var/lib/docker /var/lib/containerd
    /run/containerd/io.containerd.* /run/docker/runtime-* /var/lib/crio /var/lib/buildkit /run/libpod
    /run/runc /run/crun /var/lib/lxc /var/lib/lxd /var/lib/incus /run/user/*/containers
    /run/user/*/libpod /run/user/*/crun /var/snap/lxd /var/snap/docker /var/lib/machines
    /var/lib/libvirt
    """),
    (OTHERS, OTHERS, """
    /var/mail /var/spool/mail /var/spool/postfix /var/spool/exim4 /var/spool/mqueue /var/backups
    /var/lib/systemd/coredump /var/crash /var/spool/abrt /tmp/ssh-* /tmp/systemd-private-* /tmp/tmux-*
    /var/tmp/systemd-private-* /dev/shm /dev/pts /dev/mqueue /dev/kmsg /run/log /run/screen
    /var/spool/cups /sys/kernel/debug /sys/kernel/tracing /sys/kernel/security /sys/firmware /sys/fs/bpf
    /sys/fs/pstore /var/log/containers /var/log/pods /var/log/anaconda /var/log/installer /var/log/YaST2
    /var/log/cloud-init*
    """),
    (NOTHING, SETTINGS, """
    /etc/hosts /etc/resolv.conf /etc/hosts.allow /etc/hosts.deny /etc/host.conf /etc/gai.conf /etc/networks
    /etc/services /etc/protocols /etc/nftables* /etc/iptables* /etc/firewalld /etc/shorewall* /etc/ferm
    /etc/chrony* /etc/ntp* /etc/machine-info /etc/mke2fs.conf /etc/fuse.conf /etc/nfs* /etc/iproute2
    /etc/crypto-policies /etc/gnutls /etc/gnupg /etc/locale.gen /etc/issue* /etc/motd* /etc/avahi
    /etc/openvswitch /etc/bluetooth /etc/ModemManager /etc/iwd /etc/sensors* /etc/hdparm.conf /etc/tlp*
    /etc/thermald /etc/UPower /etc/geoclue /etc/debuginfod /etc/libaudit.conf /etc/nanorc /etc/curlrc
    """),
    # who writes there removes traces, and misleads who reads them; nothing there is run
    (OTHERS, OTHERS, """
    /var/log/journal /var/log/audit /var/log/auth.log* /var/log/secure* /var/log/syslog*
    /var/log/messages* /var/log/wtmp* /var/log/btmp* /var/log/lastlog /var/log/sudo* /var/log/kern.log*
    /var/log/faillog
    """),
    (SECRET, USER, "/run/user/*/systemd/user /run/user/*/systemd/transient"),
    (SECRET, KERNEL, "/proc"),
    (NOTHING, KERNEL, "/sys"),
    (DISKS, DISKS, """
    /dev/sd* /dev/hd* /dev/vd[a-z]* /dev/xvd* /dev/nvme* /dev/mmcblk* /dev/md* /dev/dm-* /dev/mapper
    /dev/disk /dev/block /dev/loop[0-9]* /dev/nbd* /dev/zd* /dev/zvol /dev/bcache* /dev/drbd* /dev/rbd*
    /dev/sg[0-9]* /dev/bsg /dev/pmem* /dev/dasd* /dev/ubi* /dev/mtd* /dev/mem /dev/kmem /dev/port
    /dev/nvram /dev/bcachefs* /swapfile /swap.img /swap
    """),
    (
        SECRET,
        KERNEL,
        "/dev/input /dev/uinput /dev/hidraw* /dev/tpm* /dev/vcs* /dev/console /dev/tty[0-9]*",
    ),
    (KERNEL, KERNEL, "/dev/vfio /dev/cpu /dev/mei* /dev/ipmi*"),
)
# fmt: on
HOMES = ("/root", "/home/*", "/var/home/*", "/export/home/*", "/Users/*")
READABLE_BY_DESIGN = tuple(
    """
    /proc/cpuinfo /proc/meminfo /proc/stat /proc/loadavg /proc/uptime /proc/version /proc/swaps
    /proc/diskstats /proc/vmstat /proc/filesystems /proc/devices /proc/mdstat /proc/net/dev
    /proc/cmdline /proc/sys/kernel/hostname /proc/sys/kernel/random/boot_id /sys/class/net
    /sys/class/thermal /sys/class/hwmon /sys/class/powercap /sys/devices/system /sys/fs/cgroup
    /sys/block /sys/class/block
    """.split()
)
"""World-readable, and with nothing but statistics."""
PUBLIC_KEYS = r".*/\.ssh/(?:[^/]+\.pub|known_hosts)|/etc/ssh/[^/]+\.pub"
"""The public half of a key, and the keys of other hosts: ssh-keygen(1), sshd(8)."""
ANYWHERE = {
    **dict.fromkeys(
        (
            ".ssh",
            ".gnupg",
            ".kube",
            ".aws",
            ".azure",
            ".vault-token",
            ".netrc",
            ".pgpass",
        ),
        SECRET,
    ),
    **dict.fromkeys(
        (".git-credentials", ".password-store", ".pypirc", ".docker"),
        SECRET,
    ),
}
"""Names that reveal their content wherever they are, because a home can be anywhere."""
RUN_ANYWHERE = frozenset(
    {".bashrc", ".bashrc.d", ".bash_profile", ".profile", ".zshrc", ".gitconfig"}
)
RUN_PAIRS = frozenset(
    {
        (".config", "systemd"),
        (".config", "autostart"),
        (".config", "environment.d"),
        (".local", "bin"),
    }
)
"""Names of what a user runs, wherever it is."""
ANYWHERE_PAIRS = {("share", "containers"): ENGINE, ("gcloud", "credentials.db"): SECRET}
BY_DEFAULT: tuple[tuple[str, frozenset[HostAccess], str], ...] = (
    (
        "/usr/share",
        CODE,
        """
    /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/share/licenses /usr/share/fonts
    /usr/share/icons /usr/share/themes /usr/share/backgrounds /usr/share/pixmaps /usr/share/sounds
    /usr/share/nginx /usr/share/dict /usr/share/zoneinfo
    """,
    ),
    ("/usr", CODE, "/usr/share /usr/local /usr/include"),
)
"""What writing gives below a directory of the host where the table has no row, and the exceptions.
hier(7): /usr holds the host's programs and what they read."""


class _Node:
    """A node of the path tree: what it gives here and below, and in total."""

    __slots__ = ("names", "patterns", "read", "whole_read", "whole_write", "write")

    def __init__(self) -> None:
        self.names: dict[str, _Node] = {}
        self.patterns: list[tuple[str, _Node]] = []
        self.read = self.write = self.whole_read = self.whole_write = NOTHING

    def child(self, name: str) -> _Node:
        if not any(sign in name for sign in "*?["):
            return self.names.setdefault(name, _Node())
        for pattern, node in self.patterns:
            if pattern == name:
                return node
        self.patterns.append((name, _Node()))
        return self.patterns[-1][1]

    def matching(self, name: str) -> list[_Node]:
        matching = [node for pattern, node in self.patterns if fnmatchcase(name, pattern)]
        exact = self.names.get(name)
        return [exact, *matching] if exact is not None else matching


@cache
def _table() -> _Node:
    root = _Node()
    for read, write, paths in TABLE:
        for path in paths.split():
            _add(root, path, read, read | write)
    of_root, of_others = _home(CODE), _home(USER)
    for path in HOMES:
        _attach(
            root,
            path,
            of_root if path == "/root" else of_others,
        )
    return root


def _home(code: frozenset[HostAccess]) -> _Node:
    """What is in a home directory; all homes of ordinary accounts share one."""
    home = _Node()
    for path in IN_A_HOME_READ.split():
        _add(home, path, SECRET, SECRET)
    for path in IN_A_HOME_RUN.split():
        _add(home, path, NOTHING, code)
    _add(
        home,
        ".local/share/containers",
        ENGINE,
        ENGINE,
    )
    return home


def _attach(root: _Node, path: str, tree: _Node) -> None:
    """Add a tree at a path for which the table has no row."""
    *names, last = path.strip("/").split("/")
    above = [root]
    for name in names:
        above.append(above[-1].child(name))
    for node in above:
        node.whole_read |= tree.whole_read
        node.whole_write |= tree.whole_write
    if "*" in last:
        above[-1].patterns.append((last, tree))
    else:
        above[-1].names[last] = tree


def _add(
    root: _Node,
    path: str,
    read: frozenset[HostAccess],
    write: frozenset[HostAccess],
) -> None:
    node = root
    for name in path.strip("/").split("/"):
        node.whole_read |= read
        node.whole_write |= write
        node = node.child(name)
    node.read |= read
    node.write |= write
    node.whole_read |= read
    node.whole_write |= write


@lru_cache(maxsize=512)
def gains(path: str, *, written: bool) -> frozenset[HostAccess]:
    """What reading, or reading and writing, this path of the host gives, including everything below
    it.
    `path`: absolute and normalised.
    """
    names = [name for name in path.split("/") if name]
    if not written and (
        any(is_below(path, place) for place in READABLE_BY_DESIGN)
        or re.fullmatch(PUBLIC_KEYS, path)
    ):
        return NOTHING
    gained = _by_names(names)
    nodes = [_table()]
    for name in names:
        nodes = [child for node in nodes for child in node.matching(name)]
        for node in nodes:
            gained |= node.write if written else node.read
    for node in nodes:
        gained |= node.whole_write if written else node.whole_read
    if written and not gained & (CODE | USER):
        gained |= _run_by_names(names)
    return gained or _by_default(path) if written else gained


def _by_default(path: str) -> frozenset[HostAccess]:
    """What writing gives below the host's own directories, where the table has no row for it."""
    given = NOTHING
    for place, gain, exceptions in BY_DEFAULT:
        if is_below(path, place) and not any(is_below(path, other) for other in exceptions.split()):
            given |= gain
    return given


def _run_by_names(names: list[str]) -> frozenset[HostAccess]:
    pairs = pairwise(names)
    if any(name in RUN_ANYWHERE for name in names) or any(pair in RUN_PAIRS for pair in pairs):
        return USER
    return REPOSITORY if ".git" in names else NOTHING


def _by_names(names: list[str]) -> frozenset[HostAccess]:
    gained = NOTHING
    for name, following in zip(names, [*names[1:], ""], strict=False):
        gained |= ANYWHERE.get(name, NOTHING) | ANYWHERE_PAIRS.get((name, following), NOTHING)
    return gained


def is_below(path: str, place: str) -> bool:
    return path == place or place == "/" or path.startswith(place + "/")


_WRITING_TAKES_OVER = CODE | KERNEL | DISKS | ENGINE
_READING_IS_HIGH = SECRET | DISKS | KERNEL | ENGINE


def gained_by(given: frozenset[HostAccess], *, written: bool) -> Gained:
    """What an intruder in a container with this access gets."""
    if written and given & _WRITING_TAKES_OVER:
        return Gain.HOST.at_once
    if given & USER:
        return Gain.HOST.after(1)
    if given & SECRET:
        return Gain.SECRETS.at_once
    if given & (_READING_IS_HIGH | CGROUPS):
        return Gain.OTHERS_DATA.after(1)
    if given & REPOSITORY:
        return Gain.HOST.after(2)
    return Gain.NETWORK.after(1) if given == SETTINGS else Gain.OTHERS_DATA.after(2)
