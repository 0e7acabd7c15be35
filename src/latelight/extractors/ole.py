"""What a compound file (OLE2) holds, by the names of its streams."""

LEGACY = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint")
ENCRYPTED = "application/x-ole-encrypted-package"
OLE = "application/x-ole-storage"
_DOC, _XLS, _PPT = LEGACY
_STREAMS = (
    ("EncryptedPackage", ENCRYPTED),
    ("WordDocument", _DOC),
    ("PowerPoint Document", _PPT),
    ("Workbook", _XLS),
    ("Book", _XLS),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
)


def ole_media_type(data: bytes) -> str:
    """Return the media type of a compound file; `application/x-ole-storage` when it is another.

    Directory entries hold a stream's name in UTF-16 followed by zeros, 128 bytes apart.
    """
    for name, media_type in _STREAMS:
        mark = name.encode("utf-16-le") + b"\x00\x00"
        place = data.find(mark)
        while place >= 0:
            if place % 128 == 0:
                return media_type
            place = data.find(mark, place + 1)
    return OLE
