import json
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Job
from tests.cli.conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    (made / "a.txt").write_text("A lamp.")
    (made / "b.txt").write_bytes(b"")
    return made


def only_job(run: Run) -> dict[str, Any]:
    (job,) = json.loads(run("jobs", "list", "--json").out)
    return dict(job)


def test_a_job_is_listed_and_shown_with_what_failed(run: Run, folder: Path) -> None:
    assert run("add", str(folder)).code == 1
    job = only_job(run)
    assert (job["state"], job["collection"], job["progress"]["n_added"]) == ("done", "default", 1)
    assert job["id"] in run("jobs", "list").out
    shown = run("jobs", "show", job["id"][:10])
    assert "2/2 files" in shown.out and "[empty_file]" in shown.out
    told = json.loads(run("jobs", "show", job["id"], "--json").out)
    assert [Path(f["source"]).name for f in told["failures"]] == ["b.txt"]
    assert told["progress"]["n_done"] == 2


def test_what_failed_is_tried_again(run: Run, folder: Path) -> None:
    run("add", str(folder))
    job = only_job(run)["id"]
    assert run("jobs", "retry", job).code == 1
    (folder / "b.txt").write_text("A tram.")
    again = json.loads(run("jobs", "retry", job, "--json").out)
    assert (again["added"], again["unchanged"], again["failures"]) == (1, 0, [])
    assert run("jobs", "show", job, "--follow").code == 0


def test_ctrl_c_says_how_to_go_on(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, pressed = Job.wait, []

    def wait(self: Job, timeout_s: float | None = None) -> Any:
        if not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        return real(self, timeout_s)

    monkeypatch.setattr(Job, "wait", wait)
    stopped = run("add", str(folder))
    assert stopped.code == 130
    job = only_job(run)
    assert f"latelight jobs resume {job['id']}" in stopped.err
    assert job["state"] in ("paused", "done")
    resumed = json.loads(run("jobs", "resume", job["id"], "--json").out)
    assert resumed["state"] == "done"
    assert json.loads(run("stats", "--json").out)["n_documents"] == 1


def test_a_stopped_job_can_be_cancelled(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "latelight.testing.encoders.FakeEncoder.encode_documents",
        lambda *_, **__: (_ for _ in ()).throw(RuntimeError("the encoder broke")),
    )
    with pytest.raises(RuntimeError):
        run("add", str(folder))
    job = only_job(run)
    assert (job["state"], job["error"]) == ("failed", "the encoder broke")
    assert json.loads(run("jobs", "cancel", job["id"], "--json").out)["state"] == "cancelled"
    assert "cancelled" in run("jobs", "list").out


def test_an_unknown_job_is_an_error(run: Run, folder: Path) -> None:
    run("add", str(folder))
    assert run("jobs", "show", "nonsense").code == 1
    assert run("jobs", "resume", "nonsense").code == 1


@pytest.mark.parametrize("name", ["list", "show", "pause", "resume", "retry", "cancel"])
def test_every_job_command_has_help_and_json_and_is_in_the_readme(run: Run, name: str) -> None:
    assert "--json" in run("jobs", name, "--help").out
    assert f"jobs {name}" in (Path(__file__).parents[2] / "README.md").read_text("utf-8")
