"""Drop-ins say only what changes: for a Quadlet, and for services that run podman themselves."""

import pytest

from hardentui.errors import InputError
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.quadlet.edit.container import edit_quadlet, planned_changes
from hardentui.quadlet.edit.service import (
    ServiceEdit,
    drop_in_name,
    quadlet_drop_in,
    service_drop_in,
)
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.read.object_names import DROP_IN, LAST_DROP_IN
from hardentui.quadlet.read.service import ABOUT, ServiceFiles

NOTHING = Spec()
BASE = "[Container]\nImage=localhost/a:1\n"


def quadlet(
    text: str,
    before: Spec,
    after: Spec,
) -> list[str]:
    """The lines of the drop-in, its comment left out."""
    files = QuadletFiles((text,))
    changes, _ = planned_changes(before, after)
    made = quadlet_drop_in(
        files,
        edit_quadlet(files, changes, Version(5, 4)),
        ("why\x1b",),
    )
    assert (
        QuadletFiles((text, made)).spec()
        == edit_quadlet(files, changes, Version(5, 4)).files.spec()
    )
    lines = made.splitlines()
    assert lines[0].startswith("# why")
    assert "\x1b" not in made
    return lines[1:]


def test_what_is_only_added_is_the_only_thing_said() -> None:
    text = BASE + "AddCapability=A\nUser=5\n"
    after = Spec.of(
        (CAP_ADD, ("CAP_A", "CAP_B")),
        (USER, "6"),
        (READ_ONLY, True),
    )
    assert quadlet(
        text,
        Spec.of((CAP_ADD, ("CAP_A",)), (USER, "5")),
        after,
    ) == [
        "[Container]",
        "AddCapability=CAP_B",
        "User=6",
        "ReadOnly=true",
    ]


def test_what_goes_out_of_a_list_needs_the_list_again() -> None:
    text = BASE + "AddCapability=A B\nAddCapability=C\n"
    before = Spec.of((CAP_ADD, ("CAP_A", "CAP_B", "CAP_C")))
    assert quadlet(
        text,
        before,
        before.with_(CAP_ADD, ("CAP_A", "CAP_C")),
    ) == [
        "[Container]",
        "AddCapability=",
        "AddCapability=A",
        "AddCapability=C",
    ]
    assert quadlet(text, before, NOTHING) == ["[Container]", "AddCapability="]


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ({}, DROP_IN),
        ({"10-a.conf": "x", "99-b.conf": "y"}, DROP_IN),
        ({"10-a.conf": "concerned"}, DROP_IN),
        ({"custom.conf": "concerned"}, LAST_DROP_IN),
        (
            {"custom.conf": "concerned", LAST_DROP_IN: "concerned"},
            LAST_DROP_IN,
        ),
    ],
)
def test_our_drop_in_is_read_after_those_that_say_the_same(
    others: dict[str, str],
    name: str,
) -> None:
    assert drop_in_name(others, lambda text: text == "concerned") == name


def service(
    text: str,
    before: Spec,
    after: Spec,
    *drop_ins: str,
) -> ServiceEdit:
    changes, _ = planned_changes(before, after)
    return service_drop_in(
        ServiceFiles((text, *drop_ins)),
        changes,
        (),
    )


def without_stamp(text: str) -> str:
    """The drop-in without the section that tells what its copies were made from."""
    return text.partition("\n[X-HardenTUI]")[0]


def words(*texts: str) -> list[str]:
    return [piece.text for piece in ServiceFiles(texts).run_line().pieces]


ADDED = Spec.of((CAP_DROP, ("all",)), (NO_NEW_PRIVILEGES, True))


def test_what_other_drop_ins_put_into_the_variable_stays() -> None:
    text = "[Service]\nExecStart=/usr/bin/podman run $PODMAN_EXTRA_ARGS img\n"
    other = '[Service]\nEnvironment=A=1 "PODMAN_EXTRA_ARGS=--tty --label=\\"a b\\" --memory=%n"\n'
    made = service(text, NOTHING, ADDED, other)
    assert without_stamp(made.text) == (
        '[Service]\nEnvironment="PODMAN_EXTRA_ARGS=--tty --label=\\"a b\\" --memory=%n'
        ' --cap-drop=all --security-opt=no-new-privileges"\n'
    )


def test_a_scalar_of_a_foreign_command_is_changed_behind_it() -> None:
    """Podman takes the last value, so that the vendor's next command stays in force."""
    text = (
        "[Service]\nExecStart=/usr/bin/podman run --shm-size=0 --memory 1g $PODMAN_EXTRA_ARGS img\n"
    )
    before = Spec.of((MEMORY, 1 << 30))
    made = service(text, before, before.with_(MEMORY, 2 << 30))
    written = '[Service]\nEnvironment="PODMAN_EXTRA_ARGS=--memory=2g"\n'
    assert without_stamp(made.text) == written
    assert not any("repeats" in note for note in made.notes)


def test_without_a_place_for_it_the_command_is_repeated_and_that_is_told() -> None:
    text = "[Service]\nExecStart=/usr/bin/podman run --memory 1g img\n"
    before = Spec.of((MEMORY, 1 << 30))
    made = service(text, before, before.with_(MEMORY, 2 << 30))
    assert "ExecStart=/usr/bin/podman run --memory=2g img" in made.text
    assert any("repeats the unit's current command" in note for note in made.notes)


def test_what_repeats_only_the_flags_of_the_variable_says_so() -> None:
    text = "[Service]\nExecStart=/usr/bin/podman run $PODMAN_EXTRA_ARGS img\n"
    other = "[Service]\nEnvironment=PODMAN_EXTRA_ARGS=--tty\n"
    made = service(text, NOTHING, ADDED, other)
    assert any("repeats PODMAN_EXTRA_ARGS of the unit" in note for note in made.notes)
    assert not any("current command" in note for note in made.notes)


LONG = r"""[Service]
ExecStart=/usr/bin/podman run \
	--name web -it \
	# why
	-p 8080:80 \
	-e "A=%n $$x \"quoted\"" \
	-v %h/data:/data:Z \
	--privileged \
	img sh \
	-c "echo %% $$HOME"
ExecStop=/usr/bin/podman stop web
"""


def test_the_command_is_repeated_word_for_word_but_for_what_changes() -> None:
    mounts = (Mount("bind", "/root/data", "/data", ("Z",)),)
    before = Spec.of(
        (PRIVILEGED, True), (PUBLISH, (Port(80, "8080"),)), (MOUNTS, mounts), (TTY, True)
    )
    after = Spec.of(
        (PUBLISH, (Port(80, "8080", "127.0.0.1"),)),
        (MOUNTS, (mounts[0].with_options("ro"),)),
        (IMAGE, "img@x"),
    )
    changes, _ = planned_changes(before.with_(IMAGE, "img"), after)
    made = service_drop_in(
        ServiceFiles((LONG,), {"h": "/root"}),
        changes,
        (),
    )
    assert made.left_out == ()
    assert without_stamp(made.text) == (
        f"[Service]\n# {ABOUT}\nExecStart=\n"
        + LONG.removeprefix("[Service]\n")
        .partition("ExecStop")[0]
        .replace("-it", "--interactive")
        .replace("-p 8080:80", "--publish=127.0.0.1:8080:80")
        .replace("-v %h/data:/data:Z", "--volume=%h/data:/data:Z,ro")
        .replace("\t--privileged \\\n", "")
        .replace("\timg sh", "\timg@x sh")
    )


def test_values_survive_shell_and_systemd() -> None:
    value = 'A=it\'s "x" $y ${z} 100% \\ ;'
    for command in ("podman run img", "/bin/sh -c 'podman run img'", '/bin/sh -c "podman run img"'):
        text = f"[Service]\nExecStart={command}\n"
        made = service(text, NOTHING, Spec.of((ENV, (value,))))
        assert f"--env={value}" in words(text, made.text)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("ExecStart=/usr/bin/podman start -a web", "only starts an existing container"),
        ("ExecStart=/usr/sbin/sshd -D", "not a podman run"),
        ("ExecStart=/bin/sh -c 'crictl run x'", "no podman run"),
        ("ExecStart=/bin/sh -c 'podman run", "never closed"),
        (
            "ExecStart=/usr/bin/podman run a ; /usr/bin/podman run b",
            "more than one command",
        ),
        ("ExecStart=/bin/true\nExecStart=/usr/bin/podman run a", "2 commands"),
        ("Type=oneshot", "0 commands"),
    ],
)
def test_units_that_run_no_podman_are_refused_in_one_sentence(
    lines: str,
    why: str,
) -> None:
    with pytest.raises(InputError, match=why):
        service(f"[Service]\n{lines}\n", NOTHING, ADDED)
