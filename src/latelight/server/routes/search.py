"""Searching: by text, many at once, by picture, by a stored unit; and why a unit matches."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from latelight.app import Collection
from latelight.app.hits import Hits
from latelight.app.view import View
from latelight.errors import InputError, UnsupportedMediaError
from latelight.extractors.detect import detect_media_type
from latelight.extractors.pictures import FORMATS
from latelight.pipelines.items import Upload
from latelight.server import shapes
from latelight.server.hits_json import answer_of, explanation_of
from latelight.server.requests import Compare, Explain, Search, SearchBatch, SearchOptions, Similar
from latelight.server.routes.common import IN, answered, target_of
from latelight.server.routing import Route, operation
from latelight.server.service import Service, caller_of, service_of
from latelight.server.specs import check_models, check_names
from latelight.server.together import Asked, stage_times
from latelight.server.uploads import invalid, read_form
from latelight.types import Source

router = APIRouter(prefix="/v1", route_class=Route, tags=["search"])
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "string", "format": "binary"},
                        "search": {"type": "string", "description": "JSON of a Search, no text."},
                    },
                }
            }
        },
    }
}


@router.post(
    f"{IN}/search",
    response_model=shapes.Answer,
    **operation("search", scope="read", body="json"),
)
async def search(request: Request, namespace: str, collection: str, asked: Search) -> Response:
    """Return the best units for a text, best first."""
    if asked.version is not None or asked.pipeline is not None:
        return await _searched(request, asked, lambda target: _in_view(target, asked))
    service = service_of(request)
    one = Asked((namespace, collection), asked.text, asked.key, options_of(asked), asked.profile)
    with service.searching.one(caller_of(request).name):
        body = await service.together.search(one)
    return Response(body, 200, None, "application/json")


@router.post(
    f"{IN}/search/batch",
    response_model=shapes.Answers,
    **operation("search_batch", scope="read", body="json"),
)
async def search_batch(
    request: Request, namespace: str, collection: str, asked: SearchBatch
) -> Response:
    """Return the answers of several texts, in order, all from one state of the collection."""
    service = service_of(request)

    def make() -> dict[str, Any]:
        target, began = target_of(request), time.perf_counter()
        view, options = view_of(target, asked), options_of(asked)
        if view is not None:
            found = view.search_batch(asked.texts, **options)
        else:
            found = target.search_batch(asked.texts, key=asked.key, **options)
        took_ms = 1000 * (time.perf_counter() - began) / len(found)
        for hits in found:
            service.metrics.searched(hits)
        shown = {"explain": asked.explain, "profile": asked.profile}
        return {"answers": [answer_of(hits, took_ms, **shown) for hits in found]}

    with service.searching.one(caller_of(request).name):
        return await answered(service.searches, make)


@router.post(
    f"{IN}/search/image",
    response_model=shapes.Answer,
    **operation("search_image", scope="read", body="image", extra=_FORM),
)
async def search_image(request: Request, namespace: str, collection: str) -> Response:
    """Return the best units for a picture, by what it looks like and the words on it."""
    service = service_of(request)
    with service.incoming.folder() as folder:
        form = await read_form(request, folder, service.writing)
        images = form.uploads("image")
        if len(images) != 1:
            raise invalid(f"There are {len(images)} pictures, expected one", "Send one `image`.")
        asked = _options(form.fields.get("search", "{}"))
        picture = await service.looking.run(_picture, images[0])

    def look(target: Collection) -> Hits:
        view = view_of(target, asked)
        if view is not None:
            return view.search(image=picture, **options_of(asked))
        return target.search(image=picture, key=asked.key, **options_of(asked))

    return await _searched(request, asked, look)


@router.post(
    f"{IN}/similar",
    response_model=shapes.Answer,
    **operation("similar", scope="read", body="json"),
)
async def similar(request: Request, namespace: str, collection: str, asked: Similar) -> Response:
    """Return the units most like a stored one, or like a region, words or seconds of it."""
    unread = {"profile", "doc_id", "unit_id", "version", "pipeline"}
    own = asked.model_dump(exclude=unread)

    def look(target: Collection) -> Hits:
        return (view_of(target, asked) or target).similar(asked.doc_id, asked.unit_id, **own)

    return await _searched(request, asked, look)


@router.post(
    f"{IN}/documents/{{doc_id}}/units/{{unit_id}}/explain",
    response_model=shapes.Explanation,
    **operation("explain_unit", scope="read", body="json"),
)
async def explain_unit(
    request: Request, namespace: str, collection: str, doc_id: str, unit_id: str, asked: Explain
) -> Response:
    """Return why a unit matches, or does not: evidence, and every stored row of it."""

    def make() -> dict[str, Any]:
        target = target_of(request)
        view = view_of(target, asked) or target.view()
        hits = view.explain(asked.text, doc_id, unit_id=unit_id, mode=asked.mode)
        return explanation_of(hits[0])

    return await answered(service_of(request).searches, make)


@router.post(
    f"{IN}/documents/{{doc_id}}/explain",
    response_model=shapes.Answer,
    **operation("explain_document", scope="read", body="json"),
)
async def explain_document(
    request: Request, namespace: str, collection: str, doc_id: str, asked: Explain
) -> Response:
    """Return every unit of a document with its evidence, best first, however it ranks."""

    def make() -> dict[str, Any]:
        began = time.perf_counter()
        target = target_of(request)
        view = view_of(target, asked) or target.view()
        hits = view.explain(asked.text, doc_id, mode=asked.mode)
        took_ms = 1000 * (time.perf_counter() - began)
        return answer_of(hits, took_ms, explain=True, profile=False)

    return await answered(service_of(request).searches, make)


@router.post(
    f"{IN}/compare",
    response_model=shapes.Comparison,
    **operation("compare_versions", scope="read", body="json"),
)
async def compare_versions(
    request: Request, namespace: str, collection: str, asked: Compare
) -> Response:
    """Return what moved between two versions on one query, and why."""

    def make() -> dict[str, Any]:
        own = asked.model_dump(exclude={"text", "a", "b"})
        return target_of(request).explain_difference(asked.text, asked.a, asked.b, **own).to_dict()

    return await answered(service_of(request).searches, make)


def view_of(target: Collection, asked: SearchOptions | Similar | Explain) -> View | None:
    """Return the version, or the trial of a pipeline, that is to answer; None for the live one.

    Raises:
        NotFoundError, ReleaseStateError: there is no such version, or it is not filled yet.
        InputError, SettingError: the pipeline is not valid, or differs in more than searches.
    """
    if asked.version is None and asked.pipeline is None:
        return None
    view = target.view(asked.version or "live", pipeline=asked.pipeline)
    if asked.pipeline is not None:
        check_names(view.spec)
        check_models(view.spec, view.settings)
    return view


def _in_view(target: Collection, asked: Search) -> Hits:
    view = view_of(target, asked)
    assert view is not None
    return view.search(asked.text, **options_of(asked))


def options_of(asked: SearchOptions) -> dict[str, Any]:
    """Return what `Collection.search` and `search_batch` take."""
    names = ("k", "filter", "group_by", "explain", "exact", "mode", "recall")
    return {name: getattr(asked, name) for name in names}


async def _searched(
    request: Request, asked: SearchOptions | Similar, look: Callable[[Collection], Hits]
) -> Response:
    service = service_of(request)

    def make() -> dict[str, Any]:
        return _found(service, target_of(request), asked, look)

    with service.searching.one(caller_of(request).name):
        return await answered(service.searches, make)


def _found(
    service: Service,
    target: Collection,
    asked: SearchOptions | Similar,
    look: Callable[[Collection], Hits],
) -> dict[str, Any]:
    began = time.perf_counter()
    with service.tracer.span("search") as span:
        hits = look(target)
        span.tell(stage_times(hits))
    took_ms = 1000 * (time.perf_counter() - began)
    service.metrics.searched(hits)
    return answer_of(hits, took_ms, explain=asked.explain, profile=asked.profile)


def _picture(given: Upload) -> bytes:
    """Return a picture's bytes; nothing else is read within the server's own process.

    Raises:
        UnsupportedMediaError: it is none.
    """
    data = given.path.read_bytes()
    media_type = detect_media_type(Source(given.name, data))
    if media_type not in FORMATS:
        raise UnsupportedMediaError(
            f"{given.name}: is {media_type}, expected a picture ({', '.join(sorted(FORMATS))}); "
            "search for its text instead."
        )
    return data


def _options(text: str) -> SearchOptions:
    """Return the options that come as a field of a form.

    Raises:
        InputError: they are not such.
    """
    try:
        return SearchOptions.model_validate(msgspec.json.decode(text))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"search.{place}: {first['msg']}; see the fields of Search.") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"The field 'search' is not JSON ({error}).") from error
