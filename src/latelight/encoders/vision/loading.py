"""What the families' loaders have in common."""

import copy
import threading
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Generic, TypeVar

from latelight.encoders.strict_loading import minor_version, need, offline, reading
from latelight.encoders.torch_runtime import pick_devices, pick_dtype
from latelight.encoders.vision.family import Files, RunOptions, read_json
from latelight.encoders.vision.rendering import PlainTokenizer
from latelight.errors import ModelError

T = TypeVar("T")


class PerThread(Generic[T]):
    """Gives each thread its own copy of a processor: tokenizers keep how they pad in themselves."""

    def __init__(self, original: T) -> None:
        self._original = original
        self._own = threading.local()
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """Return the copy of the calling thread."""
        if not hasattr(self._own, "copy"):
            with self._lock:
                self._own.copy = copy.deepcopy(self._original)
        found: T = self._own.copy
        return found


def load_tokenizer(files: Files) -> Any:
    """Return the checkpoint's fast tokenizer.

    Raises:
        ModelError: there is none.
    """
    from transformers import AutoTokenizer

    with offline(), reading(files.processor):
        tokenizer = AutoTokenizer.from_pretrained(
            files.processor, local_files_only=True, trust_remote_code=False
        )
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"{files.processor} has no fast tokenizer (tokenizer.json), which tells the characters "
            "of each token. Take a revision that has one."
        )
    return tokenizer


def load_image_processor(files: Files, processor_class: Any) -> Any:
    """Return the checkpoint's image processor, as a class that works with Pillow alone.

    The same class on every machine: transformers' own choice depends on whether torchvision is
    installed, and the two scale pictures a little differently.
    """
    with offline(), reading(files.processor):
        return processor_class.from_pretrained(files.processor, local_files_only=True)


def processor_settings(files: Files, *names: str) -> dict[str, Any]:
    """Return those of the named settings that `processor_config.json` holds."""
    config = read_json(files.processor / "processor_config.json")
    return {name: config[name] for name in names if config.get(name) is not None}


def chat_template(files: Files, tokenizer: Any) -> str:
    """Return the template of conversations that a checkpoint's files hold.

    Raises:
        ModelError: there is none.
    """
    path = files.processor / "chat_template.jinja"
    if path.is_file():
        return path.read_text("utf-8")
    for name in ("processor_config.json", "chat_template.json"):
        if found := read_json(files.processor / name).get("chat_template"):
            return str(found)
    if isinstance(found := tokenizer.chat_template, str):
        return found
    raise ModelError(
        f"{files.processor} has no chat template (chat_template.jinja), by which its model wants "
        "to be spoken to. Take a revision that has one."
    )


def special_ids(tokenizer: Any, more: Iterable[str] = ()) -> frozenset[int]:
    """Return the ids of the tokenizer's markers, and of `more` tokens."""
    added = tokenizer.added_tokens_decoder
    found = {int(one) for one in tokenizer.all_special_ids}
    found |= {number for number, token in added.items() if token.special}
    vocabulary = tokenizer.get_vocab()
    return frozenset(found | {vocabulary[name] for name in more if name in vocabulary})


def plain_tokenizer(tokenizer: Any, more: Iterable[str] = ()) -> PlainTokenizer:
    """Return the tokenizer for users' texts; they cannot become its markers, nor `more` tokens."""
    return PlainTokenizer(tokenizer, special_ids(tokenizer, more))


def marker_texts(tokenizer: Any) -> Collection[str]:
    """Return the texts of the tokenizer's markers."""
    return tokenizer.convert_ids_to_tokens(sorted(special_ids(tokenizer)))  # type: ignore[no-any-return]


def devices_and_dtype(options: RunOptions) -> tuple[tuple[str, ...], str]:
    """Return where the model runs, and the number type of its weights."""
    need("torch", "transformers")
    devices = pick_devices(options.devices)
    return devices, pick_dtype(options.dtype, devices[0])


def digests_of(files: Files, options: RunOptions) -> Mapping[str, str]:
    """Return the sha256 of the files, computed where nobody did so before."""
    return options.weights if options.weights is not None else files.digests()


def describe(
    query: str, image_processor: Any, dtype: str, settings: Mapping[str, Any]
) -> dict[str, str]:
    """Return what shapes vectors beside weights, as the lock keeps it.

    Args:
        query: the query's template.
        image_processor: whose class and version scale pictures.
        dtype: of the weights.
        settings: of the image processor, by name.
    """
    named = {f"picture_{name}": str(value) for name, value in settings.items()}
    return {
        "query_template": query,
        "image_processor": type(image_processor).__name__,
        "dtype": dtype,
        "torch": minor_version("torch"),
        **named,
    }


def need_fields(found: Mapping[str, Any], name: str, *wanted: str) -> None:
    """Return nothing when a processor made what its model needs, else raise.

    Raises:
        ModelError: something is missing.
    """
    missing = [one for one in wanted if one not in found]
    if missing:
        raise ModelError(
            f"{name}'s processor made {', '.join(found)}; expected {', '.join(missing)}, too. "
            "Install the transformers that the extra `models` asks for."
        )
