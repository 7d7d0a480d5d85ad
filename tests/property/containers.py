"""Random containers: command lines over the rows of the option table, with the values that hurt."""

from collections.abc import Sequence

from hypothesis import strategies as st

from hardentui.options.codecs import as_csv_field

Words = tuple[str, ...]

NASTY = (
    "plain",
    "a b",
    " lead",
    "trail ",
    "tab\there",
    "two\nlines",
    '"quoted"',
    'say "hi"',
    "it's",
    "back\\slash\\",
    "\\d+\\.x",
    "100%",
    "%n %h",
    "$HOME ${X} $$",
    "$(id) `id`",
    ";",
    "a;b",
    "#c",
    "--dash",
    "a,b:c=d",
    "äöü 中 \U0001f600",
    "",
    "[x]",
    '{"a": ["b\\"c"]}',
    "\x01\x1b[31m\x7f",
    "*?~|&<>",
)
"""Values that break naive writers: for shells, for systemd, for Quadlet, for CSV."""

nasty = st.sampled_from(NASTY)
_names = st.sampled_from(("A", "LONG_NAME", "x.y", "a-b", "UPPER1"))


def flag(name: str, values: Sequence[str]) -> st.SearchStrategy[Words]:
    return st.sampled_from([(f"{name}={value}",) for value in values])


def listed(name: str, values: Sequence[str]) -> st.SearchStrategy[Words]:
    """One or two different values of a repeatable flag."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True).map(
        lambda chosen: tuple(f"{name}={value}" for value in chosen)
    )


def pairs(name: str) -> st.SearchStrategy[Words]:
    return st.dictionaries(_names, nasty, min_size=1, max_size=3).map(
        lambda chosen: tuple(f"{name}={key}={value}" for key, value in chosen.items())
    )


def texts() -> st.SearchStrategy[Words]:
    """One nasty value in a place where Podman takes any text."""
    return st.builds(
        lambda name, before, value: (f"{name}={before}{value}",),
        st.just("--passwd-entry") | st.just("--group-entry"),
        st.sampled_from(("", "x:")),
        nasty,
    )


def nasty_places() -> st.SearchStrategy[Words]:
    """The same values where Podman splits, parses or resolves."""
    return st.one_of(
        nasty.map(lambda value: (f"--workdir=/{value}",)),
        nasty.map(lambda value: (f"--health-cmd=echo {value}",)),
        nasty.map(lambda value: (f"--dns-option={as_csv_field(value)}",)),
        nasty.map(lambda value: ("--log-driver=journald", f"--log-opt=tag={value}")),
        nasty.map(lambda value: (f"--tmpfs=/{value.replace(':', '_')}:size=1m",)),
        nasty.map(lambda value: (f"--volume=vol1:/{value.replace(':', '_')}",)),
        nasty.map(lambda value: (f"--user=u{value}",)),
        nasty.map(lambda value: ("--stop-signal=SIGHUP", f"--env=E={value}")),
    )


def network_pieces(network: str) -> st.SearchStrategy[Words]:
    """One way to be connected; they exclude each other."""
    return st.sampled_from(
        [
            ("--network=host",),
            ("--network=none",),
            (f"--network={network}",),
            (f"--network={network}:alias=db,alias=other,interface_name=eth7", "--hostname=given"),
            (f"--network={network}", "--network-alias=al1", "--network-alias=al2"),
            (f"--network={network}", "--ip=10.99.7.77", "--mac-address=44:33:22:11:00:aa"),
            (f"--network={network}:ip=10.99.7.78", "--network=podman"),
            ("--publish=127.0.0.1:18080:80", "--publish=5353:53/udp", "--publish=[::1]:18081:81"),
            ("-p", "80", "--expose=9000/udp", "--hostname=web.example"),
            ("-p20000-20002:20000-20002", "--add-host=foo:10.1.2.3", "--add-host=gw:host-gateway"),
            ("--dns=9.9.9.9", "--dns-option=ndots:3", "--dns-search=ex.org"),
            ("--dns=none", "--no-hosts"),
            ("--publish-all", "--expose=81"),
        ]
    )


def pieces(directory: str, network: str) -> dict[str, st.SearchStrategy[Words]]:
    """What a random container is put together of; every piece fits to every other."""
    mounts = st.sampled_from(
        [
            (f"--volume={directory}:/b:ro,z",),
            (f"--volume={directory}:/b:rw,noexec,nosuid,nodev,rslave,U",),
            (f"-v{directory}:/b:O",),
            (f"-v{directory}:/b:O,U", "--tmpfs=/t:U"),
            (
                f"--mount=type=bind,src={directory},dst=/b,no-dereference",
                "--mount=type=tmpfs,dst=/t,U=true,noswap",
            ),
            (f"--mount=type=glob,src={directory}/w*,dst=/g,ro",),
            (f"--mount=type=bind,src={directory},dst=/b,ro=true,bind-propagation=rshared",),
            (f'--mount=type=bind,"src={directory}/with,comma",dst=/b,relabel=private',),
            (f"--mount=type=bind,src={directory}/with:colon,dst=/b,bind-nonrecursive=true",),
            (f"--volume={directory}/a blank:/b:bind",),
            ("--volume=vol1:/v:nocopy", "--volume=vol2:/w:ro,exec"),
            ("--volume=vol1:/v:O",),
            ("--volume=/anonymous",),
            ("--mount=type=volume,src=vol1,dst=/v,subpath=/sub",),
            ("--mount=type=image,src=localhost/bb:1,dst=/i,rw=true",),
            ("--mount=type=devpts,dst=/p,uid=1000",),
            ("--mount=type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0700,chown=true",),
            ("--tmpfs=/t:size=10m,mode=1770,noexec", "--tmpfs=/u:notmpcopyup,ro"),
        ]
    )
    security = st.sampled_from(
        [
            ("--privileged",),
            ("--cap-drop=all",),
            ("--cap-drop=all", "--cap-add=chown,NET_BIND_SERVICE"),
            ("--cap-add=NET_ADMIN", "--cap-drop=CHOWN"),
            ("--security-opt=no-new-privileges", "--security-opt=seccomp=unconfined"),
            ("--security-opt=label=type:foo_t", "--security-opt=label=level:s0:c1,c2"),
            ("--security-opt=label=disable", "--security-opt=apparmor=unconfined"),
            ("--security-opt=mask=/proc/foo:/proc/bar", "--security-opt=unmask=/proc/kcore"),
            ("--security-opt=unmask=ALL",),
            ("--security-opt=proc-opts=hidepid=2",),
        ]
    )
    identity = st.sampled_from(
        [
            ("--user=1000:1000", "--group-add=4242", "--umask=0077"),
            ("--user=daemon",),
            ("--userns=auto:size=4096",),
            ("--uidmap=u0:@0:1",),
            ("--hostuser=nobody,daemon", "--umask=0"),
            ("--uidmap=0:100000:65536",),
            ("--uidmap=0:100000:65536", "--gidmap=0:200000:65536"),
            ("--userns=host", "--group-add=keep-groups"),
            ("--passwd-entry=foo:x:$UID:$GID::/:/bin/sh", "--group-entry=foo:x:$GID:"),
        ]
    )
    memory = st.sampled_from(
        [
            ("-m64m",),
            ("--memory=64m", "--memory-swap=-1"),
            ("--memory=64m", "--memory-swap=96m", "--memory-reservation=32m"),
            ("--cpus=0.29", "--cpu-shares=512"),
            ("--cpu-period=50000", "--cpu-quota=25000"),
            ("--cpuset-cpus=0", "--cpuset-mems=0"),
            ("--pids-limit=99", "--shm-size=128m", "--oom-score-adj=500"),
            ("--pids-limit=-1", "--ulimit=nofile=1024:2048", "--ulimit=core=-1"),
            ("--cgroups=disabled",),
            ("--memory-swappiness=0", "--oom-score-adj=0"),
            ("--ulimit=host",),
            ("--cgroup-parent=/foo",),
        ]
    )
    health = st.sampled_from(
        [
            ('--health-cmd=echo "a b" || exit 1', "--health-interval=11s", "--health-timeout=1500ms"),
            ('--health-cmd=["/bin/echo","a b"]', "--health-retries=5", "--health-start-period=13s"),
            ("--health-cmd=none",),
            ("--no-healthcheck",),
            ("--health-cmd=true", "--health-max-log-count=0", "--health-max-log-size=0"),
            ('--health-cmd=["CMD-SHELL","a b"]', "--health-on-failure=stop", "--health-interval=1h"),
            ("--health-cmd=true", "--health-interval=disable", "--health-on-failure=kill"),
            ('--health-cmd=CMD-SHELL [ "$A" = 1 ]', "--health-max-log-count=7"),
            (
                "--health-cmd=true",
                "--health-startup-cmd=echo st",
                "--health-startup-interval=14s",
                "--health-startup-retries=6",
                "--health-startup-success=2",
                "--health-startup-timeout=15s",
            ),
        ]
    )
    life = st.sampled_from(
        [
            ("--restart=on-failure:5", "--stop-timeout=33", "--stop-signal=SIGINT"),
            ("--restart=always", "--stop-timeout=0"),
            ("--rm", "--timeout=99"),
            ("--sdnotify=conmon", "--tz=Europe/Rome", "--init"),
            ("-dit".replace("d", ""), "--systemd=always"),
            ("-t", "--workdir=/tmp", "--read-only", "--read-only-tmpfs=false"),
            ("--read-only",),
            ("--pid=host", "--ipc=private", "--cgroupns=private"),
            ("--uts=host", "--ipc=host"),
            ("--log-driver=journald", "--log-opt=tag=a tag"),
            ("--log-driver=k8s-file", "--log-opt=max-size=1234567"),
            ("--device=/dev/null:/dev/xnull:r", "--device-cgroup-rule=c 89:* rmw"),
            ("--sysctl=net.ipv4.ip_forward=1", "--sysctl=kernel.msgmax=65536"),
            ("--unsetenv-all",),
            ("--unsetenv=PATH", "--gpus=all", "--device=vendor.com/class=one"),
            ("--volumes-from=rt-plain:ro", "--requires=rt-plain"),
            ("--personality=LINUX32", "--hostuser=nobody"),
            ("--secret=s1,uid=5,gid=6,mode=0400,target=/run/x", "--secret=s1,type=env,target=MYSEC"),
            ("--http-proxy=false", "--image-volume=ignore", "--pull=never"),
        ]
    )
    return {
        "network": network_pieces(network),
        "mounts": mounts,
        "security": security,
        "identity": identity,
        "memory": memory,
        "health": health,
        "life": life,
        "texts": texts(),
        "places": nasty_places(),
        "env": pairs("--env"),
        "label": pairs("--label"),
        "annotation": pairs("--annotation"),
        "entrypoint": st.sampled_from(
            [
                ("--entrypoint=/bin/echo",),
                ('--entrypoint=["/bin/sh","-c"]',),
                ("--entrypoint=",),
                ('--entrypoint=["/bin/a b", "\\"q\\" $X %n"]',),
            ]
        ),
        "hosts": st.sampled_from([(f"--expose={as_csv_field('7000-7002')}",), ("--no-hostname",)]),
    }


def command_words() -> st.SearchStrategy[Words]:
    """The words after the image."""
    return st.lists(nasty, min_size=0, max_size=4).map(lambda words: ("/bin/echo", *words))


def containers(directory: str, network: str) -> st.SearchStrategy[tuple[Words, Words]]:
    """(flags, words after the image) of one container."""
    available = pieces(directory, network)
    chosen = st.lists(st.sampled_from(sorted(available)), min_size=1, max_size=6, unique=True)

    def flags(names: list[str]) -> st.SearchStrategy[Words]:
        return st.tuples(*(available[name] for name in sorted(names))).map(
            lambda groups: tuple(word for words in groups for word in words)
        )

    return st.tuples(chosen.flatmap(flags), command_words())
