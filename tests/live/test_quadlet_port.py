"""The port of the Quadlet generator against the real one: the same verdict and the same words."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from hardentui.errors import CannotExpress, GeneratorError
from hardentui.host.podman.generator import dry_run, exec_start, find_generator
from hardentui.lib.quadlet import generate, translate
from hardentui.lib.quadlet.keys import KEYS
from hardentui.lib.quadlet.text import UnitRefused
from hardentui.model.podman_version import Version
from hardentui.model.spec import KeyKind
from hardentui.systemd.command_line import HELPER_VARIABLES, escape, word, words
from tests.conftest import cannot_run

pytestmark = pytest.mark.live

MEASURED = Version(5, 4, 2)
"""The generator that the port's details were measured with."""

DATA = Path(__file__).parents[1] / "data" / "quadlet-escaping" / "cases.json"
DOCUMENT: dict[str, Any] = json.loads(DATA.read_text())
VALUES: list[str] = [case["value"] for case in DOCUMENT["cases"]]

AROUND = {
    "n.network": "[Network]\n",
    "own.network": '[Network]\nNetworkName="kept"\n',
    "v.volume": "[Volume]\n",
    "own.volume": "[Volume]\nVolumeName=kept\n",
    "p.pod": "[Pod]\nPodName=kept\n",
    "named.pod": "[Pod]\nServiceName=pod-service\n",
    "i.image": "[Image]\nImage=registry.example/i:1\n",
    "tagged.image": "[Image]\nImage=registry.example/i:1\nImageTag=localhost/t\n",
    "b.build": "[Build]\nImageTag=localhost/b\nSetWorkingDirectory=unit\n",
    "other.container": "[Container]\nImage=registry.example/i:1\nServiceName=other-service\n",
}
_UNORDERED = frozenset(
    (
        "--workdir --ip --ip6 --pull --pids-limit --hostname --stop-signal --stop-timeout --tz --shm-size "
        "--entrypoint --tmpfs --network-alias --ulimit --dns --dns-option --dns-search --group-add --add-host"
    ).split()
)
_SWITCHES = frozenset({"--init", "--env-host", "--read-only-tmpfs"})


class Command(NamedTuple):
    """argv, with what the generator writes in an order of chance sorted."""

    words: tuple[str, ...]
    unordered: tuple[tuple[str, tuple[str, ...]], ...]


class Generator(NamedTuple):
    path: str

    def commands(
        self,
        units: Mapping[str, str],
        around: Mapping[str, str],
    ) -> dict[str, Command | None]:
        """File name -> command; None when it refuses the unit."""
        done = dry_run(
            {**around, **units},
            user=False,
            generator=self.path,
        )
        result: dict[str, Command | None] = {}
        for name in units:
            service = done.services.get(name.replace(".container", ".service"))
            try:
                result[name] = command(exec_start(service)) if service is not None else None
            except GeneratorError:
                result[name] = None  # systemd would not start it
        return result


@pytest.fixture(scope="module")
def generator() -> Generator:
    path = find_generator()
    if path is None:
        cannot_run("no Quadlet generator is installed; run: sudo apt-get install podman")
    told = subprocess.run(
        [path, "-version"],
        capture_output=True,
        text=True,
        check=False,
    )
    if Version.parse(told.stdout) != MEASURED:
        cannot_run(f"the generator of this host is {told.stdout.strip()}, not {MEASURED}")
    return Generator(path)


def command(argv: Sequence[str]) -> Command:
    end = next(
        (n for n, word in enumerate(argv) if word.startswith("--sdnotify")),
        len(argv),
    )
    kept: list[str] = []
    result: dict[str, tuple[str, ...]] = {}
    at = 0
    while at < end:
        if argv[at] in _UNORDERED:
            result[argv[at]] = (
                *result.get(argv[at], ()),
                *argv[at + 1 : at + 2],
            )  # a lone `;` was cut off
            at += 2
            continue
        if argv[at].partition("=")[0] in _SWITCHES:
            result[argv[at]] = ()
        else:
            kept.append(argv[at])
        at += 1
    return Command((*kept, *argv[end:]), tuple(sorted(result.items())))


def ported(
    name: str,
    text: str,
    around: Mapping[str, str],
) -> Command | str:
    """The command; or why it is refused."""
    try:
        made = generate(
            {name: text, **around},
            version=astuple(MEASURED),
            rootless=False,
        )
    except UnitRefused as error:
        return str(error)
    return command(made[name.replace(".container", ".service")])


def compare(
    generator: Generator,
    texts: Sequence[str],
    around: Mapping[str, str] = AROUND,
) -> int:
    """Both have to say the same of every text; returns how many were accepted.

    A unit that cannot be read at all, and one that makes the generator crash, hides all others:
    alone.
    """
    ours = {
        f"c{n}.container": ported(f"c{n}.container", text, around) for n, text in enumerate(texts)
    }
    alone = {
        name
        for name, command in ours.items()
        if isinstance(command, str) and ("cannot read" in command or "crash" in command)
    }
    units = {f"c{n}.container": text for n, text in enumerate(texts)}
    theirs = generator.commands(
        {name: text for name, text in units.items() if name not in alone}, around
    )
    for name in alone:
        theirs |= generator.commands({name: units[name]}, around)
    for name, text in units.items():
        mine = ours[name]
        assert (None if isinstance(mine, str) else mine) == theirs[name], (text, mine)
    return sum(isinstance(command, Command) for command in ours.values())


def unit(*lines: str, service: str = "") -> str:
    text = "[Container]\nImage=registry.example/i:1\n" + "\n".join(lines) + "\n"
    return f"{text}[Service]\nEnvironment={HELPER_VARIABLES}\n{service}"


# --- every nasty value in every key ---------------------------------------------------------------

KINDS = {
    "R1": KeyKind.RAW_ONE,
    "RA": KeyKind.RAW_ALL,
    "SV": KeyKind.WORDS_LITERAL,
    "AR": KeyKind.WORDS_ESCAPED,
    "KV": KeyKind.KEY_VALUE,
}


def _lines(
    key: str,
    row: Mapping[str, Any],
    value: str,
) -> tuple[str, str]:
    """The line as we write it, and the word that has to arrive."""
    if key == "Exec":
        return f"Exec={words(['cmd', value, 'mid', value])}", value
    if key == "PodmanArgs":
        return f"PodmanArgs={word(f'--x={value}')}", f"--x={value}"
    template = row.get("template", "{value}")
    inner = value.replace(":", "_") if key == "Volume" else value
    text = template.replace("{value with : replaced by _}", inner).replace(
        "{value}",
        inner,
    )
    arrives = row.get("argument", text).replace("{value}", inner)
    try:
        return f"{key}={escape(text, KINDS[row['kind']])}", arrives
    except CannotExpress:
        whole = f"{row['flag']}={arrives}"
        return f"PodmanArgs={word(whole)}", whole


@pytest.mark.parametrize("key", DOCUMENT["keys"])
def test_every_value_arrives_through_the_port_as_through_the_generator(
    generator: Generator,
    key: str,
) -> None:
    lines = [_lines(key, DOCUMENT["keys"][key], value) for value in VALUES]
    assert compare(
        generator,
        [unit(line) for line, _ in lines],
        {},
    ) == len(VALUES)
    for line, arrives in lines:
        argv = generate(
            {"c.container": unit(line)},
            version=astuple(MEASURED),
            rootless=False,
        )["c.service"]
        assert arrives in argv, line


@pytest.mark.parametrize("key", DOCUMENT["keys"])
def test_values_that_nobody_escaped_are_lost_in_the_same_way(
    generator: Generator,
    key: str,
) -> None:
    texts = [unit(f"{key}={value}") for value in VALUES if "\r" not in value]
    assert compare(generator, texts, {}) > len(VALUES) // 2


# --- broken and unusual units ---------------------------------------------------------------------

UNUSUAL = {
    "an unknown key": "NoSuchKey=1",
    "a key of another case": "exec=x",
    "a key of a newer version": "Memory=1g",
    "another new key": "AppArmor=x",
    "no assignment": "Exec",
    "no key": "=x",
    "an unfinished header": "[Container",
    "an empty header": "[]",
    "a tab in a header": "[a\tb]",
    "a second [Container]": "[Service]\nA=b\n[Container]\nExec=x",
    "an unknown section": "[Foo]\nBar=1",
    "an unknown key of [Quadlet]": "[Quadlet]\nFoo=1",
    "a group without a user": "Group=2",
    "a user and a group": "User=1\nGroup=2",
    "a user taken back": "User=1\nUser=",
    "image and rootfs": "Rootfs=/r",
    "an image taken back": "Image=",
    "an image taken back for a rootfs": "Image=\nRootfs=/r b",
    "an image that is no unit": "Image=nope.image",
    "a port that is none": "ExposeHostPort=x",
    "sctp": "ExposeHostPort=80/sctp",
    "udp": "ExposeHostPort=80-90/udp",
    "a port after something": "ExposeHostPort=80:81",
    "a port of other digits": "ExposeHostPort=٣",
    "a mount without type": "Mount=src=/a,dst=/b",
    "a mount without source": "Mount=type=volume,dst=/b",
    "a mount with an empty source": "Mount=type=bind,src=,dst=/b",
    "a mount whose source has no value": "Mount=type=bind,src,dst=/b",
    "a mount with a comma": 'Mount="type=bind,\\"src=/a,b\\",dst=/c"',
    "a mount with a bare quote": 'Mount="type=bind,src=/a\\"b,dst=/c"',
    "a mount with a line break": 'Mount="type=bind,\\"src=/a\\nb\\",dst=/c"',
    "a mount with a line break outside of quotes": 'Mount="type=bind,src=/a\\nb,dst=/c"',
    "a mount with CR LF": 'Mount="type=bind,\\"src=/a\\r\\nb\\",dst=/c"',
    "a mount with two sources": "Mount=type=bind,src=/a,source=/b,dst=/c",
    "a mount of tmpfs": "Mount=dst=/c,type=tmpfs",
    "a mount of a volume unit": "Mount=type=volume,src=own.volume,dst=/b",
    "a mount of an image unit": "Mount=type=image,src=tagged.image,dst=/b",
    "a mount of no unit": "Mount=type=volume,src=nope.volume,dst=/b",
    "a path that ends like a unit": "Mount=type=bind,src=/x/y.volume,dst=/b",
    "a mount beside the unit": "Mount=type=bind,src=./a,dst=/b",
    "a volume unit": "Volume=v.volume:/b:ro\nVolume=own.volume:/c",
    "a volume that is no unit": "Volume=nope.volume:/b",
    "a volume beside the unit": "Volume=./a/../b:/c",
    "a volume without source": "Volume=:/x\nVolume=/y\nVolume=v.volume",
    "a network unit": "Network=n.network\nNetwork=own.network:ip=1.2.3.4",
    "a network that is no unit": "Network=nope.network",
    "a network of a container": "Network=other.container",
    "a network of a container with options": "Network=other.container:x",
    "a pod unit": "Pod=p.pod",
    "a pod unit with a service name": "Pod=named.pod",
    "a pod that is no unit": "Pod=nope.pod",
    "a pod by name": "Pod=kept",
    "an image unit": "Image=i.image",
    "a tagged image unit": "Image=tagged.image",
    "a build unit": "Image=b.build",
    "switches": "ReadOnly=maybe\nRunInit=\nNoNewPrivileges=on\nEnvironmentHost=TRUE\nReadOnlyTmpfs=0",
    "quotes around a switch": 'ReadOnly="yes"',
    "healthy": "Notify=HEALTHY",
    "volatile": "VolatileTmp=true",
    "volatile and read-only": "VolatileTmp=true\nReadOnly=true",
    "a profile that is empty": "SeccompProfile=",
    "a log driver that is empty": 'LogDriver="\nLogOpt=a=b',
    "modules": "ContainersConfModule=a b\nGlobalArgs=--x\nAutoUpdate=registry\nLabel=z=1",
    "files": "EnvironmentFile=/x y -/z %h/a",
    "a name of a service": "ContainerName=x\nStartWithPod=no",
    "oneshot": "Exec=a\n[Service]\nType=oneshot",
    "a type": "[Service]\nType=simple",
    "a kill mode": "[Service]\nKillMode=process",
    "a command of its own": "[Service]\nExecStart=/bin/x",
    "capabilities": "AddCapability=CAP_Chown net_raw\nDropCapability=ALL",
    "variables": 'Exec=${A} $B x$B ${NO} $NO $$ %% %n $\n[Service]\nEnvironment=A=%%n "B=2 3"',
    "continued": "Exec=a \\\n  b\\\n#no\n\n;no\nc",
    "continued to the end": "Exec=a\nHostName=b\\\n#no\n",
    "a reset": "Environment=A=1\nEnvironment=\nEnvironment=B=2\nUlimit=a\nUlimit=\nUlimit=b",
    "an escape in one of several lines": "PodmanArgs=a\nPodmanArgs=\\d\nPodmanArgs=b",
    "an empty word in one of several lines": 'Mask=/a "" /b\nMask=/c',
    "an open quote": "Sysctl=x 'a\nExec=x 'a b",
    "names without a value": "Environment=A B=1\nLabel=l",
    "line ends of DOS": "Exec=a\r\nHostName=b\r\n",
    "blanks of Unicode": "\xa0Exec=a\u2003\nHostName=\u2003b",
}


@pytest.mark.parametrize(
    "lines",
    UNUSUAL.values(),
    ids=UNUSUAL,
)
def test_unusual_units_get_the_same_verdict(
    generator: Generator,
    lines: str,
) -> None:
    compare(
        generator,
        [f"[Container]\nImage=registry.example/i:1\n{lines}\n"],
    )


@pytest.mark.parametrize(
    "text", ["", "Image=a\n", "[Service]\nType=oneshot\n", "\ufeff[Container]\nImage=a\n"]
)
def test_files_that_are_no_container(
    generator: Generator,
    text: str,
) -> None:
    assert compare(generator, [text]) == 0


def test_the_same_words_are_known_as_keys(generator: Generator) -> None:
    names = [
        key
        for key in KEYS["Container"]
        if key not in ("Pod", "Mount", "Group", "Rootfs", "ServiceName")
    ]
    assert compare(generator, [unit(f"{key}=1") for key in names]) > 70


def test_an_optional_device_is_refused_while_the_host_is_not_known(generator: Generator) -> None:
    text = unit("AddDevice=-/dev/null\nAddDevice=-/dev/no-such-device")
    made = generator.commands({"c.container": text}, {})["c.container"]
    assert "it is not known here" in str(ported("c.container", text, {}))
    there = generate(
        {"c.container": text},
        version=astuple(MEASURED),
        rootless=False,
        devices=frozenset({"/dev/null"}),
    )["c.service"]
    assert command(there) == made


def test_a_carriage_return_is_refused_although_the_generator_takes_it(generator: Generator) -> None:
    text = unit("HostName=a\rb")
    done = dry_run(
        {"c.container": text},
        user=False,
        generator=generator.path,
    )
    assert done.ok
    assert "\r" in done.services["c.service"]
    assert "carriage return" in str(ported("c.container", text, {}))


# --- the other kinds of units ---------------------------------------------------------------------

OTHER_KINDS = {
    "a.network": (
        "[Network]\nSubnet=10.0.0.0/24\nGateway=10.0.0.1\nInternal=no\n"
        "Options=b=2 a=1\nLabel=x=y\n"
    ),
    "bad.network": "[Network]\nGateway=10.0.0.1\n",
    "t@.network": "[Network]\n",
    "a.volume": "[Volume]\nCopy=no\nUser=7\nGroup=010\nLabel=x=y\nPodmanArgs=--x\n",
    "device.volume": "[Volume]\nDevice=/dev/x\nType=ext4\nOptions=ro,noatime\nUser=x\n",
    "image.volume": "[Volume]\nDriver=image\nImage=i.image\n",
    "bad.volume": "[Volume]\nOptions=ro\n",
    "a.image": "[Image]\nImage=q\nArch=arm64\nAllTags=no\nPodmanArgs=--y\nGlobalArgs=--log-level=debug\n",
    "bad.image": "[Image]\nImageTag=q\n",
    "a.build": "[Build]\nImageTag=t\nImageTag=u\nFile=/f\nPull=never\nNetwork=n.network\nEnvironment=A=1\n",
    "url.build": "[Build]\nImageTag=t\nSetWorkingDirectory=https://x.example/y.git\n",
    "directory.build": "[Build]\nImageTag=t\nFile=f\n[Service]\nWorkingDirectory=/w\n",
    "bad.build": "[Build]\nImageTag=t\nFile=f\n",
    "worse.build": "[Build]\nFile=/f\n",
    "a.kube": ("[Kube]\nYaml=/a.yml\nConfigMap=/m.yml\nAutoUpdate=registry c/local\nNetwork=n.network\n"),
    "mapped.kube": "[Kube]\nYaml=/a.yml\nRemapUsers=auto\nRemapUid=1:2:3\nRemapUidSize=9\nPublishPort=80\n",
    "bad.kube": "[Kube]\nYaml=/a.yml\nRemapUsers=manual\n",
    "worse.kube": "[Kube]\nYaml=/a.yml\n[Service]\nType=simple\n",
    "a.pod": "[Pod]\nGlobalArgs=--log-level=debug\nPodName=own\n",
}  # fmt: skip


def test_other_kinds_of_units_become_the_same_commands(generator: Generator) -> None:
    """Both refuse the same; of each service the first command has the same words, in an order of
    chance."""
    units = {**AROUND, **OTHER_KINDS}
    theirs = dry_run(
        units,
        user=False,
        generator=generator.path,
    ).services
    made = translate(
        units,
        version=astuple(MEASURED),
        rootless=False,
    )
    services = {service.unit: (name, service) for name, service in made.services.items()}
    assert {name for name in OTHER_KINDS if name in made.refused} == {
        name for name in OTHER_KINDS if name.startswith(("bad.", "worse."))
    }
    for name in OTHER_KINDS:
        if name in made.refused:
            assert f"{name.replace('.', '-').removesuffix('-kube')}.service" not in theirs
            continue
        service, ours = services[name]
        assert sorted(exec_start(theirs[service])) == sorted(ours.start), name


# --- random units ---------------------------------------------------------------------------------

_VALUES = st.one_of(
    st.sampled_from(VALUES).filter(lambda value: "\r" not in value),
    st.text("ab \t\"'\\;#$%{}=,:./-é\u2003\x01nx0", max_size=12),
    st.sampled_from(
        (
            "true",
            "no",
            "/a:/b",
            "v.volume:/x",
            "n.network",
            "A=1 B=2",
            "type=bind,src=/a,dst=/b",
        )
    ),
).filter(lambda value: value.strip('" \t\u2003') != ";")
"""Without a lone `;`, which ends the command: what it cuts off changes with the order, from run to
run."""

_KEYS = sorted(
    set(KEYS["Container"])
    - {
        "AddDevice",
        "RemapUsers",
        "RemapUid",
        "RemapGid",
        "RemapUidSize",
        "ServiceName",
        "Image",
    }
)
_LINES = st.builds(
    lambda key, value: f"{key}={value}",
    st.sampled_from(_KEYS),
    _VALUES,
)
_ODD_LINES = st.sampled_from(
    (
        "# comment",
        "",
        "; comment \\",
        "[Service]",
        "[Container]",
        "Type=oneshot",
        "User=1",
        "Exec=a \\",
        "A=b",
    )
)
_UNITS = st.lists(
    st.one_of(
        _LINES,
        _LINES,
        _LINES,
        _ODD_LINES,
    ),
    min_size=1,
    max_size=4,
).map(lambda lines: "[Container]\nImage=registry.example/i:1\n" + "\n".join(lines) + "\n")


@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(texts=st.lists(_UNITS, min_size=30, max_size=30))
def test_random_units_get_the_same_verdict(
    generator: Generator,
    texts: list[str],
) -> None:
    compare(generator, texts)
