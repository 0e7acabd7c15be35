"""The contract: every route of it, as it is meant to be used."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from latelight.app import Library
from latelight.testing.files import text_pdf
from tests.server.conftest import NOTES, RECORDS, Serve


def wait(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    """Follow a job's events to its end; return it."""
    with client.stream("GET", f"/v1/jobs/{job['job_id']}/events") as stream:
        lines = [line for line in stream.iter_lines() if line]
    assert lines[-2] == "event: ended"
    told: dict[str, Any] = client.get(f"/v1/jobs/{job['job_id']}").json()
    return told


def uploaded(client: TestClient, *files: tuple[str, bytes], **form: str) -> dict[str, Any]:
    parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
    answer = client.post(f"{NOTES}/documents", files=parts, data=form)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{told['job_id']}"
    return told


@pytest.fixture
def made(client: TestClient) -> TestClient:
    assert client.put(NOTES, json={}).status_code == 201
    return client


def test_a_collection_is_made_once(client: TestClient) -> None:
    first = client.put(NOTES, json={"pipeline": "default"})
    assert (first.status_code, first.json()["n_documents"]) == (201, 0)
    assert client.put(NOTES, json={}).status_code == 200
    other = client.put(NOTES, json={"pipeline": {"name": "mine", "search": {"k": 3}}})
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert client.get(NOTES).json()["spec"]["name"] == "default"
    listed = client.get("/v1/namespaces/default/collections").json()
    assert [one["name"] for one in listed["items"]] == ["notes"]
    assert client.get("/v1/namespaces").json()["items"] == [{"name": "default"}]
    assert client.delete(NOTES).status_code == 204
    assert client.get(NOTES).status_code == 404


def test_files_become_documents_under_their_own_names(made: TestClient, library: Library) -> None:
    job = uploaded(
        made,
        ("ferry.txt", b"The ferry was refitted."),
        ("../../plan.pdf", text_pdf("The harbour plan of 1936.")),
        metadata='{"year": 2023}',
    )
    assert job["state"] in ("waiting", "running", "done")
    ended = wait(made, job)
    assert (ended["state"], ended["n_failures"], ended["progress"]["n_added"]) == ("done", 0, 2)
    items = made.get(f"{NOTES}/documents").json()["items"]
    assert sorted(one["source"] for one in items) == ["ferry.txt", "plan.pdf"]
    assert all(one["metadata"]["year"] == 2023 for one in items)
    assert not list((library.root / "incoming").rglob("*.txt"))
    assert not list((library.root / "ns").rglob("jobs/*/uploads/*"))


def test_failures_are_told_and_tried_again(made: TestClient) -> None:
    job = wait(made, uploaded(made, ("bad.pdf", b"%PDF-1.7 no"), ("a.txt", b"A lamp.")))
    assert (job["state"], job["n_failures"], job["progress"]["n_added"]) == ("done", 1, 1)
    (failure,) = made.get(f"/v1/jobs/{job['job_id']}/failures").json()["items"]
    assert failure["source"] == "bad.pdf"
    again = wait(made, made.post(f"/v1/jobs/{job['job_id']}/retry").json())
    assert again["n_failures"] == 1
    assert made.get("/v1/jobs").json()["items"][0]["job_id"] == job["job_id"]


def test_records_are_added_but_never_files_of_the_server(made: TestClient) -> None:
    answer = made.post(f"{NOTES}/documents", json={"records": RECORDS, "metadata": {"lang": "en"}})
    assert wait(made, answer.json())["progress"]["n_added"] == 3
    stolen = made.post(f"{NOTES}/documents", json={"records": [{"path": "/etc/passwd"}]})
    assert (stolen.status_code, stolen.json()["code"]) == (422, "invalid_input")
    assert "records.0" in stolen.json()["detail"]


def test_pages_of_documents_see_each_once_beside_writes(
    notes: TestClient, library: Library
) -> None:
    first = notes.get(f"{NOTES}/documents", params={"limit": 2}).json()
    assert [one["doc_id"] for one in first["items"]] == ["ferry", "lamp"]
    target = library.collection("notes")
    target.delete(["ferry"])
    target.add([{"id": "a-first", "text": "new"}, {"id": "z-last", "text": "new"}])
    cursor = first["next_cursor"]
    rest = notes.get(f"{NOTES}/documents", params={"limit": 9, "cursor": cursor}).json()
    assert [one["doc_id"] for one in rest["items"]] == ["tram", "z-last"]
    assert rest["next_cursor"] is None
    bad = notes.get(f"{NOTES}/documents", params={"cursor": "no"})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_input")


def test_a_document_is_looked_at_and_deleted_as_it_was(notes: TestClient, library: Library) -> None:
    url = f"{NOTES}/documents/ferry"
    seen = notes.get(url)
    tag = seen.headers["etag"]
    assert seen.json()["units"][0]["kind"] == "passage"
    assert notes.get(url, headers={"If-None-Match": tag}).status_code == 304
    library.collection("notes").add([{"id": "ferry", "text": "The ferry was sold."}])
    changed = notes.delete(url, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["code"]) == (412, "precondition_failed")
    newest = notes.get(url).headers["etag"]
    assert newest != tag
    assert notes.delete(url, headers={"If-Match": newest}).status_code == 204
    assert notes.get(url).json()["code"] == "not_found"
    deleted = notes.post(f"{NOTES}/documents/delete", json={"doc_ids": ["lamp", "nobody"]})
    assert deleted.json() == {"deleted": 1}


def test_ids_may_hold_slashes_and_what_else_people_write(
    notes: TestClient, library: Library
) -> None:
    odd = ["a/b/original", "%2F", "ä ö?#", "units/c0", "日本"]
    library.collection("notes").add([{"id": one, "text": "odd"} for one in odd])
    from urllib.parse import quote

    for one in odd:
        found = notes.get(f"{NOTES}/documents/{quote(one, safe='')}")
        assert (found.status_code, found.json()["doc_id"]) == (200, one)


def test_pictures_and_files_are_served(made: TestClient) -> None:
    data = text_pdf("The harbour plan of 1936.")
    wait(made, uploaded(made, ("plan <1>.pdf", data), doc_id="plan"))
    one = f"{NOTES}/documents/plan"
    original = made.get(f"{one}/original")
    assert original.content == data
    assert original.headers["content-type"] == "application/octet-stream"
    assert original.headers["content-disposition"].startswith("attachment; filename*=UTF-8''plan")
    inline = made.get(f"{one}/original", params={"inline": "true"})
    assert inline.headers["content-type"] == "application/octet-stream"  # a PDF may hold scripts
    part = made.get(f"{one}/original", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"%PDF")
    (unit,) = made.get(one).json()["units"]
    url = f"{one}/units/{unit['unit_id']}"
    preview = made.get(f"{url}/preview", params={"width": 100})
    assert preview.content.startswith(b"\x89PNG")
    tag = preview.headers["etag"]
    headers = {"If-None-Match": tag}
    again = made.get(f"{url}/preview", params={"width": 100}, headers=headers)
    assert again.status_code == 304
    assert made.get(f"{url}/preview", params={"width": 5}).status_code == 422
    heat = made.get(f"{url}/heatmap.png", params={"text": "harbour"})
    assert heat.content.startswith(b"\x89PNG")
    wrong = made.get(f"{url}/heatmap.png", params={"text": "harbour", "token": "zebra"})
    assert wrong.json()["code"] == "invalid_input"


def test_text_alone_has_no_preview(notes: TestClient) -> None:
    none = notes.get(f"{NOTES}/documents/ferry/units/c0/preview")
    assert (none.status_code, none.json()["code"]) == (404, "unsupported_media")
    assert notes.get(f"{NOTES}/documents/ferry/original").status_code == 404


def test_more_like_this_and_why(notes: TestClient) -> None:
    like = notes.post(f"{NOTES}/similar", json={"doc_id": "ferry", "unit_id": "c0", "k": 5})
    assert like.status_code == 200, like.text
    assert "ferry" not in [hit["doc_id"] for hit in like.json()["hits"]]
    url = f"{NOTES}/documents/ferry/units/c0/explain"
    why = notes.post(url, json={"text": "refitted ferry", "mode": "maxsim"}).json()
    assert abs(why["contributions_sum"] - why["score"]) < 1e-4
    (space,) = why["rows"]
    assert [one["token"] for one in space["tokens"]] == ["refitted", "ferry"]
    assert len(space["similarities"][0]) == len(space["places"])
    digest = notes.get(NOTES).json()["digest"]
    asked = {"text": "refitted ferry", "mode": "maxsim"}
    assert notes.post(url, json={**asked, "version": digest}).json()["score"] == why["score"]
    assert notes.post(url, json={**asked, "version": "nobody"}).status_code == 404


def test_many_searches_at_once_are_those_of_one(notes: TestClient) -> None:
    asked = {"k": 2, "mode": "maxsim"}
    batch = notes.post(f"{NOTES}/search/batch", json={"texts": ["oil", "tram"], **asked}).json()
    for text, answer in zip(["oil", "tram"], batch["answers"], strict=True):
        alone = notes.post(f"{NOTES}/search", json={"text": text, **asked}).json()
        assert [h["score"] for h in alone["hits"]] == [h["score"] for h in answer["hits"]]


def test_filters_apply_and_errors_say_what_to_do(notes: TestClient) -> None:
    found = notes.post(f"{NOTES}/search", json={"text": "the", "filter": {"year": 2021}}).json()
    assert [hit["doc_id"] for hit in found["hits"]] == ["tram"]
    for body, code in (
        ({"text": " "}, "invalid_query"),
        ({"text": "a", "filter": {"$no": 1}}, "invalid_filter"),
        ({"text": "a", "k": 0}, "invalid_input"),
        ({"text": "a", "nobody": 1}, "invalid_input"),
    ):
        refused = notes.post(f"{NOTES}/search", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["request_id"] == refused.headers["x-request-id"]
        assert refused.json()["remedy"]


def test_a_picture_is_searched_by_its_words(notes: TestClient) -> None:
    from latelight.testing.files import picture_bytes, text_picture

    picture = picture_bytes(text_picture(["LIGHTHOUSE LAMP"]))
    files = {"image": ("q.png", picture, "image/png")}
    data = {"search": json.dumps({"k": 1, "mode": "bm25"})}
    found = notes.post(f"{NOTES}/search/image", files=files, data=data)
    assert found.status_code == 200, found.text
    assert found.json()["hits"][0]["doc_id"] == "lamp"
    bad = {"image": ("q.png", b"no picture", "image/png")}
    assert notes.post(f"{NOTES}/search/image", files=bad).status_code == 422


def test_a_release_goes_all_the_way_and_back(notes: TestClient) -> None:
    assert notes.get(f"{NOTES}/release").json()["code"] == "not_found"
    plan = {"gate": None, "shadow": None, "interleave": None, "ramp": None}
    spec = {"name": "other", "extract": {"passage_characters": 500}}
    begun = notes.post(f"{NOTES}/release", json={"pipeline": spec, "plan": plan})
    assert begun.status_code == 201, begun.text
    assert begun.json()["release"]["state"] == "build"
    assert notes.post(f"{NOTES}/release/step").status_code == 202
    while (now := notes.get(f"{NOTES}/release").json())["stepping"]:
        pass
    assert now["last_step"]["moved"] is True, now
    assert now["release"]["state"] == "ready"
    aliases = [one["aliases"] for one in notes.get(f"{NOTES}/versions").json()["items"]]
    assert sorted(aliases) == [["candidate"], ["live"]]
    promoted = notes.post(f"{NOTES}/release/promote").json()
    assert promoted["release"]["state"] == "promoted"
    assert notes.get(NOTES).json()["pipeline"] == "other"
    assert notes.post(f"{NOTES}/release/rollback").json()["release"]["state"] == "rolled_back"
    wrong = notes.post(f"{NOTES}/release/promote")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "release_state")
    assert notes.post(f"{NOTES}/release/retire").json()["release"]["state"] == "retired"


def test_an_evaluation_compares_versions_and_may_be_a_gate(notes: TestClient) -> None:
    plan = {"gate": None, "shadow": None, "interleave": None, "ramp": None}
    spec = {"name": "other", "search": {"mode": "bm25"}}
    assert notes.post(f"{NOTES}/release", json={"pipeline": spec, "plan": plan}).status_code == 201
    asked = {
        "queries": {"1": "refitted ferry", "2": "lighthouse oil"},
        "qrels": {"1": {"ferry": 1}, "2": {"lamp": 2}},
        "versions": ["live", "candidate"],
    }
    begun = notes.post(f"{NOTES}/evaluations", json=asked)
    assert begun.status_code == 202, begun.text
    url = f"{NOTES}/evaluations/{begun.json()['evaluation_id']}"
    while (now := notes.get(url).json())["state"] in ("waiting", "running"):
        pass
    assert now["state"] == "done", now
    assert set(now["result"]["records"]) == {"live", "candidate"}
    assert now["result"]["n_topics"] == 2
    report = notes.get(f"{url}/report")
    assert report.headers["content-security-policy"].startswith("sandbox")
    assert report.text.startswith("<!doctype html>")
    listed = notes.get(f"{NOTES}/evaluations").json()["items"]
    assert [one["state"] for one in listed] == ["done"]
    elsewhere = notes.post(f"{NOTES}/evaluations", json={**asked, "qrels": {"1": {"far": 1}}})
    of_nothing = f"{NOTES}/evaluations/{elsewhere.json()['evaluation_id']}"
    while (now := notes.get(of_nothing).json())["state"] in ("waiting", "running"):
        pass
    assert now["state"] == "failed"
    assert "0 of 1 judged documents are in the collection" in now["error"]
    bad = notes.post(f"{NOTES}/evaluations", json={**asked, "versions": ["nobody"]})
    assert bad.status_code == 404
    notes.post(f"{NOTES}/release/abort")
    notes.post(f"{NOTES}/release/retire")
    gate = {"judgements": begun.json()["evaluation_id"], "allow_few_topics": True}
    again = notes.post(f"{NOTES}/release", json={"pipeline": spec, "plan": {**plan, "gate": gate}})
    assert again.status_code == 201, again.text
    stolen = {**plan, "gate": {"judgements": "/etc/passwd"}}
    notes.post(f"{NOTES}/release/abort")
    notes.post(f"{NOTES}/release/retire")
    assert (
        notes.post(f"{NOTES}/release", json={"pipeline": spec, "plan": stolen}).status_code == 404
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"spaces": {"text": {"encoder": "/etc/passwd"}}},
        {"spaces": {"text": {"encoder": "latelight-small", "trust_remote_code": True}}},
        {"extract": {"ocr_models": "../.."}},
        {"no": 1},
    ],
)
def test_pipelines_over_http_name_no_files_and_run_no_code(
    client: TestClient, spec: dict[str, Any]
) -> None:
    assert client.post("/v1/pipelines/validate", json=spec).json()["code"] == "invalid_setting"
    assert client.put(NOTES, json={"pipeline": spec}).status_code == 422
    assert client.put(NOTES, json={"pipeline": "/etc/passwd"}).status_code == 404


def test_presets_are_listed_whole(client: TestClient) -> None:
    items = client.get("/v1/pipelines").json()["items"]
    assert "default" in [one["name"] for one in items]
    assert client.post("/v1/pipelines/validate", json=items[0]["spec"]).status_code == 200


def test_a_server_is_ready_when_models_are_loaded(serve: Serve) -> None:
    client = serve()
    assert client.get("/healthz").json() == {"status": "ok"}
    for _ in range(100):
        if client.get("/readyz").status_code == 200:
            break
    assert client.get("/readyz").json() == {"status": "ready"}


def test_metrics_count_requests_searches_and_stages(notes: TestClient) -> None:
    notes.post(f"{NOTES}/search", json={"text": "oil"})
    text = notes.get("/metrics").text
    assert "latelight_searches_total 1.0" in text
    assert 'route="/v1/namespaces/{namespace}/collections/{collection}/search"' in text
    assert 'latelight_search_stage_seconds_count{stage="encode"}' in text
    assert 'latelight_bytes_per_row{collection="notes",namespace="default"}' in text
    assert 'latelight_jobs{state="running"} 0.0' in text


def test_head_answers_like_get_without_a_body(notes: TestClient, tmp_path: Path) -> None:
    for url in (NOTES, "/healthz", f"{NOTES}/documents"):
        head, get = notes.head(url), notes.get(url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert notes.head(f"{NOTES}/search").status_code == 405


def test_what_is_not_there_and_not_possible_are_problems(client: TestClient) -> None:
    for answer, code in (
        (client.get("/v1/nothing"), "not_found"),
        (client.patch(NOTES), "method_not_allowed"),
        (client.get("/assets/%00"), "not_found"),
        (client.get("/assets/..%2f..%2fapp.py"), "not_found"),
    ):
        assert (answer.json()["code"], answer.headers["content-type"]) == (
            code,
            "application/problem+json",
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
