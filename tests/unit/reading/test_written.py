"""What a container was seen to write."""

from hardentui.checks.examples import container
from hardentui.model.facts import FileChange
from hardentui.reading.written import written_by


def test_mount_points_are_not_written_by_the_container() -> None:
    """Podman makes them, also those that `--volumes-from` brings and no option names."""
    changes = (
        FileChange("/scratch", "added", directory=True),
        FileChange("/srv", "added"),
        FileChange("/srv/data", "added", directory=True),
        FileChange("/var/own", "added", directory=False),
    )
    mounts = [{"Destination": "/scratch"}, {"Destination": "/srv/data/"}]
    assert written_by(container(changes=changes, inspect={"Mounts": mounts})).paths == ("/var/own",)
