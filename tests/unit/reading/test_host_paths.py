"""What a path of the host gives: by class, with the paths above and beside it."""

import pytest

from hardentui.checks.prelude import configuration
from hardentui.features.looking.gather import with_peers
from hardentui.reading.host_paths import HostAccess, gained_by, gains
from hardentui.reading.sensitive_mounts import sensitive_mounts
from tests.support.judging import *

READABLE = [
    *(
        "/root",
        "/root/.ssh",
        "/home/anna",
        "/home",
        "/home/anna/.aws/credentials",
        "/data/anna/.ssh",
    ),
    *(
        "/etc",
        "/etc/shadow",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssl",
        "/etc/letsencrypt/live/x",
    ),
    *(
        "/etc/wireguard",
        "/etc/openvpn/server",
        "/etc/ipsec.d",
        "/etc/NetworkManager/system-connections",
    ),
    *(
        "/etc/kubernetes/admin.conf",
        "/var/lib/kubelet",
        "/etc/rancher/k3s",
        "/var/lib/etcd",
    ),
    *(
        "/etc/krb5.keytab",
        "/var/lib/sss/db",
        "/var/lib/tailscale",
        "/etc/containers",
        "/var/spool/cron",
    ),
    *(
        "/home/anna/.Xauthority",
        "/home/anna/.config/github-copilot",
        "/home/anna/.claude",
        "/home/anna/.mc",
    ),
    *(
        "/proc",
        "/proc/1/environ",
        "/dev/input/event0",
        "/dev/tty1",
        "/run",
        "/var/lib",
        "/var",
        "/",
    ),
    "/run/user/1000/keyring",
]
RUN_BY_ROOT = [
    *(
        "/etc/cron.d/job",
        "/etc/cron.daily",
        "/etc/crontab",
        "/etc/anacrontab",
        "/var/spool/cron/root",
    ),
    *(
        "/etc/systemd/system",
        "/run/systemd/system",
        "/usr/lib/systemd",
        "/etc/init.d",
        "/etc/rc.local",
    ),
    *(
        "/etc/profile.d",
        "/etc/bash.bashrc",
        "/etc/pam.d/sshd",
        "/etc/sudoers.d",
        "/etc/passwd",
    ),
    *(
        "/etc/ld.so.preload",
        "/etc/ld.so.conf.d",
        "/etc/udev/rules.d",
        "/etc/modprobe.d",
        "/etc/sysctl.d",
    ),
    *(
        "/etc/apt/apt.conf.d",
        "/etc/zypp/plugins",
        "/etc/dnf",
        "/var/lib/dpkg/info",
        "/var/lib/rpm",
    ),
    *(
        "/etc/logrotate.d",
        "/etc/update-motd.d",
        "/etc/default",
        "/etc/sysconfig",
        "/etc/NetworkManager",
    ),
    *(
        "/usr/local/bin",
        "/usr/bin/python3",
        "/usr/libexec",
        "/bin",
        "/lib64",
        "/opt",
        "/usr",
        "/usr/share",
    ),
    *(
        "/etc/ufw",
        "/etc/tuned",
        "/etc/lvm",
        "/etc/krb5.conf.d",
        "/etc/venv-salt-minion",
        "/etc/ssl/certs",
    ),
    *(
        "/var/cache/venv-salt-minion",
        "/var/lib/pam",
        "/etc/zfs/zed.d",
        "/usr/local/share/ca-certificates",
    ),
    *(
        "/root/.bashrc",
        "/root/.ssh/authorized_keys",
        "/etc/containers/oci",
        "/etc/polkit-1",
    ),
    *(
        "/etc/X11",
        "/var/cache/apt/archives",
        "/snap",
        "/etc/kernel",
        "/etc/default/grub",
        "/var/lib/cloud",
    ),
]
KERNEL = (
    "/proc/sys/kernel/core_pattern /sys /sys/fs/cgroup /boot/grub2 /lib/modules /dev/vfio".split()
)
STORAGE = [
    *(
        "/var/lib/containers",
        "/var/lib/containers/storage/overlay",
        "/var/lib/docker/volumes",
    ),
    *(
        "/run/containers",
        "/home/anna/.local/share/containers",
        "/srv/x/.local/share/containers/storage",
    ),
    *("/var/lib/containerd", "/var/lib/libvirt/images", "/run/user/1000/containers"),
]
OF_OTHERS = [
    "/var/mail",
    "/var/backups",
    "/var/log/journal",
    "/sys/kernel/debug",
    "/dev/shm",
    "/var/crash",
]
NOTHING_TO_READ = [
    *(
        "/usr/share/zoneinfo",
        "/etc/localtime",
        "/etc/passwd",
        "/etc/hosts",
        "/etc/os-release",
        "/usr",
    ),
    *(
        "/proc/cpuinfo",
        "/proc/meminfo",
        "/sys/class/net",
        "/sys/devices/system/cpu",
        "/sys/fs/cgroup",
    ),
    *(
        "/etc/ssl/certs",
        "/etc/pki/ca-trust/extracted",
        "/var/lib/dpkg",
        "/lib/modules",
        "/boot",
        "/opt",
    ),
]
NOTHING_AT_ALL = [
    *(
        "/srv",
        "/srv/web",
        "/mnt/data",
        "/data",
        "/home/anna/site",
        "/home/anna/data",
        "/var/www",
    ),
    *(
        "/opt/shop/data",
        "/var/lib/mysql",
        "/var/lib/postgresql/16",
        "/var/log/nginx",
        "/etcetera",
    ),
    *(
        "/etc/app",
        "/etc/localtime",
        "/etc/timezone",
        "/usr/share/nginx/html",
        "/usr/share/zoneinfo",
        "/usr/local/share/app",
        "/run/user/1000/pulse",
        "/run/postgresql",
        "/dev/snd",
    ),
    *(
        "/dev/dri/card0",
        "/dev/ttyUSB0",
        "/dev/fuse",
        "/tmp/build",
        "/proc2",
        "/systems",
        "/rooted",
    ),
]


@pytest.mark.parametrize("path", READABLE)
def test_reading_gives_credentials(path: str) -> None:
    result = gains(path, written=False)
    assert HostAccess.CREDENTIALS in result
    assert gained_by(result, written=False).severity is Severity.HIGH


@pytest.mark.parametrize("path", RUN_BY_ROOT)
def test_writing_gives_code_that_root_runs(path: str) -> None:
    result = gains(path, written=True)
    assert HostAccess.ROOT_CODE in result
    assert gained_by(result, written=True).severity is Severity.CRITICAL
    assert HostAccess.ROOT_CODE not in gains(path, written=False)


@pytest.mark.parametrize("path", KERNEL)
def test_writing_controls_the_kernel(path: str) -> None:
    assert HostAccess.KERNEL in gains(path, written=True)


@pytest.mark.parametrize("path", STORAGE)
@pytest.mark.parametrize("written", [False, True])
def test_the_storage_of_engines_is_everybodys(
    path: str,
    written: bool,
) -> None:
    assert HostAccess.ENGINE in gains(path, written=written)


@pytest.mark.parametrize("path", OF_OTHERS)
def test_reading_gives_data_of_others(path: str) -> None:
    result = gains(path, written=False)
    assert result == {HostAccess.OTHERS}
    assert gained_by(result, written=False).severity is Severity.MEDIUM


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hosts",
        "/etc/resolv.conf",
        "/etc/nftables.conf",
        "/etc/firewalld/zones",
        "/etc/chrony.conf",
    ],
)
def test_writing_changes_settings_that_the_host_relies_on(path: str) -> None:
    result = gains(path, written=True)
    assert result == {HostAccess.SETTINGS}
    assert gained_by(result, written=True).severity is Severity.MEDIUM
    assert not gains(path, written=False)


@pytest.mark.parametrize(
    "path", ["/usr/share/vim/vim91", "/usr/share/git-core", "/usr/share/php", "/usr/new"]
)
def test_what_programs_of_the_host_read_below_usr_is_code(path: str) -> None:
    assert HostAccess.ROOT_CODE in gains(path, written=True)
    assert not gains(path, written=False)


@pytest.mark.parametrize(
    "path", ["/dev/sda", "/dev/nvme0n1p2", "/dev/mapper/root", "/dev/mem", "/dev", "/"]
)
def test_disks_are_disks_even_when_they_are_only_read(path: str) -> None:
    assert HostAccess.DISKS in gains(path, written=False)


@pytest.mark.parametrize("path", NOTHING_TO_READ)
def test_reading_gives_nothing(path: str) -> None:
    assert not gains(path, written=False)


@pytest.mark.parametrize("path", NOTHING_AT_ALL)
def test_data_of_a_service_gives_nothing(path: str) -> None:
    assert not gains(path, written=True)


def test_start_files_of_a_user_are_code_of_that_user_and_those_of_root_are_code_of_root() -> None:
    assert HostAccess.USER_CODE in gains("/home/anna/.bashrc", written=True)
    assert HostAccess.ROOT_CODE not in gains("/home/anna/.bashrc", written=True)
    assert HostAccess.USER_CODE not in gains("/root/.bashrc", written=True)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/home/anna/.nvm",
            "/home/anna/.pyenv/shims",
            "/home/anna/.cargo/bin",
            "/home/anna/go/bin/gopls",
        ),
        *(
            "/home/anna/.vscode-server",
            "/home/anna/.vim/plugin",
            "/home/anna/.config/git/hooks",
        ),
        *(
            "/home/anna/.bash_functions",
            "/home/anna/.local/share/dbus-1",
            "/home/anna/.config/wireplumber",
        ),
        *(
            "/home/anna/.oh-my-zsh",
            "/home/anna/.jupyter",
            "/home/anna/.local/share/mise/installs",
        ),
    ],
)
def test_programs_and_plugins_in_a_home_are_code_of_that_user(path: str) -> None:
    assert HostAccess.USER_CODE in gains(path, written=True)
    assert HostAccess.USER_CODE not in gains(path, written=False)


@pytest.mark.parametrize("name", ["id_ed25519.pub", "known_hosts"])
def test_public_keys_give_nothing_to_a_reader(name: str) -> None:
    assert not gains(f"/home/anna/.ssh/{name}", written=False)
    assert gains(f"/home/anna/.ssh/{name}", written=True)
    assert gains("/home/anna/.ssh", written=False)


def test_whatever_is_above_gives_at_least_as_much() -> None:
    for path in (*READABLE, *RUN_BY_ROOT, *KERNEL, *STORAGE):
        if any(name in path for name in ("/data/", "/srv/")):
            continue  # known by their own names, in places that hold nothing else
        above = path
        while above != "/":
            below, above = above, above.rpartition("/")[0] or "/"
            assert gains(below, written=True) <= gains(above, written=True), (below, above)


def test_the_engines_own_storage_counts_wherever_it_lies() -> None:
    static = {"StaticDir": "/srv/pods/overlay-containers/abc/userdata"}
    for source, bad in (
        ("/srv/pods", True),
        ("/srv", True),
        ("/srv/pods/overlay/x", True),
        ("/srv/web", False),
    ):
        facts = container(
            (MOUNTS, (Mount("bind", source, "/x", ("ro",)),)),
            inspect=static,
        )
        assert bool(sensitive_mounts(facts)) is bad, source


@pytest.mark.parametrize(
    ("paths", "gives"),
    [
        (
            ("/srv/site", "/var/lib/containers/storage/volumes/site/_data"),
            frozenset(),
        ),
        (
            ("/srv/site/a", "/var/lib/containers/storage/volumes/site/_data/a"),
            frozenset(),
        ),
        (
            ("/var/lib/containers/storage/volumes/site/_data",),
            frozenset({HostAccess.ENGINE}),
        ),
        (
            ("/data/volumes/site/_data", "/var/lib/containers/storage/volumes/site/_data"),
            frozenset({HostAccess.ENGINE}),
        ),
        (
            ("/etc", "/var/lib/containers/storage/volumes/site/_data"),
            gains("/etc", written=False),
        ),
    ],
)
def test_a_volume_that_shows_a_directory_does_not_make_it_the_engines(
    paths: tuple[str, ...],
    gives: frozenset[HostAccess],
) -> None:
    mounted = HostMount(
        "/x",
        paths,
        "bind",
        paths[0],
        ("ro",),
    )
    facts = container(
        (MOUNTS, (Mount("bind", paths[0], "/x", ("ro",)),)),
        mounted=(mounted,),
    )
    assert frozenset().union(*(mount.gains for mount in sensitive_mounts(facts))) == gives


@pytest.mark.parametrize(
    ("source", "gain"),
    [
        ("/srv/anna", HostAccess.CREDENTIALS),
        ("/srv", HostAccess.CREDENTIALS),
        ("/srv/anna/.config/gh", HostAccess.CREDENTIALS),
        ("/srv/anna/bin", HostAccess.USER_CODE),
        ("/srv/anna/.profile", HostAccess.USER_CODE),
        ("/srv/anna/.mozilla", HostAccess.CREDENTIALS),
        ("/srv/anna/site", None),
        ("/srv/web", None),
    ],
)
@pytest.mark.parametrize(
    "known",
    [
        {"engine": rootless(trust=TrustFacts(home="/srv/anna"))},
        {
            "engine": rootless(),
            "inspect": {
                "StaticDir": "/srv/anna/.local/share/containers/storage/overlay-containers/a/userdata"
            },
        },
    ],
)
def test_the_home_of_a_rootless_engine_counts_wherever_it_lies(
    known: dict[str, Any],
    source: str,
    gain: HostAccess | None,
) -> None:
    mounts = sensitive_mounts(container((MOUNTS, (Mount("bind", source, "/x"),)), **known))
    assert gain in mounts[0].gains if gain else not mounts


@pytest.mark.parametrize(
    "source",
    ["/srv/hooks", "/srv", "/srv/crun/bin/crun", "/opt/helpers/x"],
)
def test_what_the_engine_runs_is_code_of_its_user(source: str) -> None:
    configured = configuration(
        engine__hooks_dir=["/srv/hooks"],
        engine__runtimes__crun=["/srv/crun/bin/crun"],
        engine__helper_binaries_dir=["/opt/helpers"],
    )
    trust = TrustFacts(configuration=configured)
    for engine, gain in (
        (rootless(trust=trust), HostAccess.USER_CODE),
        (rootful(trust=trust), HostAccess.ROOT_CODE),
    ):
        (written,) = sensitive_mounts(
            container((MOUNTS, (Mount("bind", source, "/x"),)), engine=engine)
        )
        assert gain in written.gains
        read = (MOUNTS, (Mount("bind", source, "/x", ("ro",)),))
        assert not sensitive_mounts(container(read, engine=engine))


def test_a_working_tree_of_git_is_no_system_path() -> None:
    assert gains("/srv/shop/.git/hooks", written=True) == {HostAccess.REPOSITORY}
    tree = container("--volume=/srv/shop:/s", repositories=("/srv/shop/.git",))
    verdict = judge("sensitive-host-mount", tree)
    assert (verdict.status, verdict.severity) == (FAIL, Severity.MEDIUM)
    assert "next commit" in verdict.reason
    assert not gains("/srv/shop/.git/hooks", written=False)


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        ("/srv/run", True),
        ("/srv/run/overlay-containers/abc", True),
        ("/srv/vol", True),
        ("/srv/web", False),
    ],
)
def test_run_root_and_volumes_are_known_without_asking_the_engine(
    source: str,
    bad: bool,
) -> None:
    """`check NAME` does not ask the slow /info."""
    inspect = {"PidFile": "/srv/run/overlay-containers/abc/userdata/pidfile"}
    engine = rootful(trust=TrustFacts(configuration=configuration(engine__volume_path="/srv/vol")))
    mount = Mount("bind", source, "/x", ("ro",))
    assert (
        bool(
            sensitive_mounts(
                container(
                    (MOUNTS, (mount,)),
                    inspect=inspect,
                    engine=engine,
                )
            )
        )
        is bad
    )


def test_a_layer_of_its_own_takes_what_is_written() -> None:
    layered = (MOUNTS, (Mount("bind", "/usr/bin", "/x", ("O",)),))
    assert not sensitive_mounts(container(layered))
    (etc,) = sensitive_mounts(container("--volume=/etc:/x:O"))
    assert etc.gained.severity is Severity.HIGH
    above = HostMount(
        "/x",
        ("/etc/cron.d",),
        "overlay",
        "o",
        ("rw",),
        MountOrigin.DECLARED,
        beneath=("/usr",),
        in_force=True,
    )
    (written,) = sensitive_mounts(container(mounted=(above,)))
    assert written.gained.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("path", "gives"),
    [
        ("/data/volumes", True),
        ("/data", True),
        ("/data/other", False),
    ],
)
def test_volumes_are_the_engines_wherever_its_configuration_puts_them(
    path: str,
    gives: bool,
) -> None:
    engine = rootful(info={"store": {"volumePath": "/data/volumes", "graphRoot": "/pods"}})
    facts = container(
        (MOUNTS, (Mount("bind", path, "/x", ("ro",)),)),
        engine=engine,
    )
    assert [mount.gains for mount in sensitive_mounts(facts)] == (
        [frozenset({HostAccess.ENGINE})] if gives else []
    )


def test_the_home_of_a_rootful_engine_is_that_of_root_alone() -> None:
    engine = rootful(trust=TrustFacts(home="/srv/root"))
    assert not sensitive_mounts(container("--volume=/srv/root:/x", engine=engine))


@pytest.mark.parametrize(
    "path",
    ["/srv/x/.gitconfig", "/data/.config/systemd/user"],
)
def test_what_a_user_runs_is_known_by_its_name_wherever_it_lies(path: str) -> None:
    assert gains(path, written=True) == {HostAccess.USER_CODE}
    assert not gains(path, written=False)


def test_where_the_home_of_a_rootless_engine_is_not_known_nothing_passes() -> None:
    mounted = (MOUNTS, (Mount("bind", "/srv/web", "/x"),))
    lost = judge("sensitive-host-mount", container(mounted, engine=rootless()))
    assert lost.status is UNKNOWN
    for passing in (
        container(mounted, engine=rootless(trust=TrustFacts(home="/h"))),
        container(engine=rootless()),
    ):
        assert status_of("sensitive-host-mount", passing) is PASS


@pytest.mark.parametrize(
    ("source", "options", "bad"),
    [
        ("/data/tools", (), True),
        ("/data/tools/crun", (), True),
        ("/data", (), True),
        ("/data/tools", ("ro",), False),
        ("/data/toolshed", (), False),
    ],
)
@pytest.mark.parametrize("whose", ["own", "another's"])
def test_what_the_engine_runs_for_single_containers_is_not_theirs_to_change(
    source: str,
    options: tuple[str, ...],
    bad: bool,
    whose: str,
) -> None:
    """podman(1) --runtime, podman-create(1) --init-path, oci-hooks(5): the engine runs them as
    root."""
    programs = {"/data/tools/crun": FileFact("/data/tools/crun")}
    other = container(programs=programs).replace(
        id="2" * 64,
        name="other",
    )
    facts = container((MOUNTS, (Mount("bind", source, "/x", options),)))
    if whose == "own":
        facts = facts.replace(programs=programs)
    else:
        (facts, _) = with_peers([facts, other])
    verdict = judge("sensitive-host-mount", facts)
    assert (verdict.status is FAIL) is bad
    assert not bad or verdict.severity is Severity.CRITICAL
