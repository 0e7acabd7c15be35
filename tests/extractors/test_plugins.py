"""Extractors of other packages: found without import, chosen by rule, never worse than one file."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latelight.errors import DamagedFileError, ExtractionError, NotFoundError
from latelight.extractors.plugins import installed_plugins, load_plugin, plugin_versions
from latelight.extractors.protocol import ExtractionOptions, PluginUse
from latelight.extractors.registry import extract
from latelight.extractors.sandbox import ExtractionPool
from latelight.types import Extraction, Source

EXAMPLE = Path(__file__).parents[2] / "examples" / "latelight-subtitles"
SRT = b"1\n00:00:01,000 --> 00:00:02,000\nThe ferry leaves.\n"
GIVEN = """
from latelight.errors import DamagedFileError
from latelight.extractors.plugins import ExtractorPlugin, Signature
from latelight.types import *

INFO = ExtractorInfo({name!r}, "1", {media_types!r}, ("passage",), "MIT")

class Reader:
    info = INFO
    def __init__(self, word): self.word = word
    def extract(self, source, options):
        {body}

plugin = ExtractorPlugin(
    INFO, lambda p: Reader(p["word"]), {{"word": "said"}}, (Signature(0, b"\\x01MINE", "x/mine"),)
)
"""
GOOD = "return Extraction('x', self.word, (Unit('c0', 'passage', Locator(span=CharSpan(0, len(self.word))), self.word),))"  # noqa: E501
Install = Callable[..., None]


def installed(folder: Path, name: str, target: str, version: str = "1.0") -> None:
    """Write what an installer leaves of a package with one plugin."""
    info = folder / f"plugin_{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: plugin-{name}\nVersion: {version}\n"
    )
    (info / "entry_points.txt").write_text(f"[latelight.extractors]\n{name} = {target}\n")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """A call that installs a plugin: its name, its module's text, and its version."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(EXAMPLE / "src")]))
    names: list[str] = []

    def install(name: str, module: str, version: str = "1.0") -> None:
        (tmp_path / f"made_{name}.py").write_text(module)
        installed(tmp_path, name, f"made_{name}:plugin", version)
        names.append(f"made_{name}")

    load_plugin.cache_clear()
    yield install
    load_plugin.cache_clear()
    for name in names:
        sys.modules.pop(name, None)


def good(name: str, *media_types: str, body: str = GOOD) -> str:
    return GIVEN.format(name=name, media_types=media_types or ("x/mine",), body=body)


def read(name: str, data: bytes, *uses: PluginUse) -> Extraction:
    return extract(Source(name, data), ExtractionOptions(plugins=uses))


def test_a_named_plugin_reads_what_nothing_else_does(install: Install) -> None:
    install("mine", good("mine"))
    found = read("a.bin", b"\x01MINE\x00", PluginUse("mine"))
    assert (found.text, found.media_type) == ("said", "x/mine")
    with pytest.raises(ExtractionError, match="unknown format"):
        read("a.bin", b"\x01MINE\x00")


def test_parameters_reach_it_and_wrong_ones_are_named(install: Install) -> None:
    install("mine", good("mine"))
    use = PluginUse("mine", (("word", "other"),))
    assert read("a.bin", b"\x01MINE\x00", use).text == "other"
    for wrong, match in ((("colour", 1), "no parameter 'colour'"), (("word", 1), "expected a str")):
        with pytest.raises(ExtractionError, match=match):
            read("a.bin", b"\x01MINE\x00", PluginUse("mine", (wrong,)))


def test_built_in_extractors_win_unless_the_pipeline_says_otherwise(install: Install) -> None:
    install("mine", good("mine", "text/csv"))
    table = b"a,b\n1,2"
    assert read("a.csv", table, PluginUse("mine")).text == "a\tb\n1\t2"
    assert read("a.csv", table, PluginUse("mine", media_types=("text/csv",))).text == "said"


def test_the_larger_priority_wins_between_plugins(install: Install) -> None:
    install("one", good("one"))
    install("two", good("two", body=GOOD.replace("self.word", "'two'")))
    for first, second, expected in ((1, 0, "said"), (0, 1, "two"), (0, 0, "said")):
        uses = (PluginUse("two", priority=second), PluginUse("one", priority=first))
        assert read("a.bin", b"\x01MINE\x00", *uses).text == expected


def test_a_plugin_that_cannot_be_imported_is_named_and_harms_no_other_file(
    install: Install,
) -> None:
    install("broken", "raise RuntimeError('no such thing')")
    install("mine", good("mine"))
    uses = (PluginUse("broken", priority=9), PluginUse("mine"))
    assert read("a.bin", b"\x01MINE\x00", *uses).text == "said"
    assert read("a.md", b"# Title", *uses).warnings == ()
    text = read("a.txt", b"words", *uses)
    assert text.text == "words"
    assert "'broken' cannot be imported (RuntimeError: no such thing)" in text.warnings[0]
    with pytest.raises(ExtractionError, match="plugin 'broken' cannot be imported"):
        read("a.bin", bytes(range(256)), *uses)


@pytest.mark.parametrize(
    ("module", "match"),
    [
        ("plugin = 3", "is a int, expected an ExtractorPlugin"),
        (good("other"), "calls itself 'other'"),
        (good("mine", body="return 3"), "gave a int, expected an Extraction"),
        (good("mine", body="return Extraction('x', '', ())"), "gave no units"),
        (good("mine", body=GOOD.replace("0, len", "1, len")), "another text than its span"),
        (good("mine", body="raise KeyError('x')"), "the mine extractor stopped with KeyError"),
        (good("mine", body="raise DamagedFileError('a.bin: bad luck')"), "bad luck"),
    ],
)
def test_whatever_is_wrong_with_a_plugin_is_one_files_error(
    install: Install, module: str, match: str
) -> None:
    install("mine", module)
    with pytest.raises(ExtractionError, match=match):
        read("a.bin", b"\x01MINE\x00", PluginUse("mine"))


def test_plugins_are_listed_with_their_versions_without_being_imported(install: Install) -> None:
    install("broken", "raise RuntimeError", "2.5")
    assert installed_plugins()["broken"] == "2.5"
    assert plugin_versions(["broken"]) == {"broken": "2.5"}
    with pytest.raises(NotFoundError, match=r"'absent', which is not.*: broken"):
        plugin_versions(["absent"])


def test_a_plugin_runs_in_the_worker_only_and_one_that_crashes_fails_one_file(
    install: Install,
) -> None:
    install("mine", good("mine", body="import os; os._exit(3)"))
    options = ExtractionOptions(plugins=(PluginUse("mine"),))
    with ExtractionPool() as pool:
        with pytest.raises(ExtractionError, match="ended with code 3"):
            pool.extract(Source("a.bin", b"\x01MINE\x00"), options)
        assert pool.extract(Source("a.txt", b"words"), options).text == "words"
    assert "made_mine" not in sys.modules


def test_the_example_reads_subtitles_through_a_worker(install: Install, tmp_path: Path) -> None:
    installed(tmp_path, "subtitles", "latelight_subtitles:plugin")
    options = ExtractionOptions(plugins=(PluginUse("subtitles"),))
    with ExtractionPool() as pool:
        found = pool.extract(Source("a.srt", SRT), options)
        with pytest.raises(DamagedFileError, match=r"b\.srt: no cue"):
            pool.extract(Source("b.srt", b"words"), options)
    assert (found.media_type, found.text) == ("application/x-subrip", "The ferry leaves.")
    assert found.units[0].locator.time is not None


def test_the_example_passes_its_own_tests(install: Install, tmp_path: Path) -> None:
    installed(tmp_path, "subtitles", "latelight_subtitles:plugin")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(EXAMPLE / "tests")],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], *sys.path])},
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(".") > 20
