"""Taking a recorded command line apart."""

import pytest

from hardentui.model.podman_version import Version
from hardentui.options.argv import parse_create_command
from hardentui.options.run_command import RunCommand
from hardentui.options.same_command import compare_arguments


def parsed(*words: str) -> RunCommand:
    result = parse_create_command(["podman", *words])
    assert result is not None
    return result


@pytest.mark.parametrize(
    "words",
    [
        ("run", "-dit", "--env", "A=1", "img", "-x"),
        ("run", "-d", "-i", "-t", "-eA=1", "img", "-x"),
        ("run", "-di", "--tty=true", "-e=A=1", "--", "img", "-x"),
        ("container", "run", "-d", "--interactive", "-te", "A=1", "img", "-x"),
        (
            "--root",
            "/r",
            "--log-level=info",
            "-r",
            "run",
            "-dit",
            "--env=A=1",
            "img",
            "-x",
        ),
    ],
)
def test_spellings_of_the_same_command(words: tuple[str, ...]) -> None:
    result = parsed(*words)
    assert result.verb == "run"
    assert result.flags == {
        "--detach": ["true"],
        "--interactive": ["true"],
        "--tty": ["true"],
        "--env": ["A=1"],
    }
    assert (result.image, result.rest) == ("img", ("-x",))


def test_short_flags_with_glued_arguments() -> None:
    result = parsed(
        "create",
        "-p8080:80",
        "-m64m",
        "-v/a:/b",
        "-itp",
        "90:90",
        "img",
    )
    assert result.flags["--publish"] == ["8080:80", "90:90"]
    assert result.flags["--memory"] == ["64m"]
    assert result.flags["--volume"] == ["/a:/b"]
    assert result.switched("--tty") is True


def test_comma_lists_are_split_and_others_are_not() -> None:
    result = parsed(
        "run",
        '--sysctl="a=1,2",b=3',
        "--cap-add=A,B",
        "--env",
        "X=1,2",
        "img",
    )
    assert result.all("--sysctl") == ("a=1,2", "b=3")
    assert result.all("--cap-add") == ("A", "B")
    assert result.all("--env") == ("X=1,2",)


@pytest.mark.parametrize(
    "argv",
    [
        None,
        [],
        ["podman"],
        ["podman", "--log-level=info", "system", "service"],
        ["podman", "pod", "create", "--name", "run"],
        ["podman", "kube", "play", "run.yaml"],
    ],
)
def test_other_commands_are_no_source(argv: list[str] | None) -> None:
    assert parse_create_command(argv) is None


def test_podman_before_5_splits_more_flags_at_commas() -> None:
    argv = ["podman", "create", "--device=/dev/fuse,/dev/kvm", '--annotation="a=1,2"', "i"]
    old, new = (
        parse_create_command(argv, version) for version in (Version(4, 9, 4), Version(5, 0))
    )
    assert old is not None
    assert new is not None
    assert old.all("--device") == ("/dev/fuse", "/dev/kvm")
    assert old.all("--annotation") == ("a=1,2",)
    assert new.all("--device") == ("/dev/fuse,/dev/kvm",)


MEANT = (
    "run",
    "--env=A=1",
    "--env=B=2",
    "--name=web",
    "--publish=80:80",
    "--publish=90:90",
    "img",
    "a",
    "b",
)


def made(*words: str) -> tuple[str, ...]:
    return ("/usr/bin/podman", *words)


def test_the_same_in_quadlets_spelling() -> None:
    generated = made(
        "run", "--name", "web", "--cidfile=\0%t/web.cid", "--replace", "--rm", "--cgroups=split",
        "--sdnotify=conmon", "-d", "--publish", "80:80", "--publish", "90:90",
        "--env", "B=2", "--env", "A=1", "img", "a", "b",
    )  # fmt: skip
    assert compare_arguments(generated, MEANT) == ()


@pytest.mark.parametrize(
    ("generated", "part"),
    [
        (made(*MEANT[:-1]), "command"),
        (made(*MEANT[:-3], "other", "a", "b"), "image"),
        (made(*MEANT[:-3], "img", "b", "a"), "command"),
        (made(*(w for w in MEANT if w != "--env=B=2")), "--env"),
        (
            made(
                "run",
                "--publish=90:90",
                "--publish=80:80",
                *MEANT[1:4],
                *MEANT[6:],
            ),
            "--publish",
        ),
        (
            made("run", "--privileged", *MEANT[1:]),
            "--privileged",
        ),
        (made("--module=x", *MEANT), "global flag --module"),
        (
            made(
                "run",
                *MEANT[1:3],
                "--name=systemd-web",
                *MEANT[4:],
            ),
            "--name",
        ),
        (made("create-nothing"), "not a podman run"),
    ],
)
def test_differences_are_named(
    generated: tuple[str, ...],
    part: str,
) -> None:
    differences = compare_arguments(generated, MEANT)
    assert len(differences) == 1
    assert part in differences[0]


@pytest.mark.parametrize(
    ("generated", "meant"),
    [
        ("--cap-drop=all", "--cap-drop=ALL"),
        ("--security-opt=no-new-privileges:true", "--security-opt=no-new-privileges"),
        (
            "--mount=type=bind,src=/a,dst=/b,ro",
            "--mount=type=bind,source=/a,destination=/b,ro=true",
        ),
        ("--read-only=true", "--read-only"),
        ("--cgroups=split", "--cgroups=split"),
    ],
)
def test_spellings_with_the_same_meaning(
    generated: str,
    meant: str,
) -> None:
    assert compare_arguments(made("run", generated, "img"), ("run", meant, "img")) == ()


@pytest.mark.parametrize("flag", ["--volume", "--tmpfs"])
def test_mounts_may_stand_in_any_order(flag: str) -> None:
    """Podman keeps them by destination; one that fits no key comes after the others, in
    PodmanArgs=."""
    meant = ("run", f"{flag}=/a:ro", f"{flag}=/b", "img")
    assert (
        compare_arguments(
            made(
                "run",
                flag,
                "/b",
                flag,
                "/a:ro",
                "img",
            ),
            meant,
        )
        == ()
    )
    assert compare_arguments(made("run", flag, "/b", flag, "/a", "img"), meant) != ()


def test_a_pod_is_recognised_by_its_id_file() -> None:
    """Generators up to 5.5 name the pod by a file that its unit writes."""
    by_file = made(
        "run",
        "--pod-id-file",
        "\0%t/p1-pod.pod-id",
        "img",
    )
    assert compare_arguments(by_file, ("run", "--pod=p1", "img")) == ()
    assert compare_arguments(by_file, ("run", "--pod=p2", "img")) != ()
    assert compare_arguments(by_file, ("run", "img")) != ()
