"""Comparing what a generator made with what was meant."""

import pytest

from hardentui.options.argv import compare_arguments

MEANT = ("run", "--env=A=1", "--env=B=2", "--name=web", "--publish=80:80", "--publish=90:90", "img", "a", "b")


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
        (made("run", "--publish=90:90", "--publish=80:80", *MEANT[1:4], *MEANT[6:]), "--publish"),
        (made("run", "--privileged", *MEANT[1:]), "--privileged"),
        (made("--module=x", *MEANT), "global flag --module"),
        (made("run", *MEANT[1:3], "--name=systemd-web", *MEANT[4:]), "--name"),
        (made("create-nothing"), "not a podman run"),
    ],
)
def test_differences_are_named(generated: tuple[str, ...], part: str) -> None:
    differences = compare_arguments(generated, MEANT)
    assert len(differences) == 1
    assert part in differences[0]


@pytest.mark.parametrize(
    ("generated", "meant"),
    [
        ("--cap-drop=all", "--cap-drop=ALL"),
        ("--security-opt=no-new-privileges:true", "--security-opt=no-new-privileges"),
        ("--mount=type=bind,src=/a,dst=/b,ro", "--mount=type=bind,source=/a,destination=/b,ro=true"),
        ("--read-only=true", "--read-only"),
        ("--cgroups=split", "--cgroups=split"),
    ],
)
def test_spellings_with_the_same_meaning(generated: str, meant: str) -> None:
    assert compare_arguments(made("run", generated, "img"), ("run", meant, "img")) == ()


@pytest.mark.parametrize("flag", ["--volume", "--tmpfs"])
def test_mounts_may_stand_in_any_order(flag: str) -> None:
    """Podman keeps them by destination; one that fits no key comes after the others, in PodmanArgs=."""
    meant = ("run", f"{flag}=/a:ro", f"{flag}=/b", "img")
    assert compare_arguments(made("run", flag, "/b", flag, "/a:ro", "img"), meant) == ()
    assert compare_arguments(made("run", flag, "/b", flag, "/a", "img"), meant) != ()


def test_paths_of_a_mask_may_be_apart() -> None:
    apart = made("run", "--security-opt", "mask=/a", "--security-opt", "mask=/b", "img")
    assert compare_arguments(apart, ("run", "--security-opt=mask=/a:/b", "img")) == ()
    assert compare_arguments(apart, ("run", "--security-opt=mask=/a", "img")) != ()


def test_an_empty_word_is_not_lost_in_the_comparison() -> None:
    assert compare_arguments(made("run", "img", "a", "b"), ("run", "img", "a", "", "b")) != ()
    assert compare_arguments(made("run", "--entrypoint=", "img"), ("run", "img")) != ()


def test_a_pod_is_recognised_by_its_id_file() -> None:
    """Generators up to 5.5 name the pod by a file that its unit writes."""
    by_file = made("run", "--pod-id-file", "\0%t/p1-pod.pod-id", "img")
    assert compare_arguments(by_file, ("run", "--pod=p1", "img")) == ()
    assert compare_arguments(by_file, ("run", "--pod=p2", "img")) != ()
    assert compare_arguments(by_file, ("run", "img")) != ()
