"""What the layers of a container tell without being mounted."""

from pathlib import Path
from typing import Any

import pytest

from hardentui.host.files.layers import bytes_of_image, directory_of_image
from hardentui.host.files.reader import LocalFiles


@pytest.fixture
def inspect(tmp_path: Path) -> dict[str, Any]:
    for name, size in (("low/app/a", 1000), ("high/app/lib/b", 200), ("own/app/c", 7)):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * size)
    data = {"UpperDir": str(tmp_path / "own"), "LowerDir": f"{tmp_path}/high:{tmp_path}/low"}
    return {"GraphDriver": {"Data": data}}


def test_the_files_of_the_image_are_counted_and_not_those_of_the_container(inspect: dict[str, Any]) -> None:
    assert bytes_of_image(LocalFiles(), inspect, "/app", 100) == 1200
    assert bytes_of_image(LocalFiles(), inspect, "/app/lib", 100) == 200
    assert bytes_of_image(LocalFiles(), inspect, "/nowhere", 100) == 0


def test_too_many_files_and_unknown_layers_are_no_number(inspect: dict[str, Any]) -> None:
    assert bytes_of_image(LocalFiles(), inspect, "/app", 2) is None
    assert bytes_of_image(LocalFiles(), {}, "/app", 100) is None


def test_no_link_of_an_image_leads_out_of_it(tmp_path: Path, inspect: dict[str, Any]) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_bytes(b"x" * 5000)
    (tmp_path / "high" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "high" / "app" / "link").symlink_to(tmp_path / "secret")
    assert bytes_of_image(LocalFiles(), inspect, "/link", 100) == 0
    assert bytes_of_image(LocalFiles(), inspect, "/app", 100) == 1200


def test_a_directory_is_as_the_image_has_it_or_as_the_container_made_it(
    tmp_path: Path, inspect: dict[str, Any]
) -> None:
    (tmp_path / "low" / "app").chmod(0o700)
    (tmp_path / "high" / "app").chmod(0o750)
    (tmp_path / "own" / "app").chmod(0o777)
    (tmp_path / "own" / "made").mkdir(mode=0o711)
    seen = directory_of_image(LocalFiles(), inspect, "/app")
    made = directory_of_image(LocalFiles(), inspect, "/made")
    assert seen is not None
    assert made is not None
    assert (seen.mode & 0o777, made.mode & 0o777) == (0o750, 0o711)
    assert directory_of_image(LocalFiles(), inspect, "/nowhere") is None
