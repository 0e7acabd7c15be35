"""Pipeline versions by the names that people give them, and what lies between two."""

from dataclasses import dataclass
from pathlib import Path

from latelight.app.engine import build_encoders, check_choices, lock_for
from latelight.app.library import Library
from latelight.errors import NotFoundError
from latelight.pipelines.lock import PipelineLock, parse_lock
from latelight.pipelines.spec import PipelineSpec, load_spec, parse_stored
from latelight.releases.difference import Steps, steps_between


@dataclass(frozen=True)
class Version:
    """A pipeline, and its lock where a generation was made under it."""

    name: str
    spec: PipelineSpec
    lock: PipelineLock | None = None


def is_of_collection(name: str) -> bool:
    """Return whether a name means a version of a collection: `reports@live`, `reports@3f2a`."""
    return "@" in name and not Path(name).exists()


def find_version(name: str, library: Library | None = None, namespace: str = "default") -> Version:
    """Return a preset, a YAML file's pipeline, or what `collection@alias` or `@digest` names.

    Args:
        name: which one; of a digest the beginning is enough.
        library: holds the collections; None when only presets and files are meant.
        namespace: of the collection.

    Raises:
        NotFoundError: nothing has that name.
        SettingError: the file is no valid pipeline, or says what would change nothing.
    """
    if library is None or not is_of_collection(name):
        spec = _own_spec(name)
        check_choices(spec)
        return Version(name, spec)
    collection, _, which = name.rpartition("@")
    found = library.generation(collection, which, namespace=namespace)
    return Version(name, parse_stored(found.spec, origin=name), parse_lock(found.lock))


def _own_spec(name: str) -> PipelineSpec:
    """Return a preset or a file's pipeline, with a hint where a collection may be meant."""
    try:
        return load_spec(name)
    except NotFoundError as error:
        raise NotFoundError(
            f"{error} A collection's version is named with its alias or digest: {name}@live."
        ) from error


def difference(a: Version, b: Version, library: Library | None = None) -> Steps:
    """Return what has to be run again for `b` where there is `a`.

    Beside a generation, a pipeline that has none is taken as this machine would make it now, which
    loads its encoders.

    Raises:
        ModelError: weights are missing.
    """
    if library is not None and (a.lock is None) != (b.lock is None):
        a, b = _locked(a, library), _locked(b, library)
    return steps_between(a.spec, a.lock, b.spec, b.lock)


def _locked(version: Version, library: Library) -> Version:
    if version.lock is not None:
        return version
    encoders = build_encoders(version.spec, library.settings)
    lock = lock_for(encoders, version.spec, library.settings)
    return Version(version.name, version.spec, lock)
