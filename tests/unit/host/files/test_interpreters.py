"""Which interpreter a script needs."""

import pytest

from hardentui.host.files.interpreters import interpreters
from hardentui.host.files.recorded import RecordedFiles, RecordingFiles


@pytest.mark.parametrize(
    ("content", "result"),
    [
        ("#!/srv/sh\nid", ("/srv/sh",)),
        (
            "#! /usr/bin/env /opt/python -I\n",
            ("/usr/bin/env", "/opt/python"),
        ),
        ("#!/usr/bin/env bash\n", ("/usr/bin/env",)),
        ("#!/bin/sh -e /srv/x\n", ("/bin/sh",)),
        ("#!\n", ()),
        ("\x7fELF#!/bin/sh", ()),
    ],
)
def test_the_interpreter_of_a_script(
    content: str,
    result: tuple[str, ...],
) -> None:
    assert interpreters(RecordedFiles({"text": {"/x": content}}), "/x") == result


def test_only_the_first_line_of_a_script_is_saved() -> None:
    recording = RecordingFiles(RecordedFiles({"text": {"/x": "#!/bin/sh\nexport PW=s3\n"}}))
    assert interpreters(recording, "/x") == ("/bin/sh",)
    assert recording.document()["text"] == {"/x": "#!/bin/sh"}
