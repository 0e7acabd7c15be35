"""The unit is one that systemd takes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "latelight.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_has_nothing_to_say_about_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name  # the program itself is not installed where it says
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.M))
    command = ["systemd-analyze", "verify", str(unit)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, said.stderr + said.stdout) == (0, "")


def test_a_stop_waits_for_the_server_to_hand_on_its_jobs() -> None:
    text = UNIT.read_text()
    grace = re.search(r"^ExecStart=.*--grace (\d+)", text, re.M)
    patience = re.search(r"^TimeoutStopSec=(\d+)", text, re.M)
    assert grace is not None
    assert patience is not None
    assert int(patience[1]) > int(grace[1])
