"""A Quadlet is edited where it says what a plan changes; everything else stays byte for byte."""

import difflib
import shlex

import pytest

from hardentui.errors import InputError
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.options.argv import spec_from_argv
from hardentui.quadlet.edit.container import Edited, edit_quadlet, planned_changes
from hardentui.quadlet.edit.item_changes import changes_between
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.systemd.unit_text import check_unit_text

V = Version(5, 4)


def edit(
    text: str,
    before: Spec,
    after: Spec,
    *drop_ins: str,
    version: Version = V,
) -> Edited:
    changes, notes = planned_changes(before, after)
    done = edit_quadlet(
        QuadletFiles((text, *drop_ins)),
        changes,
        version,
    )
    return Edited(
        done.files,
        done.applied,
        (*notes, *done.notes),
        done.left_out,
    )


def diff(
    text: str,
    before: Spec,
    after: Spec,
    **more: Version,
) -> list[str]:
    """The lines that go and come."""
    done = edit(text, before, after, **more)
    assert done.left_out == ()
    lines = difflib.ndiff(
        text.splitlines(keepends=True), done.files.texts[0].splitlines(keepends=True)
    )
    return [line for line in lines if line[0] in "+-"]


NOTHING = Spec()
BASE = "[Container]\nImage=localhost/a:1\n"
CONTINUED = "AddCapability=A \\\n  # why\n  B \\\n  C\n# end"
CAPS = "AddCapability=CAP_NET_RAW  SYS_ADMIN\tMKNOD"
MOUNTED = "Volume=%h/a:/a:Z{}\nVolume=data.volume:/b{}\nMount=type=bind,{}"


@pytest.mark.parametrize(
    ("lines", "planned", "left"),
    [
        # a key is added next to its kin, and a flag beside nothing
        (
            "DropCapability=NET_RAW\n\n# limits\nPidsLimit=9\n\n[Service]\nRestart=always",
            "--cap-drop NET_RAW --security-opt no-new-privileges --pids-limit 9 -m 64m --read-only",
            "DropCapability=NET_RAW\nNoNewPrivileges=true\n\n# limits\nPidsLimit=9\nPodmanArgs=--memory=64m\n"
            "ReadOnly=true\n\n[Service]\nRestart=always",
        ),
        # a word is taken out of its line, and a line of a continued value goes with its word
        (CAPS, "--cap-add NET_RAW,MKNOD", "AddCapability=CAP_NET_RAW\tMKNOD"),
        (CAPS, "", ""),
        (CONTINUED, "--cap-add B,C", "AddCapability=\\\n  # why\n  B \\\n  C\n# end"),
        (CONTINUED, "--cap-add A,C", "AddCapability=A \\\n  # why\n  C\n# end"),
        (CONTINUED, "--cap-add A,B", "AddCapability=A \\\n  # why\n  B\n# end"),
        (CONTINUED, "", "  # why\n# end"),
        # a flag is taken out of PodmanArgs=, out of a cluster, a list or two lines; one that wins
        # is changed
        ("PodmanArgs=--privileged", "", ""),
        (
            "PodmanArgs=--tty --privileged --hostname=x",
            "-t -h x",
            "PodmanArgs=--tty --hostname=x",
        ),
        ("PodmanArgs=--privileged=true --tty", "-t", "PodmanArgs=--tty"),
        ("PodmanArgs=--tty\nPodmanArgs= --privileged", "-t", "PodmanArgs=--tty"),
        ("PodmanArgs=\\\n --tty \\\n --privileged", "-t", "PodmanArgs=\\\n --tty"),
        (
            "PodmanArgs=-it --tty -v /a:/b",
            "-i -v /a:/b",
            "PodmanArgs=--interactive -v /a:/b",
        ),
        (
            "PodmanArgs=--memory\nPodmanArgs=64m\nPodmanArgs=--tty",
            "-m 128m -t",
            "PodmanArgs=--memory=128m\nPodmanArgs=--tty",
        ),
        ("PodmanArgs=--cap-drop=a,b", "--cap-drop b", "PodmanArgs=--cap-drop=b"),
        (
            "PidsLimit=10\nPodmanArgs=--pids-limit 20",
            "--pids-limit 5",
            "PidsLimit=10\nPodmanArgs=--pids-limit=5",
        ),
        # a switch is turned where it stands; a repeated key goes altogether; user and group are one
        ("ReadOnly=no", "--read-only", "ReadOnly=true"),
        ("ReadOnly = false", "--read-only", "ReadOnly = true"),
        ("PodmanArgs=--read-only=false", "--read-only", "PodmanArgs=--read-only"),
        (
            "SeccompProfile=/old.json\nLabel=a=b\nSeccompProfile=unconfined",
            "-l a=b",
            "Label=a=b",
        ),
        ("User=5\n# and\nGroup=6", "--user 7:8", "User=7:8\n# and"),
        ("User=5\n# and\nGroup=6", "", "# and"),
        # a mount keeps the spelling of its source; what stands for something else becomes that
        (
            MOUNTED.format(",rw", "", "src=%t/x,dst=/c"),
            "-v /root/a:/a:Z,ro -v data:/b:ro --mount type=bind,src=/run/x,dst=/c,ro",
            MOUNTED.format(
                ",ro",
                ":ro",
                "source=%t/x,destination=/c,ro=true",
            ),
        ),
        (
            "VolatileTmp=true\nMount=type=tmpfs,destination=/run",
            "--tmpfs /run:size=1m --tmpfs /tmp:noexec",
            "Tmpfs=/tmp:noexec\nTmpfs=/run:size=1m",
        ),
        # a range of ports is spread out only when it changes; a port on two addresses is two
        # entries
        (
            "PublishPort=8000-8001:80-81\nPublishPort=[::1]:9000:90/udp",
            "-p 127.0.0.1:8000:80 -p 8001:81 -p [::1]:9000:90/udp",
            "PublishPort=127.0.0.1:8000:80\nPublishPort=8001:81\nPublishPort=[::1]:9000:90/udp",
        ),
        (
            "PublishPort=80:80\nPublishPort=10.0.0.1:80:80",
            "-p 10.0.0.1:80:80",
            "PublishPort=10.0.0.1:80:80",
        ),
        # pairs are words, and other pairs stay
        (
            'Environment=A=1 "B=two words" C=3\nLabel=x=y',
            "-e A=1 -e 'B=100% $x' -e C=3 -l x=y -l n=1",
            'Environment=A=1 "B=100%% $$x" C=3\nLabel=x=y\nLabel=n=1',
        ),
    ],
)
def test_only_what_a_plan_changes_is_edited(
    lines: str,
    planned: str,
    left: str,
) -> None:
    files = QuadletFiles(
        (f"{BASE}{lines}\n",), {"h": "/root", "t": "/run"}, {"data.volume": "data"}
    )
    after = spec_from_argv(
        [
            "podman",
            "run",
            *shlex.split(planned),
            "localhost/a:1",
        ]
    )
    changes, _ = planned_changes(files.spec(), after)
    done = edit_quadlet(files, changes, V)
    assert done.left_out == ()
    assert done.files.texts == (BASE + (f"{left}\n" if left else ""),)
    assert changes_between(done.files.spec(), after) == ()


def test_the_version_decides_between_key_and_flag() -> None:
    after = Spec.of((MEMORY, 64 << 20), (APPARMOR, "mine"))
    assert diff(
        BASE,
        NOTHING,
        after,
        version=Version(5, 8),
    ) == [
        "+ AppArmor=mine\n",
        "+ Memory=64m\n",
    ]
    assert (
        len(
            diff(
                BASE,
                NOTHING,
                after,
                version=Version(4, 4),
            )
        )
        == 2
    )


def test_masks_secrets_devices_and_the_command() -> None:
    text = BASE + 'Mask=/a /b\nSecret=s,uid=5\nAddDevice=-/dev/fuse\nExec=old "words"\n'
    before = Spec.of(
        (MASK, ("/a", "/b")),
        (SECRETS, ("s,type=mount,uid=5",)),
        (DEVICES, ("/dev/fuse:/dev/fuse:rwm",)),
        (COMMAND, ("old", "words")),
    )
    after = Spec.of(
        (MASK, ("/b", "/c")), (SECRETS, ("s,type=mount,mode=0400",)), (COMMAND, ("new", ""))
    )
    done = edit(text, before, after)
    assert done.left_out == ()
    assert done.files.texts[0].startswith(
        BASE + "Mask=/b\nMask=/c\nSecret=s,type=mount,mode=0400\nExec=new ${HT_EMPTY}\n"
    )
    assert done.files.spec()[COMMAND] == ("new", "")


def test_an_edit_goes_to_the_drop_in_that_says_it() -> None:
    drop_in = "[Container]\nAddCapability=\nAddCapability=SYS_ADMIN\n"
    before = Spec.of((CAP_ADD, ("CAP_SYS_ADMIN",)))
    after = Spec.of((CAP_ADD, ("CAP_NET_RAW",)), (READ_ONLY, True))
    done = edit(
        BASE + "AddCapability=MKNOD\n",
        before,
        after,
        drop_in,
    )
    assert done.files.texts == (
        BASE + "AddCapability=MKNOD\nReadOnly=true\n",
        "[Container]\nAddCapability=\nAddCapability=CAP_NET_RAW\n",
    )
    assert done.files.spec()[CAP_ADD] == ("CAP_NET_RAW",)


def test_a_section_may_stand_twice_and_line_ends_are_kept() -> None:
    text = "[Container]\r\nImage=a\r\n[Service]\r\n[Container]\r\nUser=5"
    done = edit(
        text,
        Spec.of((USER, "5")),
        Spec.of((USER, "6"), (READ_ONLY, True)),
    )
    assert done.files.texts == (
        "[Container]\r\nImage=a\r\n[Service]\r\n[Container]\r\nUser=6\r\nReadOnly=true\r\n",
    )
    assert "\n" not in done.files.texts[0].replace("\r\n", "")


def test_what_only_systemd_knows_is_left_out_and_named() -> None:
    text = BASE + "AddCapability=${MORE}\n"
    done = edit(
        text,
        Spec.of((CAP_ADD, ("CAP_SYS_ADMIN",))),
        Spec.of((READ_ONLY, True)),
    )
    assert done.files.texts == (text + "ReadOnly=true\n",)
    assert len(done.left_out) == 1
    assert done.left_out[0].startswith("--cap-add is not changed")
    assert [change.option for change in done.applied] == [READ_ONLY]


@pytest.mark.parametrize(
    "value",
    ["a\rExecStart=/bin/evil", "a\nExecStart=/bin/evil"],
)
def test_no_line_break_gets_in(value: str) -> None:
    after = Spec.of(
        (USER, value),
        (LABELS, (f"x={value}",)),
        (TMPFS, (f"/t:{value}",)),
    )
    text = edit(BASE, NOTHING, after).files.texts[0]
    assert "\r" not in text
    assert not any(line.startswith("ExecStart") for line in text.splitlines())
    assert edit(BASE, NOTHING, after).files.spec()[USER] == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Container]\nImage=a\rb\n", "carriage return inside line 2"),
        ("[Container]\nImage=\0\n", "NUL"),
        ("[Container]\nImage=\udcff\n", "UTF-8"),
        ("x" * (1 << 20), "too large"),
    ],
)
def test_files_that_are_no_units_are_refused_in_one_sentence(
    text: str,
    why: str,
) -> None:
    with pytest.raises(InputError, match=why) as caught:
        check_unit_text(text, "/etc/x\x1b[31m.container")
    assert "\x1b" not in caught.value.title


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Service]\nExecStart=/bin/true\n", "no section"),
        ("", "no section"),
        (BASE + '[Service]\nEnvironment="x\n', "never closed"),
    ],
)
def test_files_that_cannot_be_understood(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        edit(text, NOTHING, Spec.of((READ_ONLY, True)))


def test_a_second_limit_does_not_hide_the_first_from_an_old_generator() -> None:
    """Podman 4.7 to 4.9 takes the last Ulimit= only."""
    text = BASE + "Ulimit=nofile=1024:2048\n"
    before = Spec.of((ULIMIT, ("nofile=1024:2048",)))
    after = Spec.of((ULIMIT, ("nofile=1024:2048", "nproc=64:64")))
    assert (
        len(
            diff(
                text,
                before,
                after,
                version=Version(4, 9),
            )
        )
        == 1
    )
    assert (
        "PodmanArgs"
        in diff(
            text,
            before,
            after,
            version=Version(4, 9),
        )[0]
    )
    assert diff(
        text,
        before,
        after,
        version=Version(5, 0),
    ) == ["+ Ulimit=nproc=64:64\n"]
