"""What an operator can decide: one typed model, filled from `frontdesk.yaml` and the environment.

The text under each setting is its documentation; docs/configuration.md is made from here. How the
file is read, and how its mistakes are told, is in `bot/config_file.py`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bot import texts
from bot.assistant_settings import AssistantSection
from bot.call_settings import CallsSection
from bot.channel_settings import (
    DiscordSection,
    EmailSection,
    InstagramSection,
    LineSection,
    MessengerSection,
    SlackSection,
    TeamsSection,
    TelegramSection,
    TwilioSection,
    ViberSection,
    VonageSection,
    WebhookSection,
    WeChatSection,
    WhatsAppSection,
)
from bot.config_file import read_config
from bot.config_section import Section, beside_the_file
from bot.engine_settings import (
    EngineSection,
    ImageEncoderSection,
    SynthesizerSection,
    TextEncoderSection,
    TextReaderSection,
    TranscriberSection,
)
from bot.errors import OperatorError
from bot.web_settings import HttpSection, WebchatSection

__all__ = ["CONFIG_FILE", "Config", "load"]

CONFIG_FILE = "frontdesk.yaml"


def load(path: Path) -> "Config":
    """The configuration in a `frontdesk.yaml`, or in a folder that has one.

    Raises `OperatorError` naming file, line, key and what is allowed.
    """
    file = path / CONFIG_FILE if path.is_dir() else path
    if not file.is_file():
        raise OperatorError(
            f"there is no {file}",
            remedy="run `frontdesk init FOLDER`, or name the project: `--project FOLDER`",
        )
    return read_config(Config, file)


def _bare(key: str) -> BeforeValidator:
    """Lets `media: FOLDER` stand for `media: {place: FOLDER}`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _engine_and_model(value: Any) -> Any:
    """Lets `ENGINE` stand for `{engine: ENGINE}`, and `ENGINE:MODEL` for both."""
    if not isinstance(value, str):
        return value
    engine, colon, model = value.partition(":")
    return {"engine": engine} | ({"model": model} if colon else {})


_LINE = BeforeValidator(_engine_and_model)


def _known_language(code: str) -> str:
    if code not in texts.languages():
        raise ValueError(f"must be one of: {', '.join(texts.languages())}")
    return code


def _redis_address(address: str) -> str:
    if address != "embedded" and not address.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be `embedded`, or an address: redis://, rediss:// or unix://")
    return address


def _place(place: str) -> str:
    if "://" in place and not place.startswith("s3://"):
        raise ValueError("must be `folder`, the path of a folder, or s3://BUCKET/PREFIX")
    return place


def _own_channel(name: str, settings: Mapping[str, Any], info: ValidationInfo) -> dict[str, Any]:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", name):
        raise ValueError(f"names a channel `{name}`; it must be lower case letters, digits and `_`")
    connector = settings.get("connector")
    if not isinstance(connector, str) or not connector:
        raise ValueError(f"must say which `connector` {name} is: a file, or an import path")
    if connector.endswith(".py"):
        connector = str(beside_the_file(Path(connector), info))
    return {**settings, "connector": connector}


def _public_address(address: str) -> str:
    if address and not re.fullmatch(r"https://[^/?#@\s]+", address):
        raise ValueError("must be an address without a path: `https://desk.example`")
    return address


_DEFAULTS: Any = {}
"""A section that the file leaves out is filled as an empty one would be: beside that file."""

Folder = Annotated[Path, AfterValidator(beside_the_file)]
Language = Annotated[str, AfterValidator(_known_language)]


class KnowledgeSection(Section):
    folder: Folder = Path("knowledge")
    """The business's articles: `.md`, `.html`, `.pdf`, and `.csv` of questions and answers."""


class UnderstandingSection(Section):
    folder: Folder = Path("intents")
    """What customers want: YAML files with examples, one or more for each intent. See
    docs/intents.md."""
    fusion: Literal["auto", "attention", "concatenation", "late", "linear"] = "auto"
    """How `frontdesk train` brings words, screens, pictures, voices and history together."""
    tune: Literal["none", "last", "full", "lora"] = "none"
    """How much of the text encoder `frontdesk train` trains as well. `full` understands best and
    takes some minutes for ten thousand examples."""
    smaller: Literal["none", "pruned", "distilled"] = "none"
    """What makes a trained text encoder smaller and faster, for some accuracy: `pruned` takes half
    of the neurons of each layer, `distilled` every second layer. It needs `tune`."""
    balance: Literal["none", "resample", "weight", "focal"] = "weight"
    """What is done about intents with few examples beside others with many: their examples count
    more (`weight`) or are drawn more often (`resample`), or whatever is hard counts more (`focal`).
    """
    adversarial: Annotated[float, Field(ge=0, le=10)] = 0.0
    """How far each text's vector is pushed the wrong way in a second pass of each step, which makes
    the model steadier; 0 leaves that pass out, 0.3 is a beginning. A training takes twice as long.
    """
    languages: list[Language] = []
    """Languages that the examples are written in; where none is named, the desk's own. In others
    the desk goes by its knowledge."""


class MediaSection(Section):
    place: Annotated[str, AfterValidator(_place)] = "folder"
    """`folder` (inside `data`), the path of another folder, or `s3://BUCKET/PREFIX` in any
    S3-compatible store."""
    endpoint: str = ""
    """Address of an S3-compatible store that is not Amazon's."""
    region: str = ""
    """Region of the store; `AWS_REGION` otherwise."""
    access_key_id: SecretStr = SecretStr("")
    """`${NAME}` of an environment variable; `AWS_ACCESS_KEY_ID` otherwise."""
    secret_access_key: SecretStr = SecretStr("")
    """`${NAME}` of an environment variable; `AWS_SECRET_ACCESS_KEY` otherwise."""

    @property
    def options(self) -> dict[str, str]:
        """What was set for the store, by obstore's names."""
        given = {
            "endpoint": self.endpoint,
            "region": self.region,
            "access_key_id": self.access_key_id.get_secret_value(),
            "secret_access_key": self.secret_access_key.get_secret_value(),
        }
        return {name: value for name, value in given.items() if value}


class ChannelsSection(Section):
    webchat: WebchatSection = _DEFAULTS
    """The widget on the website."""
    http: HttpSection = _DEFAULTS
    """The API for other programs."""
    telegram: TelegramSection | None = None
    """A Telegram bot. See docs/channels/telegram.md."""
    twilio: TwilioSection | None = None
    """SMS and WhatsApp through Twilio. See docs/channels/twilio.md."""
    vonage: VonageSection | None = None
    """SMS through Vonage. See docs/channels/vonage.md."""
    teams: TeamsSection | None = None
    """Microsoft Teams. See docs/channels/teams.md."""
    line: LineSection | None = None
    """A LINE official account. See docs/channels/line.md."""
    wechat: WeChatSection | None = None
    """A WeChat official account. See docs/channels/wechat.md."""
    viber: ViberSection | None = None
    """A Viber bot. See docs/channels/viber.md."""
    whatsapp: WhatsAppSection | None = None
    """A WhatsApp number, by the Cloud API. See docs/channels/whatsapp.md."""
    messenger: MessengerSection | None = None
    """A Facebook Page's messages. See docs/channels/messenger.md."""
    instagram: InstagramSection | None = None
    """An Instagram account's messages. See docs/channels/instagram.md."""
    slack: SlackSection | None = None
    """A Slack app. See docs/channels/slack.md."""
    discord: DiscordSection | None = None
    """A Discord bot. See docs/channels/discord.md."""
    email: EmailSection | None = None
    """A mailbox. See docs/channels/email.md."""
    webhook: WebhookSection | None = None
    """Any other system, by signed webhooks in both directions. See docs/channels/webhook.md."""
    own: Annotated[dict[str, dict[str, Any]], Field(repr=False)] = {}
    """Channels of your own: name → `connector`, a Python file beside `frontdesk.yaml` or the import
    path of an installed module, and that connector's settings. See docs/channels/write-your-own.md.
    """

    @field_validator("own")
    @classmethod
    def _each_has_a_connector(
        cls, own: dict[str, dict[str, Any]], info: ValidationInfo
    ) -> dict[str, dict[str, Any]]:
        if taken := own.keys() & (cls.model_fields.keys() - {"own"}):
            raise ValueError(
                f"names a channel `{min(taken)}`, which the desk has already; it must have another "
                "name"
            )
        return {name: _own_channel(name, settings, info) for name, settings in own.items()}


class LimitsSection(Section):
    text_chars: Annotated[int, Field(ge=1, le=100_000)] = 8_000
    """Characters in one message."""
    attachments: Annotated[int, Field(ge=1, le=100)] = 10
    """Files beside one message."""
    upload_bytes: Annotated[ByteSize, Field(ge=1024, le=1024**3)] = ByteSize(25 * 1024**2)
    """Size of one file: bytes, or with a unit (`25 MiB`)."""
    messages_per_minute: Annotated[int, Field(ge=1)] = 60
    """Messages of one conversation, in the long run."""
    messages_burst: Annotated[int, Field(ge=1)] = 12
    """Messages of one conversation that may come at once."""
    sessions_per_minute: Annotated[int, Field(ge=1)] = 60
    """New conversations from one network address."""
    uploads_per_minute: Annotated[int, Field(ge=1)] = 30
    """Files from one network address."""
    audio_minutes: Annotated[float, Field(gt=0, le=60)] = 10
    """Length of one recording."""
    video_minutes: Annotated[float, Field(gt=0, le=60)] = 2
    """Length of one video."""
    pdf_pages: Annotated[int, Field(ge=1, le=500)] = 30
    """Pages of one PDF that are read; the rest is left out."""
    delivery_hours: Annotated[float, Field(gt=0, le=720)] = 24
    """How long a reply that an app does not take is tried again; then `frontdesk outbox` lists it
    as failed."""
    attachment_seconds: Annotated[float, Field(ge=1, le=600)] = 30
    """How long the desk may listen to or look at one attachment."""


class HistorySection(Section):
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """How long a conversation and its files are kept after its last message."""
    keep_messages: Annotated[int, Field(ge=20, le=10_000)] = 200
    """Messages and replies of one conversation that are kept whole; older ones are summed up."""


class ServerSection(Section):
    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for all."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    """Port to listen on; 0 for any free one."""
    trusted_proxies: list[str] = []
    """Addresses or networks of proxies in front of the desk whose `X-Forwarded-For` is believed."""
    url: Annotated[str, AfterValidator(_public_address)] = ""
    """The desk's address as the internet knows it, such as `https://desk.example`. Messaging apps
    send to it and fetch media from it; without one, only those work that the desk fetches from."""
    log: Literal["text", "json"] = "text"
    """How log lines are written."""


class Config(Section):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    """The business, as customers know it. The one setting that must be there."""
    language: Language = "en"
    """Answers to customers whose language nothing tells are in this one."""
    greeting: dict[str, str] = {}
    """What the widget says first: one text, or one for each language. Where there is none, the
    desk's own words."""
    suggestions: dict[str, list[str]] = {}
    """Questions to offer as buttons: one list, or one for each language."""
    data: Folder = Path(".frontdesk")
    """Where the desk keeps its own files: the embedded Redis, media, the index, its secret."""
    redis: Annotated[str, AfterValidator(_redis_address)] = "embedded"
    """`embedded`, or the URL of a Redis from 6.2 on (`redis://`, `rediss://`, `unix://`)."""
    person: dict[str, str] = {}
    """How a customer reaches a person: one text, or one for each language. Offered to those who
    ask for it, are in trouble, or cannot be helped."""
    knowledge: KnowledgeSection = _DEFAULTS
    """What the desk knows."""
    understanding: UnderstandingSection = _DEFAULTS
    """What the desk makes of what customers want."""
    media: Annotated[MediaSection, _bare("place")] = _DEFAULTS
    """Where customers' files and spoken answers are kept."""
    transcriber: Annotated[TranscriberSection, _LINE] = _DEFAULTS
    """What hears."""
    text_reader: Annotated[TextReaderSection, _LINE] = _DEFAULTS
    """What reads."""
    text_encoder: Annotated[TextEncoderSection, _LINE] = _DEFAULTS
    """What compares sentences."""
    image_encoder: Annotated[ImageEncoderSection, _LINE] = _DEFAULTS
    """What compares images."""
    synthesizer: Annotated[SynthesizerSection, _LINE] = _DEFAULTS
    """What speaks."""
    assistant: Annotated[AssistantSection | None, _bare("model")] = None
    """What words answers, where there is one: a language model. Without one the knowledge is
    quoted."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where engines run that can use a graphics card; `auto`: on one, if there is one."""
    channels: ChannelsSection = _DEFAULTS
    """How customers reach the desk."""
    calls: CallsSection = _DEFAULTS
    """How voice calls are held."""
    limits: LimitsSection = _DEFAULTS
    """How much a customer may send."""
    history: HistorySection = _DEFAULTS
    """How much is remembered."""
    server: ServerSection = _DEFAULTS
    """Where the desk listens."""

    @model_validator(mode="before")
    @classmethod
    def _one_text_is_in_the_own_language(cls, settings: Any) -> Any:
        if not isinstance(settings, dict):
            return settings
        language = settings.get("language", "en")
        whole = {"greeting": str, "suggestions": list, "person": str}
        calls = settings.get("calls")
        if isinstance(calls, dict) and isinstance(calls.get("greeting"), str):
            settings = settings | {"calls": calls | {"greeting": {language: calls["greeting"]}}}
        return settings | {
            key: {language: settings[key]}
            for key, kind in whole.items()
            if isinstance(settings.get(key), kind)
        }

    @property
    def engines(self) -> Mapping[str, EngineSection]:
        """The parts for which an engine is chosen, by their settings."""
        sections = ((name, getattr(self, name)) for name in Config.model_fields)
        return {name: each for name, each in sections if isinstance(each, EngineSection)}

    @property
    def index_folder(self) -> Path:
        return self.data / "index"

    @property
    def understanding_folder(self) -> Path:
        return self.data / "understanding"

    @property
    def intent_languages(self) -> tuple[str, ...]:
        return tuple(self.understanding.languages) or (self.language,)

    @property
    def redis_folder(self) -> Path:
        return self.data / "redis"

    @property
    def recordings_folder(self) -> Path:
        return self.data / "calls"

    @property
    def media_place(self) -> str:
        """A folder or an s3:// address, as `MediaStore` takes it."""
        return str(self.data / "media") if self.media.place == "folder" else self.media.place
