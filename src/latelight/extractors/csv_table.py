"""CSV and TSV -> pieces of the table with their cells, read line by line."""

import csv
from collections.abc import Iterator
from dataclasses import replace

from latelight.errors import DamagedFileError, EmptyFileError
from latelight.extractors.composition import Composition
from latelight.extractors.decode import text_lines
from latelight.extractors.delimiters import find_delimiter
from latelight.extractors.docx import finished
from latelight.extractors.limits import check_bytes
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.tables import Row, plain_cell
from latelight.types import Extraction, ExtractorInfo, Source

CSV, TSV = "text/csv", "text/tab-separated-values"
_ROWS_A_SIGN = 20_000


class CsvExtractor:
    """Tables of text, with the delimiter found in the content."""

    info = ExtractorInfo(
        name="csv",
        version="1",
        media_types=(CSV, TSV),
        unit_kinds=("passage",),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return pieces of the table, `t0`, `t1`, …

        Raises:
            DamagedFileError: the bytes are no text, or a quote is never closed.
            EmptyFileError: every cell is empty.
            FileTooLargeError: more bytes or characters than allowed.
        """
        check_bytes(source, options)
        lines = text_lines(source.data)
        if lines is None:
            raise DamagedFileError(
                f"{source.name}: the bytes are no text in UTF-8, UTF-16 or Latin-1, expected a "
                "table; export it again, or leave it out."
            )
        delimiter = find_delimiter(lines) or ("\t" if source.suffix == ".tsv" else ",")
        composition = Composition(source.name, options)
        composition.table("", self._rows(source, delimiter))
        if not composition.units:
            raise EmptyFileError(
                f"{source.name}: {len(source.data):,} bytes of empty cells, expected some text; "
                "leave the file out."
            )
        return replace(finished(composition, TSV if delimiter == "\t" else CSV, {}), title="")

    def _rows(self, source: Source, delimiter: str) -> Iterator[Row]:
        lines = text_lines(source.data) or iter(())
        try:
            for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), 1):
                yield number, [plain_cell(cell) for cell in cells]
                if number % _ROWS_A_SIGN == 0:
                    self.progress(number, number + _ROWS_A_SIGN)
        except csv.Error as error:
            raise DamagedFileError(
                f"{source.name}: no table can be read ({error}), expected rows of cells in quotes "
                "that are closed; export it again, or leave it out."
            ) from error
