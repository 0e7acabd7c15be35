"""Files as they came, pages as they look, and heat maps."""

from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from latelight.app import Collection
from latelight.errors import UnsupportedMediaError
from latelight.server.etags import matches
from latelight.server.idempotency import digest_of
from latelight.server.pictures import as_png
from latelight.server.problems import Refusal
from latelight.server.routes.common import target_of
from latelight.server.routes.documents import ONE
from latelight.server.routing import Route, operation
from latelight.server.service import Service, service_of
from latelight.server.uploads import plain_name

router = APIRouter(prefix="/v1", route_class=Route, tags=["documents"])
UNIT = f"{ONE}/units/{{unit_id}}"
INLINE = ("audio/", "video/")
INLINE_PICTURES = ("image/png", "image/jpeg")
_PICTURE: dict[int, dict[str, Any]] = {
    200: {"description": "A picture", "content": {"image/png": {"schema": {"type": "string"}}}},
    304: {"description": "As before"},
}
_BYTES: dict[int, dict[str, Any]] = {
    200: {"description": "The bytes", "content": {"*/*": {}}},
    206: {"description": "A part of them", "content": {"*/*": {}}},
}


@router.get(
    f"{ONE}/original",
    response_class=Response,
    **operation("get_original", scope="read", answers=_BYTES, also=(400, 416)),
)
async def get_original(
    request: Request,
    namespace: str,
    collection: str,
    doc_id: str,
    inline: Annotated[bool, Query(description="Shown by browsers where that is safe.")] = False,
) -> Response:
    """Return a document's file as it came."""
    service = service_of(request)
    return await service.looking.run(_original, request, doc_id, inline=inline)


@router.get(
    f"{UNIT}/preview",
    response_class=Response,
    **operation("get_preview", scope="read", answers=_PICTURE),
)
async def get_preview(
    request: Request,
    namespace: str,
    collection: str,
    doc_id: str,
    unit_id: str,
    width: Annotated[int, Query(ge=16, le=2000, description="Pixels at most.")] = 320,
) -> Response:
    """Return a unit's page, picture or frame, or the spectrogram of sound."""
    service = service_of(request)
    return await service.looking.run(_preview, service, request, (doc_id, unit_id), width)


@router.get(
    f"{UNIT}/heatmap.png",
    response_class=Response,
    **operation("get_heatmap", scope="read", answers=_PICTURE),
)
async def get_heatmap(  # noqa: PLR0913, PLR0917  the path's parts
    request: Request,
    namespace: str,
    collection: str,
    doc_id: str,
    unit_id: str,
    text: Annotated[str, Query(min_length=1, max_length=4_000, description="The query.")],
    token: Annotated[str | None, Query(max_length=1000, description="One word of it.")] = None,
) -> Response:
    """Return a unit's page with the places lit that answer a query."""

    def make() -> Response:
        hits = target_of(request).explain(text, doc_id, unit_id=unit_id)
        picture = hits[0].heatmap(token).to_png()
        return Response(picture, 200, {"Cache-Control": "private, no-store"}, "image/png")

    return await service_of(request).searches.run(make)


def _original(request: Request, doc_id: str, *, inline: bool) -> Response:
    target = target_of(request)
    document = target.get(doc_id).document
    path = target.original(document.doc_id)
    kind: Literal["inline", "attachment"] = "attachment"
    media_type = "application/octet-stream"
    if inline and _is_safe(document.media_type):
        kind, media_type = "inline", document.media_type
    name = quote(plain_name(document.source), safe="")
    headers = {
        "Content-Disposition": f"{kind}; filename*=UTF-8''{name}",
        "Cache-Control": "private, no-cache",
    }
    return FileResponse(path, headers=headers, media_type=media_type)


def _is_safe(media_type: str) -> bool:
    return media_type.startswith(INLINE) or media_type in INLINE_PICTURES


def _preview(service: Service, request: Request, unit: tuple[str, str], width: int) -> Response:
    target = target_of(request)
    document = target.get(unit[0]).document
    place = (target.namespace, target.name, target.digest, document.sha256, *unit, str(width))
    tag = f'"{digest_of(*place)[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(None, 304, headers)
    picture = service.pictures.get(place, partial(_drawn, target, unit, width))
    return Response(picture, 200, headers, "image/png")


def _drawn(target: Collection, unit: tuple[str, str], width: int) -> bytes:
    try:
        return as_png(target.preview(*unit), width)
    except UnsupportedMediaError as error:
        raise Refusal(404, "unsupported_media", str(error)) from error
