"""The reader of Quadlets says what the generator makes of them; its port, which shares no code, is
asked."""

import re

import pytest
from msgspec.structs import astuple

from hardentui.harden.drift import drift
from hardentui.lib.quadlet import generate
from hardentui.lib.quadlet.text import UnitRefused
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import CGROUPS, LOG_DRIVER, NAME, POD, REMOVE, SDNOTIFY, TABLE
from hardentui.options.argv import spec_from_argv
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.read.object_names import default_name, object_names

PODS_BY_NAME = Version(5, 6)
DIRECTORY = "/srv/units"
DEVICES = frozenset({"/dev/there"})
AROUND = {
    "n.network": '[Network]\nNetworkName="own"\n',
    "v.volume": "[Volume]\n",
    "i.image": "[Image]\nImage=registry.example/i:1\nImageTag=localhost/tagged\n",
    "b.build": "[Build]\nImageTag=localhost/first\nImageTag=localhost/second\nFile=/f\n",
    "p.pod": "[Pod]\nPodName=own\n",
    "a.container": "[Container]\nImage=x\nServiceName=of-a\n",
    "named.container": "[Container]\nImage=x\nContainerName=given\n",
}
"""Not `t@.volume`: what a template's unit is called differs before 5.7."""

LINES = [
    "EnvironmentFile=a.env\nEnvironmentFile=./b.env ../c.env /d.env %h/e.env",
    "Volume=./data:/data:Z\nVolume=../up:/up\nVolume=/abs:/abs\nVolume=named:/named\nVolume=/anonymous",
    'HostName="quoted"\nUser="1000"\nWorkingDir="/w"',
    "HealthCmd=\"a b\"\nHealthInterval='30s'",
    "Environment=A=1 FOO B=2\nLabel=alone a=b\nAnnotation=x",
    "Environment=\"A=a b\" 'B=c d' C=e\\x20f",
    "Environment=RE=\\d+ A=1\nEnvironment=B=2",
    "AddDevice=-/dev/gone\nAddDevice=-/dev/there:/dev/x\nAddDevice=/dev/fuse",
    "Network=a.container",
    "Network=named.container",
    "Network=n.network:ip=10.0.0.7",
    'Exec=a "" b',
    "Exec=a \"b c\" 'd' e\\nf",
    'PodmanArgs=--tty "" --privileged',
    "AddCapability=NET_ADMIN SYS_TIME\nDropCapability=all",
    "Mount=type=volume,source=v.volume,destination=/v",
    "Mount=type=bind,source=./m,destination=/m,ro=true",
    "Mount=type=image,source=i.image,destination=/i",
    "Volume=v.volume:/v",
    "Pod=p.pod",
    "RemapUsers=auto\nRemapUid=1:2:3\nRemapUidSize=9",
    "RemapUsers=manual\nRemapUid=0:1:2 2:5:5\nRemapGid=0:1:2",
    "RemapUsers=keep-id\nRemapUid=7",
    "ReadOnly=true\nVolatileTmp=true",
    "VolatileTmp=true",
    'ReadOnly="true"',
    "Entrypoint=",
    "Entrypoint=/bin/x",
    "Sysctl=a=1 b=2\nUlimit=nofile=1:2\nUlimit=nproc=3:4",
    "Notify=healthy",
    "Notify=yes",
    "AutoUpdate=registry",
    'Secret="one,type=env,target=X" two',
    'Secret="never closed',
    "Mask=/a:/b\nUnmask=ALL",
    "User=1000\nGroup=1000",
    "LogOpt=max-size=1m\nLogDriver=k8s-file",
    "Timezone=",
    "SecurityLabelDisable=yes\nSecurityLabelType=x",
]
VERSIONS = [
    Version.parse(text) for text in ("4.9", "5.0", "5.2", "5.3", "5.4.2", "5.6", "5.8.2", "6.0")
]


def specifiers(stem: str) -> dict[str, str]:
    prefix, _, instance = stem.partition("@")
    return {
        "N": stem,
        "n": f"{stem}.service",
        "p": prefix,
        "i": instance,
        "t": "/run",
        "h": "/root",
    }


def made_by_port(
    name: str,
    text: str,
    version: Version,
) -> Spec | None:
    """What the command line asks for; None when the generator refuses the unit, or one around it."""
    stem = name.removesuffix(".container")
    known = {name: body for name, body in AROUND.items() if is_known(name, version)}
    try:
        made = generate(
            {**known, name: text},
            version=astuple(version),
            rootless=False,
            directory=DIRECTORY,
            devices=DEVICES,
        )
    except UnitRefused:
        return None
    words = specifiers(stem)
    argv = [
        re.sub("\0%(.)", lambda match: words[match[1]], word) for word in made[f"{stem}.service"]
    ]
    spec = spec_from_argv(argv)
    if version < PODS_BY_NAME and any(word.startswith("--pod-id-file") for word in argv):
        spec = spec.with_(POD, "own")
    return spec.without(CGROUPS, REMOVE, SDNOTIFY)


def is_known(name: str, version: Version) -> bool:
    since = {"pod": Version(5, 0), "build": Version(5, 2)}.get(
        name.rpartition(".")[2], Version(4, 8)
    )
    return version >= since and (version >= Version(5, 3) or name != "a.container")


def made_by_reader(
    name: str,
    text: str,
    version: Version,
) -> Spec:
    stem = name.removesuffix(".container")
    known = {name: body for name, body in AROUND.items() if is_known(name, version)}
    files = QuadletFiles(
        (text,),
        specifiers(stem),
        object_names(known, version),
        DIRECTORY,
        version,
        frozenset({"/dev/gone"}),
    )
    spec = files.spec().without(CGROUPS, REMOVE, SDNOTIFY)
    return spec if spec[NAME] else spec.with_(NAME, default_name(stem, version))


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_unit_is_read_as_it_is_run(
    lines: str,
    version: Version,
) -> None:
    text = f"[Container]\nImage=registry.example/x:1\n{lines}\n"
    ran = made_by_port("web.container", text, version)
    if ran is None:
        return  # no container runs from it
    read = made_by_reader("web.container", text, version)
    assert [str(difference) for difference in drift(read, ran, ran)] == []
    assert {option.name for option in read.unknowable} == {option.name for option in ran.unknowable}


def test_every_key_is_read() -> None:
    """One line of each key that a value of 1 is good for."""
    for option in TABLE:
        key = option.quadlet
        if key is None or key.name in ("Pod", "Rootfs", "Mount", "Image") or option is LOG_DRIVER:
            continue
        text = f"[Container]\nImage=x\n{key.name}=1\n"
        ran = made_by_port("web.container", text, Version(5, 8, 2))
        if ran is not None:
            assert (
                drift(
                    made_by_reader("web.container", text, Version(5, 8, 2)),
                    ran,
                    ran,
                )
                == ()
            ), key.name
