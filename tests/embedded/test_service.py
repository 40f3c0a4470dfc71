from __future__ import annotations

import json
from pathlib import Path

from kova_server.embedded.service import Child, Service


def test_the_file_of_a_process_is_replaced_and_never_half_written(tmp_path: Path) -> None:
    child = Child(Service(name="part", command=["true"], environment={}), tmp_path)
    pid_file = tmp_path / "run" / "part.json"
    child.start()
    assert child.process is not None
    first = child.process
    with pid_file.open() as reader:
        child.start()
        assert json.loads(reader.read())["pid"] == first.pid
    assert json.loads(pid_file.read_text())["pid"] == child.process.pid
    first.wait()
    child.stop()
