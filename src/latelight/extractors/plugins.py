"""Extractors of other packages: how they declare themselves, and how they are found.

A package names its `ExtractorPlugin` as an entry point of the group `latelight.extractors`. Its
code is imported where files are read, in a worker process, and only for pipelines that name it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from latelight.errors import ExtractionError, NotFoundError, SettingError
from latelight.extractors.protocol import Extractor, ParameterValue, PluginUse
from latelight.types import UNIT_KINDS, ExtractorInfo, Source

GROUP = "latelight.extractors"


@dataclass(frozen=True)
class Signature:
    """Bytes at a place of a file that show its media type."""

    offset: int
    magic: bytes
    media_type: str


@dataclass(frozen=True)
class ExtractorPlugin:
    """What a plugin says of itself; making one must cost nothing.

    Attributes:
        info: name (the entry point's), version, media types, unit kinds, licence.
        make: returns the extractor for a value of each parameter; heavy imports belong in it.
        parameters: their defaults, by name; a pipeline may set them, and its lock keeps them.
        signatures: how files that Latelight does not know are recognised.
        suffixes: media types of text files by the name's end (`.srt`), for what no bytes tell.
    """

    info: ExtractorInfo
    make: Callable[[Mapping[str, ParameterValue]], Extractor]
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    signatures: tuple[Signature, ...] = ()
    suffixes: Mapping[str, str] = field(default_factory=dict)

    def media_type_of(self, source: Source, found: str) -> str | None:
        """Return the media type of a file in which the built-in rules found `found`.

        A signature counts before what was found, a suffix only for plain text.
        """
        for signature in self.signatures:
            if source.data.startswith(signature.magic, signature.offset):
                return signature.media_type
        named = self.suffixes.get(source.suffix) if found == "text/plain" else None
        return named or (found if found in self.info.media_types else None)


def installed_plugins() -> dict[str, str]:
    """Return the version of each installed plugin's package by the plugin's name.

    Nothing of the plugins is imported.
    """
    return {name: _version(point) for name, point in _entry_points().items()}


def plugin_versions(names: Sequence[str]) -> dict[str, str]:
    """Return what a lock records of the plugins that a pipeline names.

    Raises:
        NotFoundError: one of them is not installed.
    """
    found = installed_plugins()
    for name in names:
        _check_installed(name, list(found))
    return {name: found[name] for name in names}


@cache
def load_plugin(name: str) -> ExtractorPlugin:
    """Return a plugin's declaration; imports its module.

    Raises:
        ExtractionError: it cannot be imported, or declares something else.
        NotFoundError: it is not installed.
    """
    points = _entry_points()
    _check_installed(name, list(points))
    try:
        plugin = points[name].load()
    except Exception as error:  # whatever a foreign module does when it is imported
        raise _broken(name, f"cannot be imported ({type(error).__name__}: {error})") from error
    if not isinstance(plugin, ExtractorPlugin):
        raise _broken(name, f"is a {type(plugin).__name__}, expected an ExtractorPlugin")
    _check(name, plugin)
    return plugin


def make_extractor(use: PluginUse) -> Extractor:
    """Return a plugin's extractor with the parameters that a pipeline gives it.

    Raises:
        ExtractionError: the plugin is broken.
        SettingError: a parameter is unknown or of another type than its default.
    """
    plugin = load_plugin(use.name)
    given = dict(use.parameters)
    for name, value in given.items():
        _check_parameter(plugin, name, value)
    try:
        return plugin.make({**plugin.parameters, **given})
    except Exception as error:  # whatever a foreign constructor throws
        raise _broken(use.name, f"cannot start ({type(error).__name__}: {error})") from error


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _version(point: EntryPoint) -> str:
    return point.dist.version if point.dist is not None else "unknown"


def _check_installed(name: str, installed: list[str]) -> None:
    if name not in installed:
        raise NotFoundError(
            f"The pipeline names the extractor plugin {name!r}, which is not installed (installed: "
            f"{', '.join(sorted(installed)) or 'none'}); install its package, or leave it out of "
            "extract.plugins."
        )


def _check(name: str, plugin: ExtractorPlugin) -> None:
    info = plugin.info
    if info.name != name:
        raise _broken(name, f"calls itself {info.name!r}")
    if not (info.version and info.media_types and info.licence):
        raise _broken(name, "declares no version, media types or licence")
    wrong = set(info.unit_kinds) - set(UNIT_KINDS)
    if wrong:
        raise _broken(name, f"declares the unit kinds {', '.join(sorted(wrong))}")


def _check_parameter(plugin: ExtractorPlugin, name: str, value: ParameterValue) -> None:
    if name not in plugin.parameters:
        known = ", ".join(sorted(plugin.parameters)) or "none"
        raise SettingError(
            f"The plugin {plugin.info.name!r} has no parameter {name!r} (it has: {known}); "
            "correct extract.plugins."
        )
    default = plugin.parameters[name]
    if type(value) is not type(default) and not (
        isinstance(default, float) and isinstance(value, int)
    ):
        raise SettingError(
            f"The plugin {plugin.info.name!r} has {name}={value!r}, expected a "
            f"{type(default).__name__} like {default!r}; correct extract.plugins."
        )


def _broken(name: str, what: str) -> ExtractionError:
    return ExtractionError(
        f"The extractor plugin {name!r} {what}; update or repair its package, or leave it out of "
        "extract.plugins."
    )
