"""Spans: named by routes, joined to the caller's, without anything of documents in them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from latelight.app import Library
from latelight.server.app import create_app
from latelight.server.tracing import ENDPOINTS, OpenTelemetry, make_tracer, no_tracer
from tests.server.conftest import NOTES, RECORDS

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
ROUTE = "/v1/namespaces/{namespace}/collections/{collection}"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(library: Library, exporter: InMemorySpanExporter) -> Iterator[TestClient]:
    library.collection("notes", create=True).add(RECORDS)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(library, tracer=OpenTelemetry(provider))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def _spans(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return list(exporter.get_finished_spans())


def test_a_search_is_a_span_within_its_request(
    traced: TestClient, exporter: InMemorySpanExporter
) -> None:
    traced.post(f"{NOTES}/search", json={"text": "refitted ferry"}, headers=CALLER)
    search, request = _spans(exporter)
    assert (search.name, request.name) == ("search", f"POST {ROUTE}/search")
    assert request.context is not None and request.parent is not None
    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == SPAN
    assert search.parent is not None and search.parent.span_id == request.context.span_id
    assert request.attributes is not None and search.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert search.attributes["latelight.searches"] == 1
    assert "latelight.encode_ms" in search.attributes


def test_no_query_id_or_text_is_in_a_span(
    traced: TestClient, exporter: InMemorySpanExporter
) -> None:
    traced.post(f"{NOTES}/search", json={"text": "refitted"})
    traced.post(f"{NOTES}/search", json={"text": "refitted", "filter": {"$refitted": 1}})
    traced.post(f"{NOTES}/search", json={"text": "refitted", "version": "refitted"})
    traced.get(f"{NOTES}/documents/ferry/units/p1/heatmap.png", params={"text": "refitted"})
    traced.get(f"{NOTES}/documents/ferry")
    spans = _spans(exporter)
    assert len(spans) == 8  # three of the requests came as far as searching
    told = " ".join(span.to_json() for span in spans)
    assert "refitted" not in told
    assert "ferry" not in told


def test_what_fails_is_told_by_its_kind(
    traced: TestClient, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise ZeroDivisionError("refitted")

    monkeypatch.setattr("latelight.app.Collection.search", broken)
    assert traced.post(f"{NOTES}/search", json={"text": "oil"}).status_code == 500
    search, request = _spans(exporter)
    assert search.attributes is not None and request.attributes is not None
    assert search.attributes["error.type"] == "ZeroDivisionError"
    assert request.attributes["error.type"] == "500"
    assert not search.status.is_ok and not request.status.is_ok
    assert not search.events


def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        monkeypatch.setenv(ENDPOINTS[0], f"http://127.0.0.1:{server.server_port}")
        tracer = make_tracer()
        with tracer.span("search"):
            pass
        tracer.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    (sent,) = ExportTraceServiceRequest.FromString(bodies[0]).resource_spans
    assert sent.scope_spans[0].spans[0].name == "search"
    named = {one.key: one.value.string_value for one in sent.resource.attributes}
    assert named["service.name"] == "latelight"


def test_without_an_endpoint_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert make_tracer() is no_tracer
    with no_tracer.span("search") as span:
        span.tell({"a": 1})
        span.is_request("GET", "/", 200)
