"""Drop-ins say only what changes: for a Quadlet, and for services that run podman themselves."""

import pytest

from hardentui.errors import CannotExpress, InputError
from hardentui.model.spec import Spec, Version
from hardentui.options import *
from hardentui.quadlet.edit.container import edit_quadlet, planned_changes
from hardentui.quadlet.edit.service import (
    ServiceEdit,
    concerns_command,
    drop_in_name,
    quadlet_drop_in,
    service_drop_in,
)
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.read.entries import DROP_IN, LAST_DROP_IN
from hardentui.quadlet.read.service import ABOUT, ServiceFiles

NOTHING = Spec()
BASE = "[Container]\nImage=localhost/a:1\n"


def quadlet(text: str, before: Spec, after: Spec) -> list[str]:
    """The lines of the drop-in, its comment left out."""
    files = QuadletFiles((text,))
    changes, _ = planned_changes(before, after)
    made = quadlet_drop_in(files, edit_quadlet(files, changes, Version(5, 4)), ("why\x1b",))
    assert QuadletFiles((text, made)).spec() == edit_quadlet(files, changes, Version(5, 4)).files.spec()
    lines = made.splitlines()
    assert lines[0].startswith("# why")
    assert "\x1b" not in made
    return lines[1:]


def test_what_is_only_added_is_the_only_thing_said() -> None:
    text = BASE + "AddCapability=A\nUser=5\n"
    after = Spec.of((CAP_ADD, ("CAP_A", "CAP_B")), (USER, "6"), (READ_ONLY, True))
    assert quadlet(text, Spec.of((CAP_ADD, ("CAP_A",)), (USER, "5")), after) == [
        "[Container]",
        "AddCapability=CAP_B",
        "User=6",
        "ReadOnly=true",
    ]


def test_what_goes_out_of_a_list_needs_the_list_again() -> None:
    text = BASE + "AddCapability=A B\nAddCapability=C\n"
    before = Spec.of((CAP_ADD, ("CAP_A", "CAP_B", "CAP_C")))
    assert quadlet(text, before, before.with_(CAP_ADD, ("CAP_A", "CAP_C"))) == [
        "[Container]",
        "AddCapability=",
        "AddCapability=A",
        "AddCapability=C",
    ]
    assert quadlet(text, before, NOTHING) == ["[Container]", "AddCapability="]


def test_a_key_that_old_generators_cannot_take_away_is_refused() -> None:
    with pytest.raises(CannotExpress, match="SeccompProfile"):
        quadlet(BASE + "SeccompProfile=unconfined\n", Spec.of((SECCOMP_PROFILE, "unconfined")), NOTHING)


def test_empty_words_bring_their_variable() -> None:
    lines = quadlet(BASE, NOTHING, Spec.of((ENV, ("A=",))).with_(CAP_DROP, ("all",)))
    assert "[Service]" not in lines  # A= is no empty word


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ({}, DROP_IN),
        ({"10-a.conf": "x", "99-b.conf": "y"}, DROP_IN),
        ({"10-a.conf": "concerned"}, DROP_IN),
        ({"custom.conf": "concerned"}, LAST_DROP_IN),
        ({"custom.conf": "concerned", LAST_DROP_IN: "concerned"}, LAST_DROP_IN),
    ],
)
def test_our_drop_in_is_read_after_those_that_say_the_same(others: dict[str, str], name: str) -> None:
    assert drop_in_name(others, lambda text: text == "concerned") == name


def test_a_drop_in_that_nothing_can_follow_is_named() -> None:
    with pytest.raises(CannotExpress, match=r"zzz\.conf"):
        drop_in_name({"zzz.conf": ""}, lambda text: True)


# --- services --------------------------------------------------------------------------------------


def service(text: str, before: Spec, after: Spec, *drop_ins: str) -> ServiceEdit:
    changes, _ = planned_changes(before, after)
    return service_drop_in(ServiceFiles((text, *drop_ins)), changes, ())


def without_stamp(text: str) -> str:
    """The drop-in without the section that tells what its copies were made from."""
    return text.partition("\n[X-HardenTUI]")[0]


def words(*texts: str) -> list[str]:
    return [piece.text for piece in ServiceFiles(texts).run_line().pieces]


EXTRA = "Environment=PODMAN_EXTRA_ARGS=--tty\n"
ADDED = Spec.of((CAP_DROP, ("all",)), (NO_NEW_PRIVILEGES, True))
ADDED_WORDS = ["--cap-drop=all", "--security-opt=no-new-privileges"]


@pytest.mark.parametrize(
    ("command", "in_variable"),
    [
        ("/usr/bin/podman run $PODMAN_EXTRA_ARGS img", True),
        ("/usr/bin/podman run ${PODMAN_EXTRA_ARGS} img", False),  # systemd makes one word of it
        ("/bin/sh -c 'podman run ${PODMAN_EXTRA_ARGS} img'", True),
        ("/bin/bash -euc 'set -x; exec /usr/bin/podman run ${PODMAN_EXTRA_ARGS} img && true'", True),
        ("/bin/sh -c 'podman run $PODMAN_EXTRA_ARGS img'", False),  # the shell splits it without quotes
        ("/bin/sh -c 'podman run img ${PODMAN_EXTRA_ARGS}'", False),
        ("/usr/bin/podman run img", False),
        ("-/usr/bin/podman --log-level=info container run img", False),
    ],
)
def test_new_flags_go_where_they_become_words(command: str, in_variable: bool) -> None:
    text = f"[Service]\nExecStart={command}\n"
    made = service(text, NOTHING, ADDED)
    assert made.left_out == ()
    assert ("PODMAN_EXTRA_ARGS=--cap-drop" in made.text) is in_variable
    assert ("ExecStart=" in made.text) is not in_variable
    result = words(text, made.text)
    at = result.index("img")
    assert result[at - 2 : at] == ADDED_WORDS


def test_what_other_drop_ins_put_into_the_variable_stays() -> None:
    text = "[Service]\nExecStart=/usr/bin/podman run $PODMAN_EXTRA_ARGS img\n"
    other = '[Service]\nEnvironment=A=1 "PODMAN_EXTRA_ARGS=--tty --label=\\"a b\\" --memory=%n"\n'
    made = service(text, NOTHING, ADDED, other)
    assert without_stamp(made.text) == (
        '[Service]\nEnvironment="PODMAN_EXTRA_ARGS=--tty --label=\\"a b\\" --memory=%n'
        ' --cap-drop=all --security-opt=no-new-privileges"\n'
    )


def test_flags_inside_the_variable_change_and_go() -> None:
    text = "[Service]\nExecStart=/bin/sh -c 'podman run ${PODMAN_EXTRA_ARGS} img'\n"
    other = "[Service]\nEnvironment=\"PODMAN_EXTRA_ARGS=--privileged -e 'A=b c' --memory 1g\"\n"
    before = Spec.of((PRIVILEGED, True), (MEMORY, 1 << 30), (ENV, ("A=b c",)))
    made = service(text, before, Spec.of((MEMORY, 1 << 20), (ENV, ("A=b c",))), other)
    assert "ExecStart" not in made.text
    assert words(text, other, made.text) == ["run", "-e", "A=b c", "--memory=1m", "img"]


def test_a_file_of_variables_may_hold_more_so_the_command_is_edited() -> None:
    text = (
        "[Service]\nEnvironmentFile=-/etc/default/x\nExecStart=/usr/bin/podman run $PODMAN_EXTRA_ARGS img\n"
    )
    made = service(text, NOTHING, ADDED)
    assert "ExecStart=/usr/bin/podman run $PODMAN_EXTRA_ARGS --cap-drop=all" in made.text


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
    before = Spec.of((PRIVILEGED, True), (PUBLISH, (Port(80, "8080"),)), (MOUNTS, mounts), (TTY, True))
    after = Spec.of(
        (PUBLISH, (Port(80, "8080", "127.0.0.1"),)),
        (MOUNTS, (mounts[0].with_options("ro"),)),
        (IMAGE, "img@x"),
    )
    changes, _ = planned_changes(before.with_(IMAGE, "img"), after)
    made = service_drop_in(ServiceFiles((LONG,), {"h": "/root"}), changes, ())
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


def test_what_comes_from_another_variable_is_left_out_and_named() -> None:
    text = "[Service]\nEnvironment=CAPS=--cap-add=SYS_ADMIN\nExecStart=/usr/bin/podman run $CAPS $IMG\n"
    text += "Environment=IMG=a:1\n"
    before = Spec.of((CAP_ADD, ("CAP_SYS_ADMIN",)), (IMAGE, "a:1"))
    made = service(text, before, Spec.of((IMAGE, "a@x"), (READ_ONLY, True)))
    assert [line.partition(" ")[0] for line in made.left_out] == ["IMAGE", "--cap-add"]
    assert "CAPS" in made.left_out[1]
    assert "--read-only" in made.text


@pytest.mark.parametrize("name", ["$EXTRA", "$${EXTRA}"])
def test_variables_that_the_shell_puts_in_are_split_at_blanks(name: str) -> None:
    text = "[Service]\nEnvironment=\"EXTRA=--tty --label='a b'\"\n"
    text += f"ExecStart=/bin/sh -c 'podman run {name} img'\n"
    assert words(text) == ["run", "--tty", "--label='a", "b'", "img"]
    quoted = text.replace(name, f'"{name}"')
    assert len(words(quoted)) == 3


def test_nothing_to_do_gives_no_file() -> None:
    text = "[Service]\nExecStart=/usr/bin/podman run --read-only img\n"
    made = service(text, NOTHING, Spec.of((READ_ONLY, True)))
    assert made.text == ""
    assert "already" in made.notes[0]


def test_the_restart_policy_is_not_given_to_podman() -> None:
    text = "[Service]\nExecStart=/usr/bin/podman run img\n"
    assert service(text, NOTHING, Spec.of((RESTART, "always"))).text == ""


def test_our_own_drop_in_is_built_on() -> None:
    text = "[Service]\nExecStart=/usr/bin/podman run $PODMAN_EXTRA_ARGS img\n"
    first = service(text, NOTHING, Spec.of((READ_ONLY, True))).text + "# mine\nNice=5\n"
    changes, _ = planned_changes(NOTHING, ADDED)
    second = service_drop_in(ServiceFiles((text,)), changes, (), first)
    assert "# mine\nNice=5\n" in second.text
    assert second.text.count("PODMAN_EXTRA_ARGS") == 1
    assert words(text, second.text) == ["run", "--read-only", *ADDED_WORDS, "img"]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("ExecStart=/usr/bin/podman start -a web", "only starts an existing container"),
        ("ExecStart=/usr/sbin/sshd -D", "not a podman run"),
        ("ExecStart=/bin/sh -c 'docker run x'", "no podman run"),
        ("ExecStart=/bin/sh -c 'podman run", "never closed"),
        ("ExecStart=/usr/bin/podman run a ; /usr/bin/podman run b", "more than one command"),
        ("ExecStart=/bin/true\nExecStart=/usr/bin/podman run a", "2 commands"),
        ("Type=oneshot", "0 commands"),
    ],
)
def test_units_that_run_no_podman_are_refused_in_one_sentence(lines: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        service(f"[Service]\n{lines}\n", NOTHING, ADDED)


def test_which_drop_ins_concern_the_command() -> None:
    assert concerns_command("[Service]\nExecStart=\n")
    assert concerns_command("[Service]\nEnvironment=\n")
    assert concerns_command('[Service]\nEnvironment=A=1 "PODMAN_EXTRA_ARGS=x"\n')
    assert not concerns_command("[Service]\nEnvironment=A=1\nNice=3\n[Unit]\nExecStart=x\n")
