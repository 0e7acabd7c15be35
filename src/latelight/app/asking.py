"""Versions by the names that people give them, and searches of one of them."""

from typing import Any

from latelight.app.hits import Hits
from latelight.app.opened import Versions
from latelight.app.similar import SearchOptions
from latelight.errors import NotFoundError, ReleaseStateError
from latelight.pipelines.request import SearchRequest
from latelight.releases.catalog import Generation
from latelight.releases.generations import Standing


def version_named(standing: Standing, which: str, collection: str) -> Generation:
    """Return a version by an alias, its digest, or the digest's beginning.

    Raises:
        NotFoundError: there is not exactly one such version.
    """
    digest = standing.aliases.get(which, which)
    if digest in standing.versions:
        return standing.versions[digest]
    found = [one for name, one in standing.versions.items() if digest and name.startswith(digest)]
    if len(found) != 1:
        raise NotFoundError(
            f"{which!r} names {len(found)} versions of collection {collection!r}; give an alias "
            f"({', '.join(standing.aliases)}) or a digest ({', '.join(standing.versions)})."
        )
    return found[0]


def search_in(versions: Versions, version: Generation, text: str, options: SearchOptions) -> Hits:
    """Return the hits of one version; errors as `Collection.search_version`."""
    if not versions.standing().serves(version.digest):
        raise ReleaseStateError(
            f"Version {version.digest} is not filled yet; let its backfill end first (`latelight "
            "release step`)."
        )
    opened, given = versions.open(version), dict[str, Any](options)
    if given.get("k") is None:
        given["k"] = opened.spec.search.k
    return opened.search([SearchRequest(text, **given)])[0]
