"""Text files of people, read whole."""

from pathlib import Path

from latelight.errors import DamagedFileError, NotFoundError


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text without its byte order mark.

    Raises:
        NotFoundError: there is no such file.
        DamagedFileError: it is not UTF-8.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {str(path)!r}.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{path}: not UTF-8 ({error}); save it as UTF-8.") from error
