"""The port of the generator, beyond containers: networks, volumes, pods, images, builds, Kubernetes files.

Each case says what generators of these versions were seen to do. That the port equals the real one of 5.4 is
shown in tests/live/test_quadlet_port.py.
"""

from collections.abc import Mapping

import pytest

from hardentui.model.spec import Version
from hardentui.quadlet.port import MadeService, generate, translate

DIRECTORY = "/srv/units"
CONTAINER = "[Container]\nImage=registry.example/i:1\n"


def service(name: str, text: str, version: str, **others: str) -> MadeService:
    """The service of one unit; others are `n_network="…"`."""
    units = {name: text, **{other.replace("_", "."): body for other, body in others.items()}}
    made = translate(units, version=Version.parse(version), rootless=False, directory=DIRECTORY)
    assert name not in made.refused, made.refused[name]
    return next(service for service in made.services.values() if service.unit == name)


def words(name: str, text: str, version: str, **others: str) -> str:
    """What stands after `podman`, with what only systemd knows as it is spelled."""
    start = service(name, text, version, **others).start
    return " ".join(start[1:]).replace("\0", "")


def refusal(name: str, text: str, version: str, **others: str) -> str:
    units = {name: text, **{other.replace("_", "."): body for other, body in others.items()}}
    made = translate(units, version=Version.parse(version), rootless=False, directory=DIRECTORY)
    return made.refused[name].hint


# --- networks and volumes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "version", "command"),
    [
        ("", "5.4", "systemd-n"),
        ("NetworkName=own", "4.7", "own"),
        ("Internal=no\nIPv6=yes", "5.2", "--ipv6 systemd-n"),
        ("Internal=no\nIPv6=yes", "5.3", "--internal=false --ipv6 systemd-n"),
        ("DisableDNS=yes\nDriver=macvlan", "5.2", "--disable-dns --driver=macvlan systemd-n"),
        ("Driver=macvlan", "5.3", "--driver macvlan systemd-n"),
        (
            "Subnet=10.0.0.0/24\nGateway=10.0.0.1\nSubnet=10.1.0.0/24",
            "5.3",
            "--subnet 10.0.0.0/24 --gateway 10.0.0.1 --subnet 10.1.0.0/24 systemd-n",
        ),
        (
            "Options=b=2 a=1\nLabel=x=y\nPodmanArgs=--route r",
            "5.4",
            "--opt a=1 --opt b=2 --label x=y --route r systemd-n",
        ),
        ("InterfaceName=br7", "5.6", "--interface-name br7 systemd-n"),
    ],
)
def test_a_network_is_created(text: str, version: str, command: str) -> None:
    assert words("n.network", f"[Network]\n{text}\n", version) == f"network create --ignore {command}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Gateway=10.0.0.1", "cannot set gateway or range without subnet"),
        ("Subnet=a\nGateway=b\nGateway=c", "cannot set more gateways than subnets"),
        ("Subnet=a\nIPRange=b\nIPRange=c", "cannot set more ranges than subnets"),
    ],
)
def test_a_network_that_makes_no_sense_is_refused(text: str, complaint: str) -> None:
    assert refusal("n.network", f"[Network]\n{text}\n", "5.4") == complaint


@pytest.mark.parametrize(
    ("text", "version", "command"),
    [
        ("Copy=no\nUser=7\nGroup=wheel", "5.4", "--opt nocopy --opt o=uid=7,gid=0 systemd-v"),
        (
            "Device=/dev/x\nType=ext4\nOptions=ro",
            "5.4",
            "--opt device=/dev/x --opt type=ext4 --opt o=ro systemd-v",
        ),
        ("Options=ro", "6.0", "--opt o=ro systemd-v"),
        ("Driver=image\nImage=q", "5.2", "--driver=image --opt image=q systemd-v"),
        ("Driver=image\nImage=i.image", "5.4", "--driver image --opt image=r/i systemd-v"),
        ("UID=1\nGID=2", "6.0", "--uid 1 --gid 2 systemd-v"),
    ],
)
def test_a_volume_is_created(text: str, version: str, command: str) -> None:
    image = "[Image]\nImage=r/i\n"
    assert (
        words("v.volume", f"[Volume]\n{text}\n", version, i_image=image)
        == f"volume create --ignore {command}"
    )


@pytest.mark.parametrize(
    ("text", "version", "complaint"),
    [
        ("Options=ro", "5.8", "key Options can't be used without Device"),
        ("Type=ext4", "6.0", "key Type can't be used without Device"),
        ("Driver=image", "5.4", "the key Image is mandatory when using the image driver"),
        ("Driver=image\nImage=x.image", "5.4", "requested Quadlet image x.image was not found"),
    ],
)
def test_a_volume_that_makes_no_sense_is_refused(text: str, version: str, complaint: str) -> None:
    assert refusal("v.volume", f"[Volume]\n{text}\n", version) == complaint


# --- images, artifacts, builds ------------------------------------------------------------------------


PULLED = {
    "i.image": ("[Image]\nImage=q", "image pull"),
    "a.artifact": ("[Artifact]\nArtifact=q", "artifact pull"),
    "b.build": ("[Build]\nImageTag=t", "build"),
}


@pytest.mark.parametrize(
    ("name", "text", "version", "command"),
    [
        ("i.image", "Arch=arm64\nAllTags=no", "5.2", "--arch=arm64 --all-tags=false q"),
        ("i.image", "Retry=3\nPolicy=always", "5.6", "--policy always --retry 3 q"),
        ("a.artifact", "Quiet=1", "5.7", "--quiet q"),
        ("b.build", "File=/f", "5.3", "--tag t --file /f"),
        ("b.build", "File=/f", "5.2", "--tag=t --file=/f"),
        ("b.build", "ImageTag=u\nFile=/f", "5.3", "--tag t --tag u --file /f"),
        ("b.build", "ImageTag=u\nFile=/f", "5.2", "--tag=u --file=/f"),
        ("b.build", "File=%h/f", "5.7", "--tag t --file %h/f"),
        ("b.build", "SetWorkingDirectory=unit", "5.4", f"--tag t {DIRECTORY}"),
        ("b.build", "File=a/f\nSetWorkingDirectory=file", "5.4", f"--tag t --file a/f {DIRECTORY}/a"),
        ("b.build", "SetWorkingDirectory=https://x.example/y.git", "5.4", "--tag t https://x.example/y.git"),
        ("b.build", "File=f\n[Service]\nWorkingDirectory=/w", "5.4", "--tag t --file f /w"),
        ("b.build", "File=/f\nPull=never", "5.3.1", "--pull never --tag t --file /f"),
        ("b.build", "File=/f\nPull=never", "5.3.2", "--pull=never --tag t --file /f"),
        ("b.build", "File=/f\nBuildArg=A=1", "5.7", "--tag t --build-arg A=1 --file /f"),
    ],
)
def test_an_image_comes_from_a_registry_or_a_build(name: str, text: str, version: str, command: str) -> None:
    head, verb = PULLED[name]
    assert words(name, f"{head}\n{text}\n", version) == f"{verb} {command}"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("i.image", "[Image]\n", "no Image key specified"),
        ("a.artifact", "[Artifact]\n", "no Artifact key specified"),
        ("b.build", "[Build]\nFile=/f\n", "no ImageTag key specified"),
        ("b.build", "[Build]\nImageTag=t\n", "neither SetWorkingDirectory, nor File key specified"),
        (
            "b.build",
            "[Build]\nImageTag=t\nFile=f\n",
            "relative path in File key requires SetWorkingDirectory key to be set",
        ),
        (
            "b.build",
            "[Build]\nImageTag=t\nSetWorkingDirectory=yaml\n",
            "SetWorkingDirectory=yaml is only supported in .kube files",
        ),
    ],
)
def test_an_image_that_cannot_come_is_refused(name: str, text: str, complaint: str) -> None:
    assert refusal(name, text, "5.7") == complaint


# --- pods and Kubernetes files ------------------------------------------------------------------------


def test_a_pod_is_created_before_it_is_started() -> None:
    text = "[Pod]\nPublishPort=80:80\nNetwork=host\nVolume=./d:/d\nPodmanArgs=--x\n"
    old = service("p.pod", text, "5.0")
    assert " ".join(old.prepare[1:]).replace("\0", "") == (
        "pod create --infra-conmon-pidfile=%t/%N.pid --pod-id-file=%t/%N.pod-id --exit-policy=stop --replace"
        f" --publish 80:80 --network=host -v {DIRECTORY}/d:/d --name=systemd-p --x"
    )
    assert " ".join(old.start[1:]).replace("\0", "") == "pod start --pod-id-file=%t/%N.pod-id"
    new = service("p.pod", text + "ExitPolicy=continue\n", "5.6")
    assert " ".join(new.prepare[1:]).replace("\0", "") == (
        "pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy continue"
        f" --publish 80:80 --network host -v {DIRECTORY}/d:/d"
        " --infra-name systemd-p-infra --name systemd-p --x"
    )
    assert new.start[1:] == ("pod", "start", "systemd-p")


@pytest.mark.parametrize(
    ("text", "version", "command"),
    [
        ("Yaml=a.yml", "4.5", f"{DIRECTORY}/a.yml"),
        ("Yaml=a.yml", "4.4.2", f"--log-driver passthrough {DIRECTORY}/a.yml"),
        (
            "Yaml=/a.yml\nAutoUpdate=registry c/local",
            "5.4",
            "--annotation=io.containers.autoupdate=registry"
            " --annotation=io.containers.autoupdate/c=local /a.yml",
        ),
        (
            "Yaml=/a.yml\nConfigMap=m.yml\nNetwork=n.network",
            "5.2",
            f"--network=systemd-n --configmap {DIRECTORY}/m.yml /a.yml",
        ),
        ("Yaml=/a.yml /b.yml", "5.7", "/a.yml /b.yml"),
        (
            "Yaml=/a.yml\nRemapUsers=auto\nRemapUid=1:2:3\nRemapUidSize=9",
            "5.3",
            "--userns auto:uidmapping=1:2:3,size=9 /a.yml",
        ),
    ],
)
def test_a_kubernetes_file_is_played(text: str, version: str, command: str) -> None:
    made = words("k.kube", f"[Kube]\n{text}\n", version)
    assert made == f"kube play --replace --service-container=true {command}"


@pytest.mark.parametrize(
    ("text", "version", "complaint"),
    [
        ("", "5.4", "no Yaml key specified"),
        ("Yaml=/a\nRemapUsers=manual", "5.4", "RemapUsers=manual is not supported"),
        (
            "Yaml=/a /b\nSetWorkingDirectory=yaml",
            "5.7",
            "SetWorkingDirectory=yaml is only supported when a single Yaml key is provided",
        ),
        ("Yaml=/a\n[Service]\nType=simple", "4.8", "invalid service Type 'simple'"),
    ],
)
def test_a_kubernetes_file_that_makes_no_sense_is_refused(text: str, version: str, complaint: str) -> None:
    assert refusal("k.kube", f"[Kube]\n{text}\n", version) == complaint


# --- references ---------------------------------------------------------------------------------------


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
        ("Mount=type=image,source=i.image,destination=/d", "5.2", "type=image,source=i.image,destination=/d"),
        ("Mount=type=image,source=i.image,destination=/d", "5.3", "type=image,source=r/i,destination=/d"),
        ("Network=a.container", "5.3", "container:systemd-a"),
    ],
)
def test_what_a_unit_refers_to(lines: str, version: str, there: str) -> None:
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
    assert there in generate(units, version=Version.parse(version), rootless=False)["web.service"]


@pytest.mark.parametrize(
    ("lines", "version", "complaint"),
    [
        ("Network=gone.network", "5.3", "requested Quadlet unit gone.network was not found"),
        ("Volume=gone.volume:/d", "5.3", "requested Quadlet source gone.volume was not found"),
        ("Network=z.container", "5.3", "cannot get the resource name of z.container"),
        ("Network=t@.container", "5.4", "cannot get the resource name of t@.container"),
        ("[Unit]\nAfter=gone.container", "5.5", "unable to translate dependency for gone.container"),
    ],
)
def test_what_a_unit_refers_to_in_vain(lines: str, version: str, complaint: str) -> None:
    others = {"z_container": CONTAINER, "t@_container": CONTAINER}
    assert refusal("web.container", f"{CONTAINER}{lines}\n", version, **others) == complaint


@pytest.mark.parametrize(
    ("version", "name"), [("4.9", "systemd-%N"), ("5.0", "systemd-%P_%I"), ("5.2", "systemd-%p_%i")]
)
def test_the_name_of_an_instance(version: str, name: str) -> None:
    assert f" --name={name} " in f" {words('t@.container', CONTAINER, version)} "


# --- lines and words ----------------------------------------------------------------------------------


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
def test_a_value_that_versions_read_differently(text: str, version: str, value: str) -> None:
    lines = text if version != "5.3" else text + "=c"  # there the line after the comment is one of its own
    complete = f"[Container]\nImage=i\n{lines}\n"
    if version == "5.3":
        complete = complete.replace("b=c", "Label=b=c")
    result = service("web.container", complete, version).start
    assert result[result.index("--hostname") + 1] == value


@pytest.mark.parametrize("character", [";", ":"])
def test_what_begins_a_comment(character: str) -> None:
    """A colon up to 5.3, by mistake; a semicolon since 5.4."""
    text = f"{CONTAINER}{character} note\n"
    old = translate({"web.container": text}, version=Version(5, 3), rootless=False)
    new = translate({"web.container": text}, version=Version(5, 4), rootless=False)
    refused: Mapping[str, object] = new.refused if character == ":" else old.refused
    assert list(refused) == ["web.container"]
    assert not (old.refused if character == ":" else new.refused)


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
def test_what_one_version_makes_of_a_line(lines: str, version: str, there: str) -> None:
    assert f" {there} " in f" {words('web.container', CONTAINER + lines, version)} "


@pytest.mark.parametrize(
    ("lines", "version", "complaint"),
    [
        ("PublishPort=80/sctp", "5.2", "invalid port format '80/sctp'"),
        ("PublishPort=1:2:3:4", "5.2", "invalid published port '1:2:3:4'"),
        ("Tmpfs=/a:b:c", "5.2", "invalid tmpfs format"),
        ("RemapUsers=keep-id", "5.2", "RemapUsers=keep-id is unsupported for system units"),
        (
            "ReloadCmd=x\nReloadSignal=HUP",
            "5.5",
            "ReloadCmd and ReloadSignal are mutually exclusive but both are set",
        ),
        ("Mount=type=tmpfs,destination=/t,ro", "4.7", "it crashes on a mount with a word without `=`"),
        ("Mount=type=bind,destination=/t", "6.0", "source parameter is required for mount type bind"),
    ],
)
def test_what_one_version_does_not_take(lines: str, version: str, complaint: str) -> None:
    assert complaint in refusal("web.container", f"{CONTAINER}{lines}\n", version)


def test_drop_ins_are_read_after_the_unit() -> None:
    units = {
        "t@.container": CONTAINER,
        "t@a.container": CONTAINER,
        "t@.container.d/10.conf": "[Container]\nHostName=of-all\n",
        "t@a.container.d/10.conf": "[Container]\nHostName=of-a\n",
        "t@.container.d/20.conf": "[Container]\nEnvironment=A=1\n",
    }
    made = translate(units, version=Version(5, 4), rootless=False).services
    assert "of-all" in made["t@.service"].start
    assert "of-a" in made["t@a.service"].start
    assert "A=1" in made["t@a.service"].start
    old = translate(units, version=Version(4, 9), rootless=False).services
    assert "of-all" not in old["t@.service"].start
