import json
from pathlib import Path
from typing import Any

import pytest

from latelight.errors import DamagedFileError, InputError, NotFoundError
from latelight.evaluation import (
    EvidenceJudgement,
    JudgementSet,
    Qrels,
    from_evidence,
    read_beir,
    read_csv,
    read_judgements,
    read_topics,
    read_trec,
    write_beir,
    write_csv,
    write_trec,
)
from latelight.types import Box, CharSpan, Locator, TimeRange

TOPICS = {"q1": "who keeps the lamp?", "q2": "when was the ferry refitted?"}
PLACES = (
    EvidenceJudgement("q1", "report", Locator(page=3, box=Box(0.1, 0.2, 0.5, 0.4))),
    EvidenceJudgement("q1", "notes", Locator(span=CharSpan(10, 30)), "c0"),
    EvidenceJudgement("q2", "talk", Locator(time=TimeRange(1.0, 2.5)), "a1"),
)
JUDGED = JudgementSet(
    "lamps", TOPICS, Qrels({"q1": {"report": 2, "notes": 0}, "q2": {"talk": 1}}), PLACES, "by hand"
)


def test_a_set_is_read_back_as_saved(tmp_path: Path) -> None:
    JUDGED.save(tmp_path / "lamps.json")
    assert JudgementSet.load(tmp_path / "lamps.json") == JUDGED
    assert read_judgements(tmp_path / "lamps.json") == JUDGED


def test_the_digest_is_of_what_decides_the_numbers() -> None:
    turned = JudgementSet(
        "another name",
        dict(reversed(TOPICS.items())),
        Qrels({"q2": {"talk": 1}, "q1": {"notes": 0, "report": 2}}),
        PLACES[::-1],
    )
    assert turned.digest == JUDGED.digest
    changed = JudgementSet("lamps", TOPICS, Qrels({"q1": {"report": 1, "notes": 0}}), PLACES)
    assert changed.digest != JUDGED.digest
    assert JudgementSet("lamps", TOPICS, JUDGED.qrels).digest != JUDGED.digest


def test_topics_and_their_places_are_found() -> None:
    assert JUDGED.judged == TOPICS
    assert [one.doc_id for one in JUDGED.places("q1")] == ["report", "notes"]
    alone = JUDGED.only(["q2"])
    assert (list(alone.topics), alone.evidence) == (["q2"], PLACES[2:])
    with pytest.raises(NotFoundError, match="q9"):
        JUDGED.only(["q9"])


def test_what_holds_a_right_place_is_relevant() -> None:
    by_document = from_evidence("places", TOPICS, PLACES)
    assert by_document.qrels.of("q1") == {"report": 1, "notes": 1}
    by_unit = from_evidence("places", TOPICS, PLACES, by_unit=True)
    assert by_unit.qrels.of("q1") == {"report#p3": 1, "notes#c0": 1}
    nowhere = EvidenceJudgement("q1", "notes", Locator(span=CharSpan(0, 1)))
    with pytest.raises(InputError, match="neither a page nor a unit"):
        from_evidence("places", TOPICS, [nowhere], by_unit=True)


@pytest.mark.parametrize(
    "place",
    [
        Locator(),
        Locator(span=CharSpan(0, 5), box=Box(0, 0, 1, 1)),
        Locator(span=CharSpan(5, 5)),
        Locator(box=Box(0.5, 0, 0.4, 1)),
        Locator(box=Box(0, 0, 120, 300)),
        Locator(time=TimeRange(3, 2)),
    ],
)
def test_places_that_are_none_are_refused(place: Locator) -> None:
    with pytest.raises(InputError, match="judged place"):
        EvidenceJudgement("q1", "report", place)


def test_topics_need_texts() -> None:
    with pytest.raises(InputError, match="without a text: 'q9'"):
        JudgementSet("lamps", TOPICS, Qrels({"q9": {"d": 1}}))
    with pytest.raises(InputError, match="empty texts"):
        JudgementSet("lamps", {"q1": " "}, Qrels())


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"qrels": {"q1": {"report": "high"}}},
        {"qrels": {"q1": {"report": 1.5}}},
        {"qrels": 3},
        {"evidence": [{"topic": "q1"}]},
        {"topics": None},
    ],
)
def test_damaged_sets_are_named(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps({**JUDGED.to_dict(), **change}))
    with pytest.raises(DamagedFileError, match=r"set\.json"):
        JudgementSet.load(path)
    path.write_text("[")
    with pytest.raises(DamagedFileError, match="not JSON"):
        JudgementSet.load(path)
    with pytest.raises(NotFoundError):
        JudgementSet.load(tmp_path / "none.json")


def test_beir_folders_are_read_and_written(tmp_path: Path) -> None:
    plain = JudgementSet("lamps", TOPICS, JUDGED.qrels)
    write_beir(plain, tmp_path / "lamps")
    read = read_beir(tmp_path / "lamps")
    assert (read.topics, read.qrels, read.digest) == (plain.topics, plain.qrels, plain.digest)
    assert read_judgements(tmp_path / "lamps") == read


def test_beir_queries_without_judgements_are_left_out(tmp_path: Path) -> None:
    write_beir(JudgementSet("lamps", TOPICS, JUDGED.qrels), tmp_path)
    with (tmp_path / "queries.jsonl").open("a", encoding="utf-8") as out:
        out.write('{"_id": "q3", "text": "of the training\u2028split"}\n\n')
    assert list(read_beir(tmp_path).topics) == ["q1", "q2"]
    (tmp_path / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq3\td\t1\n")
    assert list(read_beir(tmp_path, "dev").topics) == ["q3"]


def test_incomplete_beir_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"test\.tsv"):
        read_beir(tmp_path)
    write_beir(JudgementSet("lamps", TOPICS, JUDGED.qrels), tmp_path)
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "lamp"}\n')
    with pytest.raises(DamagedFileError, match="no text, such as 'q2'"):
        read_beir(tmp_path)
    (tmp_path / "queries.jsonl").write_text('{"id": "q1"}\n')
    with pytest.raises(DamagedFileError, match="line 1"):
        read_beir(tmp_path)


def test_trec_files_are_read_and_written(tmp_path: Path) -> None:
    plain = JudgementSet("qrels", TOPICS, JUDGED.qrels)
    qrels, topics = tmp_path / "qrels.txt", tmp_path / "topics.tsv"
    write_trec(plain, qrels, topics)
    read = read_trec(qrels, topics)
    assert (read.name, read.digest) == ("qrels", plain.digest)
    assert read_judgements(qrels, topics) == read
    with pytest.raises(InputError, match="--topics"):
        read_judgements(qrels)
    with pytest.raises(NotFoundError, match="nothing at"):
        read_judgements(tmp_path / "none")


def test_old_trec_topics_are_read(tmp_path: Path) -> None:
    path = tmp_path / "topics.301-302"
    path.write_text(
        "<top>\n<num> Number: 301\n<title> International\n Organized Crime\n\n<desc> Description:\n"
        "Identify\n</top>\n<top><num> 302 </num><title>Polio</title></top>\n"
    )
    assert read_topics(path) == {"301": "International Organized Crime", "302": "Polio"}
    path.write_text("<top><num> 1 </top>")
    with pytest.raises(DamagedFileError, match="no <num> or no <title>"):
        read_topics(path)
    path.write_text("301 no tab")
    with pytest.raises(DamagedFileError, match="line 1"):
        read_topics(path)


def test_tables_hold_gains_and_places(tmp_path: Path) -> None:
    path = tmp_path / "judged.csv"
    path.write_text(
        "topic,text,doc_id,gain,unit_id,page,left,top,right,bottom,start,end,start_s,end_s\n"
        'q1,"who keeps, say, the lamp?",report,2,,3,.1,.2,.5,.4,,,,\n'
        "q1,,notes,1,c0,,,,,,10,30,,\n"
        "q2,when?,talk,,a1,,,,,,,,1,2.5\n"
        "q2,when?,talk,3,,,,,,,,,,\n"
    )
    read = read_csv(path)
    assert read.topics == {"q1": "who keeps, say, the lamp?", "q2": "when?"}
    assert read.qrels.gains == {"q1": {"report": 2, "notes": 1}, "q2": {"talk": 3}}
    assert read.evidence == PLACES
    assert read_judgements(path) == read


def test_tables_are_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "lamps.csv"
    write_csv(JUDGED, path)
    assert read_csv(path).digest == JUDGED.digest
    odd = JudgementSet("odd", {"q1": 'a "lamp", or\ntwo'}, Qrels({"q1": {"my, file": -1}}))
    write_csv(odd, path)
    assert read_csv(path).digest == odd.digest


@pytest.mark.parametrize(
    "place",
    [
        EvidenceJudgement("q1", "elsewhere", Locator(span=CharSpan(0, 9))),
        EvidenceJudgement("q1", "report", Locator(span=CharSpan(0, 9), part=("a.pdf",))),
    ],
)
def test_what_a_table_would_lose_is_refused(tmp_path: Path, place: EvidenceJudgement) -> None:
    wider = JudgementSet("lamps", TOPICS, JUDGED.qrels, (place,))
    with pytest.raises(InputError, match=r"does not fit a table.*JSON"):
        write_csv(wider, tmp_path / "lamps.csv")
    assert not (tmp_path / "lamps.csv").exists()


def test_gains_that_a_table_program_wrote_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("topic,doc_id,gain\nlamp,report,2.0\n")
    assert read_csv(path).qrels.of("lamp") == {"report": 2}


def test_a_table_without_texts_takes_topics_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("\ufefftopic,doc_id\nwho keeps the lamp?,report\n", encoding="utf-8")
    assert read_csv(path).topics == {"who keeps the lamp?": "who keeps the lamp?"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("q1,,x,1,,", "'doc_id' is missing"),
        ("q1,d,x,high,,", "gain is 'high'; give a whole number .0 for judged and not relevant"),
        ("q1,d,x,1.5,,", "gain is '1.5'; give a whole number"),
        ("q1,d,x,inf,,", "gain is 'inf'; give a whole number"),
        ("q1,d,x,1,5,end", "end is 'end'; give a whole number"),
        ("q1,d,other,1,,", "has the text 'other' here and 'x' before"),
        ("q1,d,x,1,5,", "columns start, end"),
        ("q1,d,x,1,5,3", "ends must lie after"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, row: str, reason: str) -> None:
    path = tmp_path / "judged.csv"
    path.write_text(f"topic,doc_id,text,gain,start,end\nq1,d,x,1,,\n{row}\n")
    with pytest.raises(DamagedFileError, match=f"line 3: .*{reason}"):
        read_csv(path)


def test_names_with_blanks_go_into_json_only(tmp_path: Path) -> None:
    blank = JudgementSet("blank", TOPICS, Qrels({"q1": {"my file.pdf": 1}}))
    with pytest.raises(InputError, match="JSON"):
        write_beir(blank, tmp_path)
    blank.save(tmp_path / "blank.json")
    assert JudgementSet.load(tmp_path / "blank.json") == blank
