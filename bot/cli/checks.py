"""What `frontdesk doctor` looks at, one function for each part.

A check gives what it found in a few words, or raises `OperatorError` with the line that mends it.
"""

import asyncio
import errno
import os
import resource
import shutil
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.project import counted, open_store, shown
from bot.errors import OperatorError, Unavailable

if TYPE_CHECKING:
    from bot.assistant_settings import AssistantSection
    from bot.config import Config
    from models.downloads import Weights

Check = Callable[[], str]

_LOWEST_PYTHON = (3, 11)
_LEAST_FREE_BYTES = 1_000_000_000
_FEW_FILES = 1_024
_OTHER_VARIABLES = ("FRONTDESK_PROJECT", "FRONTDESK_CACHE", "FRONTDESK_SECRET")
_SETUP = "make clean setup"


class Concern(Exception):
    """Works, but not as it should. `remedy` as in `OperatorError`."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(problem)


def machine_checks() -> Iterator[tuple[str, Check]]:
    """What a desk needs wherever it runs."""
    yield "Python", _python
    yield "packages", _packages
    yield "cache", _cache
    yield "open files", _open_files


def project_checks(config: "Config") -> Iterator[tuple[str, Check]]:
    """What this project needs."""
    yield "environment", _environment
    yield "disk", lambda: _disk(config.data)
    yield "Redis", lambda: asyncio.run(_redis(config))
    yield "media", lambda: asyncio.run(_media(config))
    yield "knowledge", lambda: _knowledge(config)
    yield "channels", lambda: _channels(config)
    yield "port", lambda: _port(config.server.host, config.server.port)
    for part in config.engines:
        yield part.replace("_", " "), partial(_engine, config, part)
    if config.assistant:
        yield "assistant", partial(_assistant, config.assistant, config.device)


def _python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _LOWEST_PYTHON:
        raise OperatorError(
            f"{version}; 3.11 or later is needed", remedy="make clean serve PYTHON=…"
        )
    return version


def _packages() -> str:
    from packaging.requirements import Requirement

    wrong, count = [], 0
    for text in metadata.requires("frontdesk") or ():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, not {requirement.specifier}")
    if wrong:
        raise OperatorError("; ".join(wrong), remedy=_SETUP)
    return f"all {count} are there"


def _cache() -> str:
    from models.cache import cache_folder

    folder = cache_folder()
    _must_be_writable(folder, "set FRONTDESK_CACHE to a folder that you may write to")
    return shown(folder)


def _open_files() -> str:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= _FEW_FILES:
        raise Concern(
            f"at most {hard}: about {max(1, hard - 100)} customers at once",
            remedy="ulimit -Hn 65536 (or LimitNOFILE=65536 in its systemd unit)",
        )
    return "unlimited" if hard == resource.RLIM_INFINITY else f"up to {hard}"


def _environment() -> str:
    from rapidfuzz.process import extractOne

    from bot.config import Config
    from bot.config_file import PREFIX, settings_of, variable_of

    settings = [variable_of(keys) for keys in settings_of(Config)]
    given = [name for name in os.environ if name.startswith(PREFIX)]
    unknown = [name for name in given if name not in settings and name not in _OTHER_VARIABLES]
    if unknown:
        meant = extractOne(unknown[0], settings, score_cutoff=80)
        raise Concern(
            f"{', '.join(unknown)}: no setting of that name",
            remedy=f"perhaps {meant[0]}?" if meant else "all settings are in docs/configuration.md",
        )
    return f"{len(given)} settings from {PREFIX}…" if given else f"no {PREFIX}… variables"


def _disk(data: Path) -> str:
    _must_be_writable(data, "set `data` in frontdesk.yaml to a folder that you may write to")
    free = shutil.disk_usage(data).free
    if free < _LEAST_FREE_BYTES:
        raise Concern(
            f"{free / 1e6:.0f} MB free at {shown(data)}", remedy="free some, or move `data`"
        )
    return f"{free / 1e9:.0f} GB free at {shown(data)}"


def _must_be_writable(folder: Path, remedy: str) -> None:
    probe = folder / ".doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OperatorError(f"{folder}: {error.strerror}", remedy=remedy) from error


async def _redis(config: "Config") -> str:
    try:
        async with asyncio.timeout(10), open_store(config) as store:
            found = await store.run("INFO", "server")
    except (Unavailable, TimeoutError) as error:
        raise OperatorError(
            str(error) or "Redis does not answer",
            remedy="start it, or write `redis: embedded` in frontdesk.yaml",
        ) from error
    text = found.decode() if isinstance(found, bytes) else str(found)
    version = next(
        (line.partition(":")[2] for line in text.splitlines() if line.startswith("redis_version")),
        "",
    ).strip()
    return f"{'embedded' if config.redis == 'embedded' else 'by URL'}, version {version}"


async def _media(config: "Config") -> str:
    from bot.media import MediaStore
    from bot.messages import AttachmentId

    media = MediaStore(config.media_place, options=config.media.options)
    try:
        async with asyncio.timeout(20):
            await media.read(AttachmentId("att_of_the_doctor"))
    except KeyError:
        return config.media_place  # the store answered: it has no such file
    except (Unavailable, TimeoutError) as error:
        raise OperatorError(
            f"{config.media_place}: {error}",
            remedy="check `media` in frontdesk.yaml: place, endpoint, region and keys",
        ) from error
    return config.media_place


def _knowledge(config: "Config") -> str:
    from bot.knowledge import Skipped
    from bot.knowledge.folder import files_of

    found = list(files_of(config.knowledge.folder))
    skipped = [file for file in found if isinstance(file, Skipped)]
    if len(found) == len(skipped):
        raise Concern(
            f"{shown(config.knowledge.folder)} has no article: nothing can be answered",
            remedy="write one: a `.md` file with a `# Title`",
        )
    if skipped:
        raise Concern(
            "; ".join(f"{file.path}: {file.reason}" for file in skipped),
            remedy="move these files out of the knowledge folder, or convert them",
        )
    return f"{counted(len(found), 'file')} in {shown(config.knowledge.folder)}"


def _channels(config: "Config") -> str:
    """What the connectors themselves check when the desk opens."""
    from bot.channels import messaging_apps

    on = []
    section = config.channels.webchat
    if section.enabled:
        webchat = import_module("connectors.webchat")
        webchat.Origins(section.origins)
        webchat.Identity({name: key.get_secret_value() for name, key in section.identity.items()})
        webchat.load_secret(config.data)
        on.append("webchat")
    if config.channels.http.keys:
        import_module("connectors.http_api").ApiKeys(config.channels.http.keys)
        on.append("http")
    apps = messaging_apps(config)
    for name, (module, settings) in apps.items():
        asyncio.run(_made(module, settings, config.server.url))
        on.append(name)
    if not on:
        raise Concern("none is on", remedy="write `channels: {webchat: {enabled: true}}`")
    tried = f" (credentials: frontdesk channels check {next(iter(apps))})" if apps else ""
    return ", ".join(on) + tried


async def _made(module: str, settings: object, public_url: str) -> None:
    front = import_module("connectors.messaging.front")
    async with front.open_provider(module, settings, public_url=public_url):
        pass


def _port(host: str, port: int) -> str:
    try:
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            socket.create_server((str(address[0]), port), family=family).close()
    except socket.gaierror as error:
        raise OperatorError(
            f"{host} is no address of this machine", remedy="set `server.host` in frontdesk.yaml"
        ) from error
    except OSError as error:
        remedy = "stop what uses it, or choose another: `frontdesk serve --port 8001`"
        if error.errno == errno.EADDRINUSE:
            raise Concern(
                f"{host}:{port} is in use; perhaps the desk is open", remedy=remedy
            ) from error
        raise OperatorError(f"{host}:{port}: {error.strerror}", remedy=remedy) from error
    return f"{host}:{port} is free"


def _engine(config: "Config", part: str) -> str:
    from bot.engines import maker, weights_of

    section = config.engines[part]
    _require_weights(section.engine, weights_of(section), part)
    maker(section, config.device)()
    return f"{section.engine} loads"


def _require_weights(engine: str, weights: "Sequence[Weights]", part: str) -> None:
    from models.downloads import located

    if absent := [each.name for each in weights if located(each) is None]:
        raise Concern(
            f"{engine} has no weights here yet: {', '.join(absent)}",
            remedy=f"frontdesk models pull {part}; otherwise the desk fetches them when it opens",
        )


def _assistant(settings: "AssistantSection", device: str) -> str:
    """Asks the model for a word: a wrong key or name shows only then."""
    from bot.weights import weights_of_assistant

    _require_weights(settings.provider, weights_of_assistant(settings), "assistant")
    try:
        from bot.assistant import ModelFailed, open_model
    except ImportError as error:
        raise OperatorError(
            f"a package is missing: {error}",
            remedy=f"install it: `pip install 'frontdesk[{settings.extra}]'`",
        ) from error
    model = open_model(settings, device)
    try:
        asyncio.run(_asked(model.probe(), settings.timeout_s))
    except TimeoutError as error:
        raise Concern(
            f"{settings.model} says nothing for {settings.timeout_s:g} s",
            remedy="raise `assistant.timeout_s`, or choose a faster model",
        ) from error
    except ModelFailed as error:
        raise Concern(
            str(error), remedy="until it is mended, the knowledge is quoted; see docs/assistant.md"
        ) from error
    return f"{settings.model} answers"


async def _asked(probe: Coroutine[object, object, None], timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        await probe
