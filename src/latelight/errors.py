"""Every error that Latelight raises on purpose.

```
LatelightError
├── InputError                 a call's arguments are off
│   ├── ShapeError             an array has the wrong shape, dtype or values
│   ├── FilterError            a metadata filter cannot be understood
│   ├── QueryError             a query holds nothing to search for
│   ├── SettingError           a setting or pipeline field is unknown or out of range
│   └── ReleaseStateError      a release cannot do this as it stands
├── NotFoundError              a collection, document, unit or file is not there
├── AlreadyExistsError         a name is taken
├── ExtractionError            one file could not be read; the others are not affected
│   ├── UnsupportedMediaError  no extractor reads this media type
│   ├── EmptyFileError         nothing in it
│   ├── EncryptedFileError     needs a password
│   ├── DamagedFileError       truncated, or not what it claims to be
│   ├── FileTooLargeError      beyond a limit (bytes, pixels, pages, characters)
│   ├── UnreadableFileError    no permission, gone, or no file at all (a device, a pipe)
│   ├── FileChangedError       written to while it was read
│   └── ExtractionTimeoutError took longer, or more memory, than allowed
├── ModelError                 weights or their surroundings are not usable
│   ├── WeightsNotFoundError   the package or directory that carries them is missing
│   ├── DigestMismatchError    the bytes are not the ones that were recorded
│   ├── LicenceError           their licence has to be accepted first
│   └── ModelServerError       the server that computes vectors does not answer as it should
├── StorageError               the library on disk
│   ├── CorruptFileError       a checksum or a length is wrong
│   ├── FormatVersionError     written by another version of the format
│   ├── WriterLockedError      another process is writing
│   └── CommitConflictError    another writer published first
├── JobRunningError            another process is at this very job
├── ReleaseConflictError       another process moved the release or alias first
├── GenerationMovedError       another generation became the live one meanwhile
├── PipelineMismatchError      vectors of different pipeline digests would mix
└── ServerError                a Latelight server does not answer as it should
    ├── ServerUnreachableError nothing answers at its address
    ├── ServerBusyError        it has too much to do, or gets too much from this caller
    └── KeyRefusedError        it wants another key, or one with more rights
```

One warning is no error: `LibrariesChangedWarning`, of another version of what computed stored rows.

Each class has a stable `code` that the command line and the HTTP service show. A message gives
the value that was met, what was expected, and what to do.
"""


class LibrariesChangedWarning(UserWarning):
    """Stored rows were computed by other versions of libraries; the golden rows still agree."""


class LatelightError(Exception):
    """Base of the family; `code` is stable across releases."""

    code = "latelight_error"


class InputError(LatelightError, ValueError):
    """A call's arguments are off."""

    code = "invalid_input"


class ShapeError(InputError):
    """An array has the wrong shape, dtype or values."""

    code = "invalid_shape"


class FilterError(InputError):
    """A metadata filter cannot be understood."""

    code = "invalid_filter"


class QueryError(InputError):
    """A query holds nothing to search for."""

    code = "invalid_query"


class SettingError(InputError):
    """A setting or a pipeline field is unknown or out of range."""

    code = "invalid_setting"


class ReleaseStateError(InputError):
    """A release cannot do this as it stands."""

    code = "release_state"


class NotFoundError(LatelightError, LookupError):
    """A collection, document, unit or file is not there."""

    code = "not_found"


class AlreadyExistsError(LatelightError):
    """A name is taken."""

    code = "already_exists"


class ExtractionError(LatelightError):
    """One file could not be read; the others are not affected."""

    code = "extraction_failed"


class UnsupportedMediaError(ExtractionError):
    """No extractor reads this media type."""

    code = "unsupported_media"


class EmptyFileError(ExtractionError):
    """There is nothing in the file."""

    code = "empty_file"


class EncryptedFileError(ExtractionError):
    """The file needs a password."""

    code = "encrypted_file"


class DamagedFileError(ExtractionError):
    """The file is truncated, or not what it claims to be."""

    code = "damaged_file"


class FileTooLargeError(ExtractionError):
    """The file is beyond a limit (bytes, pixels, pages, characters)."""

    code = "file_too_large"


class UnreadableFileError(ExtractionError):
    """The file may not be read, is gone, or is no file (a device, a pipe, a link)."""

    code = "unreadable_file"


class FileChangedError(ExtractionError):
    """The file was written to while it was read."""

    code = "file_changed"


class ExtractionTimeoutError(ExtractionError):
    """Reading the file took longer, or more memory, than allowed."""

    code = "extraction_timeout"


class ModelError(LatelightError):
    """A model's weights or their surroundings are not usable."""

    code = "model_error"


class WeightsNotFoundError(ModelError):
    """The package or directory that carries the weights is missing."""

    code = "weights_not_found"


class DigestMismatchError(ModelError):
    """The bytes are not the ones that were recorded."""

    code = "digest_mismatch"


class LicenceError(ModelError):
    """A model's licence is not permissive, and nobody has accepted it."""

    code = "licence_not_accepted"


class ModelServerError(ModelError):
    """The server that computes vectors does not answer, or not as it should."""

    code = "model_server"


class StorageError(LatelightError):
    """The library on disk cannot be used as it is."""

    code = "storage_error"


class CorruptFileError(StorageError):
    """A checksum or a length is wrong."""

    code = "corrupt_file"


class FormatVersionError(StorageError):
    """The files were written by another version of the format."""

    code = "format_version"


class WriterLockedError(StorageError):
    """Another process is writing."""

    code = "writer_locked"


class CommitConflictError(StorageError):
    """Another writer published first."""

    code = "commit_conflict"


class JobRunningError(LatelightError):
    """Another process, or another thread, is at this very job."""

    code = "job_running"


class ReleaseConflictError(LatelightError):
    """Another process moved the release, or the alias, first."""

    code = "release_conflict"


class GenerationMovedError(LatelightError):
    """Another generation became the live one meanwhile; the same again writes to that."""

    code = "generation_moved"


class PipelineMismatchError(LatelightError):
    """Vectors of different pipeline digests would mix."""

    code = "pipeline_mismatch"


class ServerError(LatelightError):
    """A Latelight server does not answer as it should; `code` is the one that it gave, if any."""

    code = "server_error"

    def __init__(self, message: str, *, code: str = "") -> None:
        """Say what was answered; `code` replaces the class's own."""
        super().__init__(message)
        if code:
            self.code = code


class ServerUnreachableError(ServerError):
    """Nothing answers at a server's address, or not in time."""

    code = "server_unreachable"


class ServerBusyError(ServerError):
    """The server has too much to do, or gets too much from this caller."""

    code = "busy"


class KeyRefusedError(ServerError):
    """The server wants a key, another one, or one with more rights."""

    code = "unauthorized"
