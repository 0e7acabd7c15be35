"""Items in, searchable documents out: extract, encode, write, commit, all at once.

```
items ──read_ahead──▶ worker processes ──Channel──▶ encoder thread ──Channel──▶ writer (this thread)
```

Every step is keyed by content: a document that is there with the same bytes and metadata is
skipped. A run that is stopped at any moment, and started again with the same inputs, goes on with
what was not published; both channels are bounded, so nobody runs far ahead.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from latelight.errors import InputError, LatelightError, StorageError
from latelight.extractors.sandbox import ExtractionPool
from latelight.index import Snapshot, Writer
from latelight.pipelines.background import lower_priority
from latelight.pipelines.channel import Channel, Closed
from latelight.pipelines.encoding import BatchEncoder, EncodedDocument, take_batch
from latelight.pipelines.extracted import (
    Extracted,
    Identity,
    Result,
)
from latelight.pipelines.extracting import Reader, is_there, read_ahead
from latelight.pipelines.items import BadItem, Item, LeftOut, RecordItem, content_id, place_of
from latelight.pipelines.ledger import Control, ItemNote, ItemState, Ledger, NoLedger
from latelight.pipelines.progress import ItemDone, Outcome, RunState
from latelight.pipelines.tally import IngestReport, Tally
from latelight.pipelines.target import EVERYTHING, IngestOptions, ItemSource, Scope, Target
from latelight.pipelines.writing import waiting_writer, write_document

NOTE_SECONDS = 0.5
"""How often the ledger is written, and asked whether to stop."""
_SURVEY_CHUNK = 2_000
_SOURCE_CHUNK = 256


class Ingest:
    """One run over one store."""

    def __init__(
        self,
        target: Target,
        options: IngestOptions,
        tally: Tally | None = None,
        ledger: Ledger | None = None,
        control: Control | None = None,
    ) -> None:
        """Prepare a run; nothing is read or locked yet."""
        self._store = target.store
        self._originals = target.originals
        self._staging = target.staging
        self._announce = target.announce
        self._options = options
        self._tally = tally or Tally()
        self._ledger = ledger or NoLedger()
        self._control = control or Control()
        self._encoder = BatchEncoder(target.encoders, self._tally.encoded)
        self._known: Snapshot = target.store.snapshot()
        self._extracted: Channel[Extracted] = Channel(options.queue_bytes)
        # One batch waits at most: what is encoded and not published is lost when we are killed.
        self._encoded: Channel[list[EncodedDocument]] = Channel(0)
        self._in_flight: dict[str, Identity] = {}
        self._replaces: dict[str, list[str]] = {}
        self._seen: set[str] = set()
        self._outdated: set[str] = set()
        self._record_sources: list[tuple[str, int]] = []
        self._last_note = options.clock()

    def run(self, inputs: ItemSource, scope: Scope = EVERYTHING) -> IngestReport:
        """Add what the inputs name and return what happened; one bad item never stops the others.

        Asked to stop, it ends after the batch in flight with everything so far published.

        Raises:
            WriterLockedError: another process kept the collection locked for too long.
            StorageError: the library cannot be written.
        """
        state: RunState = "failed"
        try:
            self._survey(inputs, scope)
            self._work(inputs, scope)
            state = _state_after(self._control)
        finally:
            self._tally.settle(state)
            self._write_notes()
        return self._tally.report(state)

    def _survey(self, inputs: ItemSource, scope: Scope) -> None:
        n_items = n_bytes = 0
        for number, entry in enumerate(inputs.survey(), 1):
            if not scope.covers(entry.source, is_record=entry.is_records):
                continue
            n_items, n_bytes = n_items + entry.n_items, n_bytes + entry.n_bytes
            self._tally.note(ItemNote(entry.source, "pending", entry.n_bytes))
            if entry.is_records:
                self._record_sources.append((entry.source, entry.n_bytes))
            if number % _SURVEY_CHUNK == 0:
                self._write_notes()
        self._tally.started(n_items, n_bytes)
        self._write_notes()

    def _work(self, inputs: ItemSource, scope: Scope) -> None:
        self._seen.update(scope.seen)
        threads = [
            threading.Thread(target=work, args=arguments, name=f"latelight-{name}", daemon=True)
            for name, work, arguments in (
                ("extract", self._extract_all, (inputs, scope)),
                ("encode", self._encode_all, ()),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            self._write_all()
            if not self._control.is_asked:
                self._delete(self._outdated - self._seen)
                for source, n_bytes in self._record_sources:
                    self._tally.note(ItemNote(source, "done", n_bytes))
        finally:
            # Whatever ended it: nobody may go on putting or taking.
            for channel in (self._extracted, self._encoded):
                channel.close()
                channel.clear()
            for thread in threads:
                thread.join()

    # -- extract -----------------------------------------------------------------------------

    def _extract_all(self, inputs: ItemSource, scope: Scope) -> None:
        lower_priority(self._options.niceness)
        error: BaseException | None = None
        options = self._options
        try:
            with ExtractionPool(n_workers=options.n_workers) as pool:
                spaces = self._store.spaces
                known = lambda: self._known  # noqa: E731  newer after each commit
                read = Reader(pool, self._keep, options.extraction, spaces, known)
                items = self._wanted(inputs.items(), scope)
                for item, future in read_ahead(items, read, options.n_workers, options.queue_bytes):
                    self._take(item, future.result)
                    if self._control.is_asked:
                        break
        except Closed:
            pass
        except BaseException as stopped:
            error = stopped
        self._extracted.close(error)

    def _keep(self, sha256: str, data: bytes, *, is_there: bool) -> None:
        if is_there:
            self._originals.keep(sha256, data)
        else:
            self._originals.stage(self._staging, sha256, data)

    def _wanted(self, items: Iterable[Item | LeftOut], scope: Scope) -> Iterator[Item]:
        """Yield the items to look at, and find out what their sources hold by now."""
        chunk: list[Item] = []
        n_bytes = 0
        for item in items:
            if isinstance(item, LeftOut):
                if scope.only is None:
                    self._tally.warned(item.source, item.reason)
            elif scope.covers(item.source, is_record=_is_record(item)):
                chunk.append(item)
                n_bytes += item.n_bytes
            if len(chunk) >= _SOURCE_CHUNK or n_bytes > self._options.queue_bytes // 4:
                yield from self._looked_up(chunk)
                chunk, n_bytes = [], 0
        yield from self._looked_up(chunk)

    def _looked_up(self, items: Sequence[Item]) -> Iterator[Item]:
        for document in self._known.documents_from(filter(None, map(place_of, items))):
            if document.doc_id == content_id(document.sha256):
                self._replaces.setdefault(document.source, []).append(document.doc_id)
        yield from items

    def _take(self, item: Item, result: Callable[[], Result]) -> None:
        try:
            outcome = result()
        except LatelightError as error:
            self._tally.failed(item.source, error, item.n_bytes)
            return
        if isinstance(outcome, Identity):
            self._note_wanted(outcome)
            self._skip(outcome)
            return
        self._note_wanted(outcome.identity)
        if self._is_in_flight(outcome.identity):
            self._skip(outcome.identity)
            return
        self._in_flight[outcome.identity.doc_id] = outcome.identity
        self._note(outcome.identity, "extracted")
        self._extracted.put(outcome, outcome.n_held_bytes)

    def _note_wanted(self, identity: Identity) -> None:
        """Remember that a document is wanted, and that what its place held before is not."""
        if identity.doc_id == content_id(identity.sha256):
            self._seen.add(identity.doc_id)
        before = self._replaces.get(identity.place, ())
        self._outdated.update(doc_id for doc_id in before if doc_id != identity.doc_id)

    def _is_in_flight(self, identity: Identity) -> bool:
        """Return whether the same was just read from another file, and is not published yet."""
        other = self._in_flight.get(identity.doc_id)
        return other is not None and (other.sha256, dict(other.metadata)) == (
            identity.sha256,
            dict(identity.metadata),
        )

    def _skip(self, identity: Identity) -> None:
        self._tally.unchanged(identity.source, identity.doc_id, identity.n_bytes)
        self._note(identity, "skipped")

    def _note(self, identity: Identity, state: ItemState) -> None:
        if not identity.is_record:
            one = identity
            note = ItemNote(one.source, state, one.n_bytes, one.sha256, one.doc_id)
            self._tally.note(note)

    # -- encode ------------------------------------------------------------------------------

    def _encode_all(self) -> None:
        lower_priority(self._options.niceness)
        error: BaseException | None = None
        try:
            while not self._control.is_asked:
                batch = take_batch(self._extracted)
                encoded = self._encoder.encode(batch, lambda: self._control.is_asked)
                if encoded is None:
                    break
                self._encoded.put(encoded, sum(one.n_held_bytes for one in encoded))
        except Closed:
            pass
        except BaseException as stopped:
            error = stopped
        self._extracted.close()
        self._encoded.close(error)

    # -- write -------------------------------------------------------------------------------

    def _write_all(self) -> None:
        ready: list[EncodedDocument] = []
        last = self._options.clock()
        try:
            for batch in self._batches():
                ready += batch
                if self._is_due(ready, last):
                    self._publish(ready)
                    ready, last = [], self._options.clock()
        except BaseException:
            # Whatever stopped it, what is ready stays; a store that failed says so by itself.
            with suppress(StorageError):
                self._publish(ready)
            raise
        self._publish(ready)

    def _is_due(self, ready: Sequence[EncodedDocument], last: float) -> bool:
        if not ready:
            return False
        is_time = self._options.clock() - last >= self._options.commit_seconds
        return is_time or sum(one.n_held_bytes for one in ready) >= self._options.queue_bytes

    def _batches(self) -> Iterator[list[EncodedDocument]]:
        """Yield what is encoded, and now and then nothing, so that what is ready is not kept."""
        while True:
            try:
                yield self._encoded.get(NOTE_SECONDS)
            except TimeoutError:
                yield []
            except Closed:
                return
            if self._options.clock() - self._last_note >= NOTE_SECONDS:
                self._write_notes()

    def _publish(self, ready: Sequence[EncodedDocument]) -> None:
        """Write documents and commit them at once; one that cannot be stored fails alone."""
        if not ready:
            return
        written: dict[int, EncodedDocument] = {}
        with self._writer() as writer:
            before = self._store.snapshot()
            for number, one in enumerate(ready):
                identity = one.extracted.identity
                if is_there(before, identity):  # another job was faster
                    self._skip(replace(identity, n_bytes=0))
                    continue
                try:
                    self._write(writer, one)
                except InputError as error:
                    self._tally.failed(identity.source, error, 0)
                else:
                    written[number] = one
            self._announce([one.extracted.identity.doc_id for one in written.values()])
            writer.commit()
        self._known = self._store.snapshot()
        self._tell_written(before, written.values())
        self._tally.committed(self._known.n_documents)
        for one in ready:
            self._in_flight.pop(one.extracted.identity.doc_id, None)
        self._write_notes()

    def _write(self, writer: Writer, one: EncodedDocument) -> None:
        identity = one.extracted.identity
        write_document(writer, one, lexical=self._options.lexical)
        if not identity.is_record and identity.created_at is None:
            self._originals.take(self._staging, identity.sha256)

    def _tell_written(self, before: Snapshot, written: Iterable[EncodedDocument]) -> None:
        new: set[str] = set()
        for one in written:
            identity, extraction = one.extracted.identity, one.extracted.extraction
            replaces = (
                before.contains(identity.doc_id)
                or identity.doc_id in new
                or identity.place in self._replaces
            )
            new.add(identity.doc_id)
            outcome: Outcome = "replaced" if replaces else "added"
            done = ItemDone(identity.source, identity.doc_id, outcome)
            self._tally.written(done, len(extraction.units), one.n_rows)
            for warning in extraction.warnings:
                self._tally.warned(identity.source, warning)
            self._note(identity, "done")

    def _delete(self, doc_ids: set[str]) -> None:
        if doc_ids:
            with self._writer() as writer:
                if writer.delete(doc_ids):
                    self._announce(doc_ids)
                    writer.commit()

    def _writer(self) -> Writer:
        """Return the store's writer; other processes' writes are waited for.

        It is held for a commit at a time, so that others can write while a run goes on.
        """
        return waiting_writer(self._store, self._options.lock_seconds, self._options.clock)

    def _write_notes(self) -> None:
        self._last_note = self._options.clock()
        self._control.ask(self._ledger.note(self._tally.take_notes(), self._tally.progress))


def _state_after(control: Control) -> RunState:
    if control.request == "pause":
        return "paused"
    return "cancelled" if control.request == "cancel" else "done"


def _is_record(item: Item) -> bool:
    return isinstance(item, RecordItem | BadItem)
