"""Which compose files are one project: compose's rules, or `-f`; never that they were named beside
each other."""

from __future__ import annotations

from pathlib import Path

from tests.unit.features.at_rest.test_checking import Run, report, run, service

__all__ = ["run"]


def compose(lines: str) -> str:
    return f"services:\n  web:\n    image: example.org/app:1\n{lines}"


BAD, FINE = compose("    privileged: true\n"), compose("    read_only: true\n")


def test_files_named_together_hide_nothing_of_each_other(run: Run) -> None:
    files = {"compose-prod.yaml": BAD, "compose-test.yaml": FINE}
    code, text = run(files, "check", "--fail-on", "high", "compose-prod.yaml", "compose-test.yaml")
    assert (code, "2 services in 2 files" in text) == (1, True)


def test_an_override_belongs_to_its_base(run: Run) -> None:
    files = {"compose.yaml": FINE, "compose.override.yaml": BAD}
    for paths in (("."), ("compose.yaml", "compose.override.yaml")):
        code, text = run(files, "check", *paths)
        assert (code, "1 service in 1 file" in text) == (1, True)


def test_f_joins_files_in_its_order(run: Run) -> None:
    files = {"a.yaml": BAD, "b.yaml": compose("    privileged: false\n")}
    code, text = run(files, "check", "--check", "privileged", "-f", "a.yaml", "-f", "b.yaml")
    assert (code, "1 service in 1 file" in text) == (0, True)
    code, _ = run(files, "check", "--check", "privileged", "-f", "b.yaml", "-f", "a.yaml")
    assert code == 1
    code, text = run(files, "check", "-f", "a.yaml", "b.yaml")
    assert (code, "names all files of one project" in text) == (2, True)


def test_compose_file_of_the_environment_joins_them(run: Run) -> None:
    files = {
        ".env": "COMPOSE_FILE=compose.yaml:compose-prod.yaml\n",
        "compose.yaml": FINE,
        "compose-prod.yaml": BAD,
        "compose-alone.yaml": FINE,
    }
    document = report(run, files, ".")
    assert len(document["subjects"]) == 2
    web = service(document, "web")
    assert web["score"] is not None


def test_a_repository_is_fixed_in_one_call(run: Run, tmp_path: Path) -> None:
    """Files of one name in two folders keep their folders."""
    files = {"repo/a/compose.yaml": BAD, "repo/b/compose.yaml": FINE, "repo/b/x.sh": ""}
    code, text = run(files, "fix", "./repo", "--all", "-o", "out")
    assert code == 0, text
    assert "cap_drop" in (tmp_path / "out/a/compose.yaml").read_text()
    assert "read_only: true" in (tmp_path / "out/b/compose.yaml").read_text()


def test_several_stacks_are_converted_in_one_call(run: Run, tmp_path: Path) -> None:
    files = {
        "repo/a/compose.yaml": FINE,
        "repo/b/compose.yaml": FINE,
        "repo/b/compose-x.yaml": FINE,
    }
    code, text = run(files, "fix", "./repo", "--to", "quadlet", "-o", "out")
    assert code == 0, text
    units = {str(path.relative_to(tmp_path / "out")) for path in tmp_path.rglob("*.container")}
    assert units == {
        "a/web.container",
        "b/compose/web.container",
        "b/compose-x/web.container",
    }


def test_a_compose_file_of_any_name_is_read_in_a_folder(run: Run) -> None:
    files = {
        "repo/stack.yml": BAD,
        "repo/other.yml": FINE,
        "repo/services.yaml": "services:\n  App\\Service: {autowire: true}\n",
    }
    code, text = run(files, "check", "./repo")
    assert (code, "2 services in 2 files" in text) == (1, True)


def test_an_included_file_is_part_of_the_project_that_includes_it_and_only_of_that(
    run: Run,
) -> None:
    """By compose's own rules: its services are told and changed once. Named alone, it is a project;
    files that include each other are both refused by name."""
    files = {
        "s/compose.yaml": "include: [more/db.yaml]\nservices: {web: {image: docker.io/a:1}}\n",
        "s/more/db.yaml": (
            "include:\n  - path: [deep.yaml]\nservices:\n  db: {image: docker.io/b:1}\n"
        ),
        "s/more/deep.yaml": "services:\n  deep:\n    image: docker.io/c:1\n    privileged: true\n",
    }
    for named in (("./s",), ("s/compose.yaml", "s/more/db.yaml")):
        code, text = run(files, "check", *named)
        assert (code, "3 services in 3 files" in text) == (1, True), text
        assert text.count("privileged: ") == 1
    _, text = run({}, "check", "s/more/deep.yaml")
    assert "1 service in 1 file" in text
    _, text = run({}, "fix", "./s", "--all")
    assert "read again, would hold" not in text
    circle = {
        "c/a-compose.yaml": f"include: [b-compose.yaml]\n{BAD}",
        "c/b-compose.yaml": f"include: [a-compose.yaml]\n{BAD}",
    }
    code, text = run(circle, "check", "./c")
    assert code != 0
    assert text.count("in a circle") == len(circle)


def test_a_link_to_a_file_of_the_same_folder_is_that_file(run: Run, tmp_path: Path) -> None:
    """It is told once, under the name that git can patch."""
    script = "podman run --privileged docker.io/a:1\n"
    run({"l/stack-compose.yaml": BAD, "l/start.sh": script, "l/deep/x.txt": ""}, "check", "./l")
    (tmp_path / "l/compose.yaml").symlink_to("stack-compose.yaml")
    (tmp_path / "l/deep/start.sh").symlink_to("../start.sh")
    code, text = run({}, "check", "./l")
    assert (code, "2 services in 2 files" in text) == (1, True), text
    assert "l/compose.yaml" not in text
