"""What routes share."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from latelight.app import Collection
from latelight.server.json_answers import encoded
from latelight.server.paging import DEFAULT_LIMIT, MAX_LIMIT
from latelight.server.pools import Pool
from latelight.server.service import service_of

IN = "/namespaces/{namespace}/collections/{collection}"
"""Where everything of a collection is, below `/v1`."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items of a page at most.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="Of an earlier page.")]
A_PAGE = DEFAULT_LIMIT


def target_of(request: Request) -> Collection:
    """Return the collection that a path names; looks at the disk the first time.

    Raises:
        NotFoundError: it is not there.
    """
    params = request.path_params
    return service_of(request).collection(params["namespace"], params["collection"])


async def answered(
    pool: Pool,
    make: Callable[[], Any],
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return what a call in a thread makes, which also writes it as JSON."""
    body = await pool.run(lambda: encoded(make()))
    return Response(body, status, headers, "application/json")
