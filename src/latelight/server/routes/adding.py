"""Adding: files as they stream in, or records; both become a job."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from latelight.app.job import Job
from latelight.errors import InputError
from latelight.pipelines.items import Upload
from latelight.pipelines.records import names_a_file
from latelight.server import shapes
from latelight.server.idempotency import HEADER, digest_of, once
from latelight.server.job_json import job_of
from latelight.server.json_answers import encoded, json_answer
from latelight.server.limits import too_large
from latelight.server.requests import Records
from latelight.server.routes.common import IN, target_of
from latelight.server.routing import Route, operation, use_of
from latelight.server.service import Service, caller_of, service_of
from latelight.server.uploads import Form, invalid, read_form

router = APIRouter(prefix="/v1", route_class=Route, tags=["documents"])
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        },
                        "metadata": {"type": "string", "description": "A JSON object."},
                        "doc_id": {"type": "string", "description": "Of a single file."},
                    },
                }
            },
            "application/json": {"schema": {"$ref": "#/components/schemas/Records"}},
        },
    }
}
Addable = Sequence[Upload] | Sequence[dict[str, Any]]


@router.post(
    f"{IN}/documents",
    status_code=202,
    response_model=shapes.JobShape,
    **operation("add_documents", scope="write", body="upload", changes=True, extra=_BODY),
)
async def add_documents(request: Request, namespace: str, collection: str) -> Response:
    """Take files or records, durably, and return the job that adds them."""
    service = service_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    await service.looking.run(target_of, request)  # before anything large is taken
    if kind == "multipart/form-data":
        with service.incoming.folder() as folder:
            form = await read_form(request, folder, service.writing)
            files, metadata = _files(form)
            parts = [part for one in files for part in (one.name, one.sha256)]
            doc_id = form.fields.get("doc_id", "")
            asked = digest_of(encoded(metadata), doc_id, *parts)
            return await _added(request, asked, files, metadata, doc_id)
    if kind != "application/json":
        raise invalid(f"The body is {kind or 'of no type'}, expected files or records")
    body = await _json_body(service, request)
    given = _records(body)
    return await _added(request, digest_of(body), given.records, given.metadata, "")


async def _added(
    request: Request, asked: str, what: Addable, metadata: dict[str, Any], doc_id: str
) -> Response:
    service, key = service_of(request), request.headers.get(HEADER)

    def begin() -> Response:
        job = target_of(request).prepare(list(what), metadata=metadata, doc_id=doc_id)
        service.runner.submit(job, Job.resume)
        told = job_of(service, service.library.job_summary(job.id))
        return json_answer(told, 202, {"Location": f"/v1/jobs/{job.id}"})

    async def work() -> Response:
        return await service.writing.run(begin)

    if key is None:
        return await work()
    return await once(service, (caller_of(request), key, use_of(request)), asked, work)


def _files(form: Form) -> tuple[list[Upload], dict[str, Any]]:
    files = form.uploads("files")
    if not files:
        raise invalid("There is no file in the body", "Send at least one as `files`.")
    names = [one.name for one in files]
    twice = next((name for name, n in Counter(names).items() if n > 1), None)
    if twice is not None:
        raise invalid(
            f"Several files are called {twice!r}: the last one would replace the others",
            "Give them different names, or send them one after the other with a `doc_id`.",
        )
    unknown = sorted(set(form.fields) - {"metadata", "doc_id"})
    if unknown:
        raise invalid(f"Unknown field {unknown[0]!r}", "Known: files, metadata, doc_id.")
    return files, _object(form.fields.get("metadata", "{}"))


def _object(text: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"The field 'metadata' is not JSON ({error}).") from error
    if not isinstance(value, dict):
        raise InputError("The field 'metadata' has to be a JSON object, such as {\"year\": 2023}.")
    return value


async def _json_body(service: Service, request: Request) -> bytes:
    most = service.config.max_json_bytes
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise too_large(most)
    return bytes(body)


def _records(body: bytes) -> Records:
    try:
        given = Records.model_validate(msgspec.json.decode(body))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{place}: {first['msg']}. See docs/http.md for records.") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"The body is not JSON ({error}).") from error
    for number, record in enumerate(given.records):
        if names_a_file(record):
            raise InputError(
                f"records.{number} names a 'path', which would be a file of the server; send the "
                "file itself as multipart/form-data."
            )
    return given
