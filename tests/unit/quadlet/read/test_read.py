"""What a Quadlet or a command line asks for, in the words of the option table."""

import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hardentui.errors import CannotExpress, InputError
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.options.argv import spec_from_argv
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.write.container import container_unit, for_quadlet, intended
from hardentui.writers.run_script import run_arguments


def read(lines: str, **names: str) -> Spec:
    files = QuadletFiles(
        (f"[Container]\n{lines}\n",),
        {"h": "/root", "N": "web"},
        names,
    )
    return files.spec()


@pytest.mark.parametrize(
    ("lines", "spec"),
    [
        ("ContainerName=%N-1", Spec.of((NAME, "web-1"))),
        ("Image=a\nImage=b", Spec.of((IMAGE, "b"))),
        ("Rootfs=/srv/r:O", Spec.of((ROOTFS, "/srv/r:O"))),
        ("Exec=a\nExec=b 'c d' $$x", Spec.of((COMMAND, ("b", "c d", "$x")))),
        ("Entrypoint=[\"a\", \"b\"]", Spec.of((ENTRYPOINT, ("a", "b")))),
        ("Volume=%h/x:/x:ro", Spec.of((MOUNTS, (Mount("bind", "/root/x", "/x", ("ro",)),)))),
        ("Notify=yes", Spec.of((SDNOTIFY, "container"))),
        ("Notify=healthy", Spec.of((SDNOTIFY, "healthy"))),
        ("VolatileTmp=1", Spec.of((TMPFS, ("/tmp:rw,size=512M,mode=1777",)))),
        ("AutoUpdate=registry", Spec.of((LABELS, ("io.containers.autoupdate=registry",)))),
        ("ContainersConfModule=/m", Spec.of((MODULE, ("/m",)))),
        ("GlobalArgs=--module=/m --log-level debug", Spec.of((MODULE, ("/m",)))),
        ("User=1\nGroup=2", Spec.of((USER, "1:2"))),
        ("NoNewPrivileges=maybe", Spec()),
        ("NoNewPrivileges=on", Spec.of((NO_NEW_PRIVILEGES, True))),
        ("SecurityLabelDisable=true", Spec.of((LABEL_DISABLE, True))),
        ("HttpProxy=false", Spec.of((HTTP_PROXY, False))),
        ("ReadOnly=true\nPodmanArgs=--read-only=false", Spec()),
        ("SeccompProfile=/a\nSeccompProfile=\n", Spec()),
        ("Environment=A=1\nEnvironment=\nEnvironment=B=2 'C=3 4'", Spec.of((ENV, ("B=2", "C=3 4")))),
        ("Environment=A=1 A=2", Spec.of((ENV, ("A=2",)))),
        ("Mask=/a:/b /c", Spec.of((MASK, ("/a", "/b", "/c")))),
        ("PodmanArgs=--security-opt unmask=/a,/b", Spec.of((UNMASK, ("/a", "/b")))),
        ("PodmanArgs=-m1g --cpus=.5", Spec.of((MEMORY, 1 << 30), (CPUS, 0.5))),
        ("AddCapability='A' \"B\"", Spec.of((CAP_ADD, ("A", "B")))),
        ("PublishPort=[::1]:80:80\nPublishPort=53/udp",
         Spec.of((PUBLISH, (Port(80, "80", "::1"), Port(53, "", "", "udp"))))),
        ("# Image=x\n;Image=y\nFoo=1\nWorkingDir=/ a ", Spec.of((WORKDIR, "/ a"))),
    ],
)  # fmt: skip
def test_keys_and_flags_become_options(lines: str, spec: Spec) -> None:
    assert read(lines) == spec


def test_what_only_systemd_knows_is_unknowable() -> None:
    spec = read("AddCapability=A %i\nUser=${WHO}\nPublishPort=${PORT}:80\nReadOnly=true")
    assert spec == Spec.of((CAP_ADD, ("A",)), (READ_ONLY, True))
    assert spec.unknowable == {CAP_ADD, USER, PUBLISH}


def test_a_command_line_of_a_service() -> None:
    line = (
        "/usr/bin/podman --runtime=crun run -d --rm --name w -v/a:/b --privileged -p 80:80 img a b"
    )
    spec = spec_from_argv(shlex.split(line))
    assert (
        spec[NAME],
        spec[IMAGE],
        spec[COMMAND],
        spec[PRIVILEGED],
    ) == (
        "w",
        "img",
        ("a", "b"),
        True,
    )
    with pytest.raises(InputError):
        spec_from_argv(["podman", "pull", "x"])


SPECS = [
    Spec.of(
        (IMAGE, "localhost/a:1"),
        (
            COMMAND,
            ("sh", "-c", "echo \"a\" 'b' $x %n ;", "", ";"),
        ),
    ),
    Spec.of(
        (IMAGE, "a"), (ENV, ("A=", "B=\n\t\"'\\", "C=100% $x")), (LABELS, ("l=ü",)), (NAME, "n")
    ),
    Spec.of(
        (IMAGE, "a"),
        (
            MOUNTS,
            (
                Mount("bind", "/a,b", "/c", ("ro", "z")),
                Mount("volume", "v", "/v"),
            ),
        ),
    ),
    Spec.of(
        (IMAGE, "a"),
        (SECCOMP_PROFILE, "/a b"),
        (MASK, ("/x", "/y z")),
        (PIDS_LIMIT, -1),
        (MEMORY, 1 << 30),
    ),
]


@pytest.mark.parametrize(
    "version",
    [
        Version(4, 4),
        Version(4, 8),
        Version(5, 4),
        Version(6, 0),
    ],
)
@pytest.mark.parametrize("spec", SPECS)
def test_what_our_writer_writes_is_read_back(
    spec: Spec,
    version: Version,
) -> None:
    unit, _ = container_unit(
        spec,
        version=version,
        rootless=False,
        unit_name="web",
    )
    assert QuadletFiles((unit.text(),)).spec() == spec
    assert spec_from_argv(["podman", *run_arguments(spec)]) == spec
    assert spec_from_argv(["podman", *intended(spec)]) == for_quadlet(spec)[0]


_LISTS = [o for o in TABLE if o.default == () and o not in (COMMAND, MOUNTS, PUBLISH, NETWORK)]
_WORDS = st.text(
    st.characters(
        min_codepoint=33,
        max_codepoint=126,
        exclude_characters=":,",
    ),
    min_size=1,
    max_size=12,
)


@example(
    option=next(row for row in _LISTS if row.flag == "--chrootdirs"),
    text='"',
    version=Version(4, 4),
)
@given(
    option=st.sampled_from(_LISTS),
    text=_WORDS,
    version=st.sampled_from([Version(4, 4), Version(5, 4), Version(6, 1)]),
)
def test_any_entry_of_any_list_is_read_back(
    option: object,
    text: str,
    version: Version,
) -> None:
    row = next(listed for listed in _LISTS if listed is option)
    pair = f"NAME={text}"  # the least that every kind of list takes
    spec = Spec.of((row, (pair,)), (IMAGE, "a"))
    try:
        unit, _ = container_unit(
            spec,
            version=version,
            rootless=False,
            unit_name="web",
        )
    except CannotExpress:
        return
    since = Version(4, 8) if row.flag in ("--runtime-flag", "--hooks-dir", "--module") else version
    unwritten = row.flag in ("--init-ctr", "--requires") or version < since
    read = QuadletFiles((unit.text(),), version=version).spec()
    assert read == (spec.without(row) if unwritten else spec)
