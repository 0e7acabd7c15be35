"""Versions made without a release: filled from the documents that are there, and told."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from latelight.app.collection import Collection
from latelight.app.library import Library
from latelight.errors import ReleaseStateError
from latelight.pipelines.lock import parse_lock
from latelight.pipelines.progress import Watch, watch_nothing
from latelight.pipelines.spec import PipelineSpec, parse_spec
from latelight.releases.catalog import Generation
from latelight.releases.generations import LeftOut


@dataclass(frozen=True)
class Made:
    """A version that was made.

    Attributes:
        digest: of its spec and lock.
        name: of its pipeline.
        is_filled: whether it holds every document by now, and may answer.
        n_documents: that it holds.
        left_out: documents that its pipeline cannot read.
    """

    digest: str
    name: str
    is_filled: bool
    n_documents: int
    left_out: tuple[LeftOut, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        own = {name: getattr(self, name) for name in ("digest", "name", "is_filled", "n_documents")}
        return {**own, "left_out": [vars(one) for one in self.left_out]}


@dataclass(frozen=True)
class VersionShown:
    """One version of a collection, whole.

    Attributes:
        collection: whose.
        digest: names it.
        aliases: that point at it.
        created_at: seconds since 1970-01-01 UTC.
        spec, lock: as JSON values.
    """

    collection: str
    digest: str
    aliases: tuple[str, ...]
    created_at: float
    spec: Mapping[str, Any]
    lock: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return vars(self) | {"aliases": list(self.aliases)}

    def remarks(self) -> list[str]:
        """Return what a person wants to know beside the spec, a line each."""
        made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.created_at))
        lines = [f"{self.collection}@{self.digest}, made {made}"]
        lines += [f"aliases: {', '.join(self.aliases) or 'none'}", "lock:"]
        for space, lock in self.lock["encoders"].items():
            lines.append(f"  {space}: {lock['name']} {lock['version']}, {lock['dim']} dims")
            lines += [f"    {file}: sha256 {digest}" for file, digest in lock["weights"].items()]
            lines += [f"    {name}: {value}" for name, value in lock["rendering"].items()]
            golden = sha256(lock["golden"].encode()).hexdigest()
            lines.append(f"    golden rows: sha256 {golden[:16]} of their base64")
        told = (("extractors", "version"), ("libraries", "as installed then"))
        for part, what in told:
            values = ", ".join(f"{name} {value}" for name, value in self.lock[part].items())
            lines.append(f"  {part} ({what}): {values}")
        lines.append(f"  analyzer: {self.lock['analyzer']}")
        return lines


def make_version(
    target: Collection, pipeline: str | Path | PipelineSpec, progress: Watch = watch_nothing
) -> Made:
    """Make a version beside the live one and fill it; the same again goes on where it was.

    Its alias is `candidate`, as a release's: one that begins with the same pipeline takes it over.

    Raises:
        NotFoundError, SettingError: there is no such pipeline, or it is not valid.
        ReleaseStateError: it is the live one, or there is another candidate.
        JobRunningError: another process is filling it.
    """
    version = target.begin_candidate(pipeline)
    target.backfill(progress=progress)
    versions = target._versions
    opened = versions.open(version)
    return Made(
        digest=version.digest,
        name=opened.spec.name,
        is_filled=versions.standing().serves(version.digest),
        n_documents=opened.store.snapshot().n_documents,
        left_out=tuple(versions.notes.left_out(version.store)),
    )


def retire_version(target: Collection, which: str) -> Generation:
    """Remove a version that is neither live nor a release's or an experiment's, with its index.

    Raises:
        NotFoundError: there is not exactly one such version.
        ReleaseStateError: something needs it.
    """
    version, release = target.version(which), target._versions.now().release
    named = () if release is None or release.has_ended else (release.live, release.candidate)
    if release is not None and version.digest in named and version.digest != target.digest:
        raise ReleaseStateError(
            f"Version {version.digest} is of release {release.release_id}, which is "
            f"{release.state}; end that (`latelight release abort` or `rollback`) and use "
            "`latelight release retire`."
        )
    target.retire(version.digest)
    return version


def shown_version(library: Library, name: str, namespace: str) -> VersionShown:
    """Return what `COLLECTION@VERSION` names, whole.

    Raises:
        NotFoundError: there is no such collection, or not exactly one such version.
    """
    collection, _, which = name.rpartition("@")
    found = library.generation(collection, which, namespace=namespace)
    aliases = library.collection(collection, namespace=namespace).aliases()
    return VersionShown(
        collection,
        found.digest,
        tuple(_aliases(aliases, found.digest)),
        found.created_at,
        msgspec.to_builtins(parse_spec(found.spec, origin=name)),
        msgspec.to_builtins(parse_lock(found.lock)),
    )


def versions_of(target: Collection) -> list[dict[str, Any]]:
    """Return a collection's versions as JSON values, oldest first."""
    standing = target._versions.standing()
    return [
        {
            "digest": one.digest,
            "aliases": _aliases(standing.aliases, one.digest),
            "pipeline": parse_spec(one.spec).name,
            "is_filled": standing.serves(one.digest),
            "created_at": one.created_at,
        }
        for one in standing.versions.values()
    ]


def _aliases(aliases: Mapping[str, str], digest: str) -> list[str]:
    return sorted(name for name, pointed_at in aliases.items() if pointed_at == digest)
