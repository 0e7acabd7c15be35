"""Checkpoints that bring their own modeling code: refused by name, run only when asked."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from transformers import dynamic_module_utils  # noqa: E402
from transformers.utils import hub  # noqa: E402

from latelight.encoders.model_options import ModelOptions  # noqa: E402
from latelight.encoders.registry import create_encoder, create_reranker  # noqa: E402
from latelight.errors import ModelError  # noqa: E402
from latelight.testing.encoders import passage  # noqa: E402
from tests.encoders.checkpoints import text_models as build  # noqa: E402

MARK = "LATELIGHT_TEST_FERRY_RAN"
CODE = f"""
import os
from transformers import BertConfig, BertForSequenceClassification, BertModel

os.environ["{MARK}"] = "yes"

class FerryConfig(BertConfig):
    model_type = "ferry"

class FerryModel(BertModel):
    config_class = FerryConfig

class FerryForSequenceClassification(BertForSequenceClassification):
    config_class = FerryConfig
"""
SETTINGS = (
    "trust_remote_code: true",
    "--trust-remote-code",
    "ModelOptions(trust_remote_code=True)",
)


@pytest.fixture(autouse=True)
def nothing_ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(MARK, "no")
    for module in (dynamic_module_utils, hub):  # where transformers copies code to
        monkeypatch.setattr(module, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))


def with_code(directory: Path) -> Path:
    """The same checkpoint, of a type that only its own code knows."""
    path = directory / "config.json"
    config = json.loads(path.read_text("utf-8"))
    own = {
        "AutoConfig": "FerryConfig",
        "AutoModel": "FerryModel",
        "AutoModelForSequenceClassification": "FerryForSequenceClassification",
    }
    config |= {
        "model_type": "ferry",
        "auto_map": {key: f"modeling_ferry.{name}" for key, name in own.items()},
    }
    path.write_text(json.dumps(config))
    (directory / "modeling_ferry.py").write_text(CODE)
    return directory


def options(trusts: bool) -> ModelOptions:
    return ModelOptions(device="cpu", trust_remote_code=trusts)


def rows(directory: Path, trusts: bool) -> list[np.ndarray]:
    encoder = create_encoder(str(directory), options=options(trusts))
    found = encoder.encode_documents([passage("The ferry was refitted in 2019.")])
    return [found[0].vectors, encoder.encode_query("how much?").vectors]


def test_code_is_not_run_and_the_error_names_the_settings(tmp_path: Path) -> None:
    directory = with_code(build.build_pylate(tmp_path / "ferry-colbert"))
    with pytest.raises(ModelError, match=r"'ferry', which .* \(modeling_ferry\.py\)") as told:
        rows(directory, trusts=False)
    assert all(setting in str(told.value) for setting in SETTINGS)
    assert os.environ[MARK] == "no"
    assert not (tmp_path / "modules").exists()


def test_code_that_was_asked_for_runs_and_gives_the_same_rows(tmp_path: Path) -> None:
    plain = rows(build.build_pylate(tmp_path / "plain"), trusts=False)
    own = rows(with_code(build.build_pylate(tmp_path / "own-code")), trusts=True)
    assert os.environ[MARK] == "yes"
    for one, other in zip(plain, own, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_files_of_the_code_are_in_the_lock(tmp_path: Path) -> None:
    directory = with_code(build.build_pylate(tmp_path / "locked"))
    encoder = create_encoder(str(directory), options=options(True))
    encoder.load()
    assert "modeling_ferry.py" in encoder.info.weights


def test_dense_models_and_cross_encoders_are_asked_about_too(tmp_path: Path) -> None:
    dense = with_code(build.build_dense(tmp_path / "dense"))
    with pytest.raises(ModelError, match="trust_remote_code"):
        create_encoder(str(dense), options=options(False)).load()
    reranker = with_code(build.build_cross_encoder(tmp_path / "cross"))
    with pytest.raises(ModelError, match="trust_remote_code"):
        create_reranker(str(reranker), options=options(False)).load()
    assert os.environ[MARK] == "no"


def test_code_is_not_asked_about_where_the_library_has_its_own(tmp_path: Path) -> None:
    directory = with_code(build.build_pylate(tmp_path / "known"))
    config = json.loads((directory / "config.json").read_text("utf-8"))
    (directory / "config.json").write_text(json.dumps({**config, "model_type": "bert"}))
    assert len(rows(directory, trusts=False)[0])
    assert os.environ[MARK] == "no"
