"""The port of the generator, beyond containers: networks, volumes, pods, images, builds, Kubernetes
files.

Each case says what generators of these versions were seen to do. That the port equals the real one
of 5.4 is shown in tests/live/test_quadlet_port.py.
"""

import pytest
from msgspec.structs import astuple

from hardentui.lib.quadlet import MadeService, generate, translate
from hardentui.model.podman_version import Version

DIRECTORY = "/srv/units"
CONTAINER = "[Container]\nImage=registry.example/i:1\n"


def service(
    name: str,
    text: str,
    version: str,
    **others: str,
) -> MadeService:
    """The service of one unit; others are `n_network="…"`."""
    units = {
        name: text,
        **{other.replace("_", "."): body for other, body in others.items()},
    }
    made = translate(
        units, version=astuple(Version.parse(version)), rootless=False, directory=DIRECTORY
    )
    assert name not in made.refused, made.refused[name]
    return next(service for service in made.services.values() if service.unit == name)


def words(
    name: str,
    text: str,
    version: str,
    **others: str,
) -> str:
    """What stands after `podman`, with what only systemd knows as it is spelled."""
    start = service(name, text, version, **others).start
    return " ".join(start[1:]).replace("\0", "")


def refusal(
    name: str,
    text: str,
    version: str,
    **others: str,
) -> str:
    units = {
        name: text,
        **{other.replace("_", "."): body for other, body in others.items()},
    }
    made = translate(
        units, version=astuple(Version.parse(version)), rootless=False, directory=DIRECTORY
    )
    return made.refused[name].why


# --- references -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "version", "there"),
    [
        ("Network=gone.network", "5.2", "--network=systemd-gone"),
        ("Volume=gone.volume:/d", "5.2", "systemd-gone:/d"),
        ("Network=n.network:ip=10.0.0.7", "5.3", "own:ip=10.0.0.7"),
        ("Network=n.network", "4.6", "--network=systemd-n"),
        ("Volume=t@.volume:/d", "5.6", "systemd-t@:/d"),
        ("Volume=t@.volume:/d", "5.7", "systemd-t-\0%i:/d"),
        (
            "Mount=type=artifact,source=a.artifact,destination=/d",
            "5.7",
            "type=artifact,source=q,destination=/d",
        ),
        (
            "Mount=type=image,source=i.image,destination=/d",
            "5.2",
            "type=image,source=i.image,destination=/d",
        ),
        (
            "Mount=type=image,source=i.image,destination=/d",
            "5.3",
            "type=image,source=r/i,destination=/d",
        ),
        ("Network=a.container", "5.3", "container:systemd-a"),
    ],
)
def test_what_a_unit_refers_to(
    lines: str,
    version: str,
    there: str,
) -> None:
    others = {
        "n.network": "[Network]\n" + ("NetworkName=own\n" if version > "4.6" else ""),
        "t@.volume": "[Volume]\n",
        "i.image": "[Image]\nImage=r/i\n",
        "a.container": CONTAINER,
    }
    if version == "5.7":
        others["a.artifact"] = "[Artifact]\nArtifact=q\n"
    if version == "4.6":
        del others["i.image"]
    units = {"web.container": f"{CONTAINER}{lines}\n", **others}
    assert (
        there
        in generate(
            units,
            version=astuple(Version.parse(version)),
            rootless=False,
        )["web.service"]
    )


@pytest.mark.parametrize(
    ("text", "version", "value"),
    [
        ('HostName="a"', "4.9", '"a"'),
        ('HostName="a"', "5.0", "a"),
        ("HostName=a\\\n# note\nb", "5.3", "a# note"),
        ("HostName=a\\\n# note\nb", "5.4", "ab"),
        ("HostName=a\\\n   b", "4.9", "a   b"),
        ("HostName=a\\\n   b", "5.0", "ab"),
    ],
)
def test_a_value_that_versions_read_differently(
    text: str,
    version: str,
    value: str,
) -> None:
    lines = (
        text if version != "5.3" else text + "=c"
    )  # there the line after the comment is one of its own
    complete = f"[Container]\nImage=i\n{lines}\n"
    if version == "5.3":
        complete = complete.replace("b=c", "Label=b=c")
    result = service("web.container", complete, version).start
    assert result[result.index("--hostname") + 1] == value


@pytest.mark.parametrize(
    ("lines", "version", "there"),
    [
        ("User=app", "4.7", "--user 0"),
        ("User=1000:1000", "4.7", "--user 0"),
        ("User=0x10\nGroup=010", "4.7", "--user 16:8"),
        ("User=app\nGroup=app", "4.8", "--user=app:app"),
        ("User=app\nGroup=app", "5.3", "--user app:app"),
        ("Ulimit=a=1\nUlimit=b=2", "4.9", "--ulimit b=2"),
        ("Ulimit=a=1\nUlimit=b=2", "5.0", "--ulimit a=1 --ulimit b=2"),
        ("Entrypoint=", "5.2", "--entrypoint="),
        ("Entrypoint=", "5.8.2", "--entrypoint="),
        ("PublishPort=0.0.0.0:80:80", "5.2", "--publish 80:80"),
        ("PublishPort=0.0.0.0:80:80", "5.3", "--publish 0.0.0.0:80:80"),
        ("PublishPort=[::1]::80", "5.2", "--publish [::1]::80"),
        ("SecurityLabelDisable=yes", "5.2", "--security-opt label:disable"),
        ("WorkingDir=/w", "5.2", "-w=/w"),
        ("RemapUsers=keep-id\nRemapUid=7", "5.3", "--userns keep-id:uid=7"),
        ("Volume=:/d:ro", "5.4", "-v /d"),
        ("ExposeHostPort=x80", "5.4", "--expose x80"),
    ],
)
def test_what_one_version_makes_of_a_line(
    lines: str,
    version: str,
    there: str,
) -> None:
    assert f" {there} " in f" {words('web.container', CONTAINER + lines, version)} "


@pytest.mark.parametrize(
    ("lines", "version", "complaint"),
    [
        ("PublishPort=80/sctp", "5.2", "invalid port format '80/sctp'"),
        ("PublishPort=1:2:3:4", "5.2", "invalid published port '1:2:3:4'"),
        ("Tmpfs=/a:b:c", "5.2", "invalid tmpfs format"),
        (
            "RemapUsers=keep-id",
            "5.2",
            "RemapUsers=keep-id is unsupported for system units",
        ),
        (
            "ReloadCmd=x\nReloadSignal=HUP",
            "5.5",
            "ReloadCmd and ReloadSignal are mutually exclusive but both are set",
        ),
        (
            "Mount=type=tmpfs,destination=/t,ro",
            "4.7",
            "it crashes on a mount with a word without `=`",
        ),
        (
            "Mount=type=bind,destination=/t",
            "6.0",
            "source parameter is required for mount type bind",
        ),
    ],
)
def test_what_one_version_does_not_take(
    lines: str,
    version: str,
    complaint: str,
) -> None:
    assert complaint in refusal(
        "web.container",
        f"{CONTAINER}{lines}\n",
        version,
    )


def test_drop_ins_are_read_after_the_unit() -> None:
    units = {
        "t@.container": CONTAINER,
        "t@a.container": CONTAINER,
        "t@.container.d/10.conf": "[Container]\nHostName=of-all\n",
        "t@a.container.d/10.conf": "[Container]\nHostName=of-a\n",
        "t@.container.d/20.conf": "[Container]\nEnvironment=A=1\n",
    }
    made = translate(
        units,
        version=astuple(Version(5, 4)),
        rootless=False,
    ).services
    assert "of-all" in made["t@.service"].start
    assert "of-a" in made["t@a.service"].start
    assert "A=1" in made["t@a.service"].start
    old = translate(
        units,
        version=astuple(Version(4, 9)),
        rootless=False,
    ).services
    assert "of-all" not in old["t@.service"].start
