"""A Quadlet is edited where it says what a plan changes; everything else stays byte for byte."""

from __future__ import annotations

import difflib

import pytest

from hardentui.errors import InputError
from hardentui.model.spec import Spec, Version
from hardentui.options import *
from hardentui.quadlet.edit.container import Edited, edit_quadlet, planned_changes
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.systemd.unit_text import check_unit_text

V = Version(5, 4)


def edit(text: str, before: Spec, after: Spec, *drop_ins: str, version: Version = V) -> Edited:
    changes, notes = planned_changes(before, after)
    done = edit_quadlet(QuadletFiles((text, *drop_ins)), changes, version)
    return Edited(done.files, done.applied, (*notes, *done.notes), done.left_out)


def diff(text: str, before: Spec, after: Spec, **more: Version) -> list[str]:
    """The lines that go and come."""
    done = edit(text, before, after, **more)
    assert done.left_out == ()
    lines = difflib.ndiff(text.splitlines(keepends=True), done.files.texts[0].splitlines(keepends=True))
    return [line for line in lines if line[0] in "+-"]


NOTHING = Spec()
BASE = "[Container]\nImage=localhost/a:1\n"


def test_a_key_is_added_next_to_its_kin_and_a_flag_beside_nothing() -> None:
    text = (
        "# top\n[Container]\nDropCapability=NET_RAW\n\n# limits\nPidsLimit=9\n\n[Service]\nRestart=always\n"
    )
    after = Spec.of((NO_NEW_PRIVILEGES, True), (MEMORY, 64 << 20), (READ_ONLY, True))
    assert edit(text, NOTHING, after).files.texts == (
        "# top\n[Container]\nDropCapability=NET_RAW\nNoNewPrivileges=true\n\n# limits\nPidsLimit=9\n"
        "PodmanArgs=--memory=64m\nReadOnly=true\n\n[Service]\nRestart=always\n",
    )


def test_the_version_decides_between_key_and_flag() -> None:
    after = Spec.of((MEMORY, 64 << 20), (APPARMOR, "mine"))
    assert diff(BASE, NOTHING, after, version=Version(5, 8)) == ["+ AppArmor=mine\n", "+ Memory=64m\n"]
    assert len(diff(BASE, NOTHING, after, version=Version(4, 4))) == 2


def test_a_word_is_taken_out_of_a_line_of_several() -> None:
    text = BASE + "AddCapability=CAP_NET_RAW  SYS_ADMIN\tMKNOD\n"
    before = Spec.of((CAP_ADD, ("CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_MKNOD")))
    after = Spec.of((CAP_ADD, ("CAP_NET_RAW", "CAP_MKNOD")))
    assert diff(text, before, after) == [
        "- AddCapability=CAP_NET_RAW  SYS_ADMIN\tMKNOD\n",
        "+ AddCapability=CAP_NET_RAW\tMKNOD\n",
    ]
    assert diff(text, before, NOTHING) == ["- AddCapability=CAP_NET_RAW  SYS_ADMIN\tMKNOD\n"]


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("A", "AddCapability=\\\n  # why\n  B \\\n  C\n"),
        ("B", "AddCapability=A \\\n  # why\n  C\n"),
        ("C", "AddCapability=A \\\n  # why\n  B\n"),
    ],
)
def test_a_line_of_a_continued_value_goes_with_its_word(gone: str, left: str) -> None:
    text = BASE + "AddCapability=A \\\n  # why\n  B \\\n  C\n# end\n"
    kept = tuple(letter for letter in "ABC" if letter != gone)
    before, after = Spec.of((CAP_ADD, ("A", "B", "C"))), Spec.of((CAP_ADD, kept))
    done = edit(text, before, after).files
    assert done.texts == (BASE + left + "# end\n",)
    assert done.spec()[CAP_ADD] == kept


def test_comments_of_a_continued_value_survive_it() -> None:
    text = BASE + "AddCapability=A \\\n  # why\n  B\n# end\n"
    before = Spec.of((CAP_ADD, ("CAP_A", "CAP_B")))
    assert edit(text, before, NOTHING).files.texts == (BASE + "  # why\n# end\n",)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("PodmanArgs=--privileged\n", ""),
        ("PodmanArgs=--tty --privileged --hostname=x\n", "PodmanArgs=--tty --hostname=x\n"),
        ("PodmanArgs=--privileged=true --tty\n", "PodmanArgs=--tty\n"),
        ("PodmanArgs=--tty\nPodmanArgs= --privileged\n", "PodmanArgs=--tty\n"),
        ("PodmanArgs=\\\n --tty \\\n --privileged\n", "PodmanArgs=\\\n --tty\n"),
    ],
)
def test_a_flag_is_taken_out_of_podman_args(line: str, left: str) -> None:
    assert edit(BASE + line, Spec.of((PRIVILEGED, True)), NOTHING).files.texts == (BASE + left,)


def test_a_flag_of_a_cluster_goes_and_the_others_stay() -> None:
    before = Spec.of((TTY, True))
    done = edit(BASE + "PodmanArgs=-it --tty -v /a:/b\n", before, NOTHING)
    assert done.files.texts == (BASE + "PodmanArgs=--interactive -v /a:/b\n",)


def test_an_argument_on_the_next_line_belongs_to_its_flag() -> None:
    text = BASE + "PodmanArgs=--memory\nPodmanArgs=64m\nPodmanArgs=--tty\n"
    after = Spec.of((MEMORY, 128 << 20))
    assert edit(text, Spec.of((MEMORY, 64 << 20)), after).files.texts == (
        BASE + "PodmanArgs=--memory=128m\nPodmanArgs=--tty\n",
    )


def test_a_comma_list_loses_one_entry() -> None:
    before = Spec.of((CAP_DROP, ("CAP_A", "CAP_B")))
    done = edit(BASE + "PodmanArgs=--cap-drop=a,b\n", before, before.with_(CAP_DROP, ("CAP_B",)))
    assert done.files.texts == (BASE + "PodmanArgs=--cap-drop=b\n",)


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("ReadOnly=no\n", "ReadOnly=true\n"),
        ("ReadOnly = false\n", "ReadOnly = true\n"),
        ("PodmanArgs=--read-only=false\n", "PodmanArgs=--read-only\n"),
    ],
)
def test_a_switch_is_turned_where_it_stands(line: str, after: str) -> None:
    assert edit(BASE + line, NOTHING, Spec.of((READ_ONLY, True))).files.texts == (BASE + after,)


def test_a_flag_that_wins_over_the_key_is_the_one_that_changes() -> None:
    text = BASE + "PidsLimit=10\nPodmanArgs=--pids-limit 20\n"
    done = edit(text, Spec.of((PIDS_LIMIT, 20)), Spec.of((PIDS_LIMIT, 5)))
    assert done.files.texts == (BASE + "PidsLimit=10\nPodmanArgs=--pids-limit=5\n",)


def test_a_repeated_key_goes_altogether() -> None:
    text = BASE + "SeccompProfile=/old.json\nLabel=a=b\nSeccompProfile=unconfined\n"
    done = edit(text, Spec.of((SECCOMP_PROFILE, "unconfined")), NOTHING)
    assert done.files.texts == (BASE + "Label=a=b\n",)


def test_user_and_group_are_one() -> None:
    text = BASE + "User=5\n# and\nGroup=6\n"
    before = Spec.of((USER, "5:6"))
    assert edit(text, before, Spec.of((USER, "7:8"))).files.texts == (BASE + "User=7:8\n# and\n",)
    assert edit(text, before, NOTHING).files.texts == (BASE + "# and\n",)


def test_a_mount_keeps_the_spelling_of_its_source() -> None:
    text = BASE + "Volume=%h/a:/a:Z,rw\nVolume=data.volume:/b\nMount=type=bind,src=%t/x,dst=/c\n"
    mounts = (
        Mount("bind", "/root/a", "/a", ("Z",)),
        Mount("volume", "data", "/b"),
        Mount("bind", "/run/x", "/c"),
    )
    before = Spec.of((MOUNTS, mounts))
    after = Spec.of((MOUNTS, tuple(mount.with_options("ro") for mount in mounts)))
    assert edit(text, before, after).files.texts == (
        BASE + "Volume=%h/a:/a:Z,ro\nVolume=data.volume:/b:ro\n"
        "Mount=type=bind,source=%t/x,destination=/c,ro=true\n",
    )


def test_a_range_of_ports_is_spread_out_only_when_it_changes() -> None:
    text = BASE + "PublishPort=8000-8001:80-81\nPublishPort=[::1]:9000:90/udp\n"
    old = (Port(80, "8000"), Port(81, "8001"), Port(90, "9000", "::1", "udp"))
    new = (Port(80, "8000", "127.0.0.1"), Port(81, "8001"), old[2])
    assert edit(text, Spec.of((PUBLISH, old)), Spec.of((PUBLISH, new))).files.texts == (
        BASE + "PublishPort=127.0.0.1:8000:80\nPublishPort=8001:81\nPublishPort=[::1]:9000:90/udp\n",
    )


def test_the_same_port_on_two_addresses_is_two_entries() -> None:
    text = BASE + "PublishPort=8080:80\nPublishPort=10.0.0.1:8080:80\n"
    old = (Port(80, "8080"), Port(80, "8080", "10.0.0.1"))
    done = edit(text, Spec.of((PUBLISH, old)), Spec.of((PUBLISH, old[1:])))
    assert done.files.texts == (BASE + "PublishPort=10.0.0.1:8080:80\n",)


def test_pairs_are_words_and_other_pairs_stay() -> None:
    text = BASE + 'Environment=A=1 "B=two words" C=3\nLabel=x=y\n'
    before = Spec.of((ENV, ("A=1", "B=two words", "C=3")))
    after = Spec.of((ENV, ("A=1", "B=100% $x", "C=3")), (LABELS, ("n=1",)))
    assert edit(text, before, after).files.texts == (
        BASE + 'Environment=A=1 "B=100%% $$x" C=3\nLabel=x=y\nLabel=n=1\n',
    )


def test_what_only_stands_for_something_else_is_written_as_what_it_becomes() -> None:
    text = BASE + "VolatileTmp=true\nMount=type=tmpfs,destination=/run\n"
    before = Spec.of((TMPFS, ("/run", "/tmp")))
    after = Spec.of((TMPFS, ("/run:size=1m", "/tmp:noexec")))
    assert edit(text, before, after).files.texts == (BASE + "Tmpfs=/tmp:noexec\nTmpfs=/run:size=1m\n",)


def test_masks_secrets_devices_and_the_command() -> None:
    text = BASE + 'Mask=/a /b\nSecret=s,uid=5\nAddDevice=-/dev/fuse\nExec=old "words"\n'
    before = Spec.of(
        (MASK, ("/a", "/b")),
        (SECRETS, ("s,type=mount,uid=5",)),
        (DEVICES, ("/dev/fuse:/dev/fuse:rwm",)),
        (COMMAND, ("old", "words")),
    )
    after = Spec.of((MASK, ("/b", "/c")), (SECRETS, ("s,type=mount,mode=0400",)), (COMMAND, ("new", "")))
    done = edit(text, before, after)
    assert done.left_out == ()
    assert done.files.texts[0].startswith(
        BASE + "Mask=/b\nMask=/c\nSecret=s,type=mount,mode=0400\nExec=new ${HT_EMPTY}\n"
    )
    assert done.files.spec()[COMMAND] == ("new", "")


def test_a_network_becomes_another() -> None:
    changes, _ = planned_changes(Spec.of((NETWORK, ("host",))), Spec.of((NETWORK, ("inside",))))
    files = QuadletFiles((BASE + "Network=host\n",))
    done = edit_quadlet(files, changes, V, {"inside": "inside.network"})
    assert done.files.texts == (BASE + "Network=inside.network\n",)


def test_an_edit_goes_to_the_drop_in_that_says_it() -> None:
    drop_in = "[Container]\nAddCapability=\nAddCapability=SYS_ADMIN\n"
    before = Spec.of((CAP_ADD, ("CAP_SYS_ADMIN",)))
    after = Spec.of((CAP_ADD, ("CAP_NET_RAW",)), (READ_ONLY, True))
    done = edit(BASE + "AddCapability=MKNOD\n", before, after, drop_in)
    assert done.files.texts == (
        BASE + "AddCapability=MKNOD\nReadOnly=true\n",
        "[Container]\nAddCapability=\nAddCapability=CAP_NET_RAW\n",
    )
    assert done.files.spec()[CAP_ADD] == ("CAP_NET_RAW",)


def test_a_section_may_stand_twice_and_line_ends_are_kept() -> None:
    text = "[Container]\r\nImage=a\r\n[Service]\r\n[Container]\r\nUser=5"
    done = edit(text, Spec.of((USER, "5")), Spec.of((USER, "6"), (READ_ONLY, True)))
    assert done.files.texts == (
        "[Container]\r\nImage=a\r\n[Service]\r\n[Container]\r\nUser=6\r\nReadOnly=true\r\n",
    )
    assert "\n" not in done.files.texts[0].replace("\r\n", "")


def test_what_is_as_planned_already_is_said_and_left() -> None:
    text = BASE + "NoNewPrivileges=yes\nDropCapability=ALL\n"
    done = edit(text, NOTHING, Spec.of((NO_NEW_PRIVILEGES, True), (CAP_DROP, ("all",))))
    assert done.files.texts == (text,)
    assert len([note for note in done.notes if "already" in note]) == 2


def test_what_is_not_in_the_file_is_said() -> None:
    done = edit(BASE, Spec.of((CAP_ADD, ("CAP_SYS_ADMIN",)), (PRIVILEGED, True)), NOTHING)
    assert done.files.texts == (BASE,)
    assert len([note for note in done.notes if "is not in the unit" in note]) == 2


def test_what_only_systemd_knows_is_left_out_and_named() -> None:
    text = BASE + "AddCapability=${MORE}\n"
    done = edit(text, Spec.of((CAP_ADD, ("CAP_SYS_ADMIN",))), Spec.of((READ_ONLY, True)))
    assert done.files.texts == (text + "ReadOnly=true\n",)
    assert len(done.left_out) == 1
    assert done.left_out[0].startswith("--cap-add is not changed")
    assert [change.option for change in done.applied] == [READ_ONLY]


def test_a_flood_of_one_flag_is_left_alone() -> None:
    text = BASE + "PodmanArgs=" + "--tty " * 30000 + "\n"
    done = edit(text, Spec.of((TTY, True)), NOTHING)
    assert done.files.texts == (text,)
    assert "more than 200 places" in done.left_out[0]


def test_the_image_of_another_unit_is_changed_there() -> None:
    text = "[Container]\nImage=app.image\n"
    done = edit(text, Spec.of((IMAGE, "a:1")), Spec.of((IMAGE, "a@sha256:00")))
    assert done.files.texts == (text,)
    assert "app.image" in done.left_out[0]


def test_what_systemd_does_itself_is_translated_or_said() -> None:
    after = Spec.of((RESTART, "on-failure:5"), (HEALTH_ON_FAILURE, "restart"))
    done = edit(BASE, NOTHING, after)
    assert done.files.texts == (BASE + "HealthOnFailure=kill\n",)
    assert any("Restart=" in note for note in done.notes)


@pytest.mark.parametrize("value", ["a\rExecStart=/bin/evil", "a\nExecStart=/bin/evil"])
def test_no_line_break_gets_in(value: str) -> None:
    after = Spec.of((USER, value), (LABELS, (f"x={value}",)), (TMPFS, (f"/t:{value}",)))
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
def test_files_that_are_no_units_are_refused_in_one_sentence(text: str, why: str) -> None:
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
    assert len(diff(text, before, after, version=Version(4, 9))) == 1
    assert "PodmanArgs" in diff(text, before, after, version=Version(4, 9))[0]
    assert diff(text, before, after, version=Version(5, 0)) == ["+ Ulimit=nproc=64:64\n"]
