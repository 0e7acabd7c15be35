"""Documents: listed, looked at, deleted."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from latelight.app.contents import ListedDocument
from latelight.app.stats import StoredDocument
from latelight.server import shapes
from latelight.server.etags import etag_of, matches
from latelight.server.json_answers import json_answer
from latelight.server.paging import cursor_of, key_in, page
from latelight.server.problems import Refusal
from latelight.server.requests import Delete
from latelight.server.routes.common import A_PAGE, IN, Cursor, Limit, answered, target_of
from latelight.server.routing import Route, operation
from latelight.server.service import service_of
from latelight.types import Document

router = APIRouter(prefix="/v1", route_class=Route, tags=["documents"])
ONE = f"{IN}/documents/{{doc_id}}"


@router.get(
    f"{IN}/documents",
    response_model=shapes.DocumentPage,
    **operation("list_documents", scope="read"),
)
async def list_documents(
    request: Request, namespace: str, collection: str, limit: Limit = A_PAGE, cursor: Cursor = None
) -> Response:
    """Return documents by ascending id; every page goes on behind the one before."""

    def make() -> dict[str, Any]:
        key = key_in(cursor, str)
        after = "" if key is None else key[0]
        found = target_of(request).list_documents(after=after, limit=limit + 1)
        shown = found[:limit]
        following = cursor_of(shown[-1].document.doc_id) if len(found) > limit else None
        return page([_listed(one) for one in shown], following)

    return await answered(service_of(request).looking, make)


@router.get(
    ONE,
    response_model=shapes.FullDocument,
    **operation("get_document", scope="read", answers={304: {"description": "As before"}}),
)
async def get_document(request: Request, namespace: str, collection: str, doc_id: str) -> Response:
    """Return a document with its units."""

    def make() -> Response:
        target = target_of(request)
        stored = target.get(doc_id)
        tag = etag_of(target, stored.document)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if matches(request.headers.get("if-none-match"), tag):
            return Response(None, 304, headers)
        return json_answer(_full(stored), headers=headers)

    return await service_of(request).looking.run(make)


@router.delete(
    ONE,
    status_code=204,
    **operation("delete_document", scope="write", changes=True, also=(412,)),
)
async def delete_document(
    request: Request, namespace: str, collection: str, doc_id: str
) -> Response:
    """Delete a document, with `If-Match` only as it was when it was looked at."""
    expected = request.headers.get("if-match")
    await service_of(request).writing.run(_deleted, request, doc_id, expected)
    return Response(status_code=204)


@router.post(
    f"{IN}/documents/delete",
    response_model=shapes.Deleted,
    **operation("delete_documents", scope="write", body="json", changes=True),
)
async def delete_documents(
    request: Request, namespace: str, collection: str, asked: Delete
) -> Response:
    """Delete several documents; those that are not there are passed over."""
    return await answered(
        service_of(request).writing,
        lambda: {"deleted": target_of(request).delete(asked.doc_ids)},
    )


def _deleted(request: Request, doc_id: str, expected: str | None) -> None:
    target = target_of(request)

    def check(document: Document) -> None:
        if expected is None or matches(expected, etag_of(target, document)):
            return
        raise Refusal(
            412,
            "precondition_failed",
            f"Document {doc_id!r} is no longer as it was looked at.",
            "Look at it again, and decide anew.",
        )

    target.delete_checked(doc_id, check)


def _listed(one: ListedDocument) -> dict[str, Any]:
    return _told(one.document, one.n_units)


def _full(stored: StoredDocument) -> dict[str, Any]:
    units = [unit.to_dict() for unit in stored.units]
    return {**_told(stored.document, len(units)), "units": units}


def _told(document: Document, n_units: int) -> dict[str, Any]:
    return {**document.to_dict(), "n_units": n_units}
