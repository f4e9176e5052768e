"""`frontdesk channels`: what is there, whether it works, and how one is added."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from bot.channel_settings import TelegramSection
from bot.cli.channel_setup import Setup, with_section
from bot.config import load
from bot.errors import OperatorError
from tests.bot.cli.conftest import Frontdesk
from tests.connectors.messaging.telegram_api import SECRET, TOKEN, BotApi, refusal

Channels = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]
TELEGRAM = "\nchannels:\n  telegram:\n    token: ${TELEGRAM_TOKEN}\n"


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    api = BotApi()
    api.answer("GET", "/healthz", b"ok")
    async with api.serving():
        yield api


@pytest.fixture
def channels(frontdesk: Frontdesk, project: Path) -> Channels:
    """Runs `frontdesk channels WORDS` on the project."""

    async def run(*words: str, **how: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(frontdesk, "channels", *words, "-p", project, **how)

    return run


def write(project: Path, text: str) -> Path:
    file = project / "frontdesk.yaml"
    file.write_text(file.read_text("utf-8") + text, "utf-8")
    return file


class TestList:
    async def test_every_channel_is_listed_with_its_state(
        self, channels: Channels, project: Path
    ) -> None:
        shown = (await channels()).stdout
        assert "webchat" in shown
        assert "telegram" in shown
        assert "frontdesk channels add NAME" in shown
        write(project, TELEGRAM)
        shown = (await channels(TELEGRAM_TOKEN=TOKEN)).stdout
        assert "configured" in shown
        assert "/channels/telegram" in shown
        assert "server.url" in shown
        assert TOKEN not in shown

    async def test_a_secret_that_is_missing_is_named(
        self, channels: Channels, project: Path
    ) -> None:
        write(project, TELEGRAM)
        ended = await channels()
        assert ended.returncode == 2
        assert "incomplete" in ended.stdout
        assert "TELEGRAM_TOKEN" in ended.stdout
        assert "TELEGRAM_TOKEN is not set" in ended.stderr


class TestCheck:
    async def test_credentials_and_webhook_are_looked_at(
        self, channels: Channels, project: Path, api: BotApi
    ) -> None:
        write(project, f"{TELEGRAM}    secret: {SECRET}\n    api: {api.url}\n")
        settings = {"TELEGRAM_TOKEN": TOKEN, "FRONTDESK_SERVER__URL": "https://desk.invalid"}
        ended = await channels("check", "telegram", **settings)
        assert "✓ credentials: @shop_bot" in ended.stdout
        assert "! address: https://desk.invalid" in ended.stdout
        assert "sends to nowhere" in ended.stdout
        assert "frontdesk channels check telegram --register" in ended.stdout
        assert ended.returncode == 1
        ended = await channels("check", "telegram", "--register", **settings)
        assert "✓ webhook: the provider sends to https://desk.invalid" in ended.stdout
        assert api.webhook["url"] == "https://desk.invalid/channels/telegram"
        assert TOKEN not in ended.stdout + ended.stderr

    async def test_what_the_provider_says_of_the_last_webhook_is_shown(
        self, channels: Channels, project: Path, api: BotApi
    ) -> None:
        write(project, f"{TELEGRAM}    secret: {SECRET}\n    api: {api.url}\n")
        api.webhook = {
            "url": "https://desk.invalid/channels/telegram",
            "last_error_message": "Wrong response from the webhook: 502 Bad Gateway",
        }
        settings = {"TELEGRAM_TOKEN": TOKEN, "FRONTDESK_SERVER__URL": "https://desk.invalid"}
        ended = await channels("check", "telegram", **settings)
        assert "502 Bad Gateway" in ended.stdout
        assert ended.returncode == 1

    async def test_a_wrong_token_is_told_with_what_mends_it(
        self, channels: Channels, project: Path, api: BotApi
    ) -> None:
        write(project, f"{TELEGRAM}    api: {api.url}\n")
        api.fail(api.method("getMe"), refusal(401, "Unauthorized"))
        ended = await channels("check", "telegram", TELEGRAM_TOKEN=TOKEN)
        assert ended.returncode == 2
        assert "Unauthorized" in ended.stderr
        assert "@BotFather" in ended.stderr

    async def test_without_an_address_what_fetches_by_itself_is_well(
        self, channels: Channels, project: Path, api: BotApi
    ) -> None:
        write(project, f"{TELEGRAM}    api: {api.url}\n")
        ended = await channels("check", "telegram", TELEGRAM_TOKEN=TOKEN)
        assert "fetches by itself" in ended.stdout
        assert ended.returncode == 0

    @pytest.mark.parametrize("name", ["telegram", "telegraph", "webchat"])
    async def test_what_is_not_configured_is_told(self, channels: Channels, name: str) -> None:
        ended = await channels("check", name)
        assert ended.returncode == 2
        assert ("channels add telegram" if name == "telegram" else "one of:") in ended.stderr


class TestAdd:
    async def test_a_channel_is_asked_for_tried_and_written(
        self, channels: Channels, project: Path, api: BotApi
    ) -> None:
        file = write(project, "\n# how we are reached\nchannels:\n  # the widget\n  webchat: {}\n")
        before = file.read_text("utf-8")
        ended = await channels(
            "add", "telegram", "--set", f"api={api.url}", given=f"{TOKEN}\n{SECRET}\n"
        )
        assert ended.returncode == 0, ended.stderr
        for said in ("token: The bot's token", "(Enter leaves it out)", "✓ credentials: @shop_bot"):
            assert said in ended.stdout
        added = (
            "channels:\n  telegram:\n    api: " + api.url + "\n    token: ${TELEGRAM_TOKEN}\n"
            "    secret: ${TELEGRAM_SECRET}\n"
        )
        assert file.read_text("utf-8") == before.replace("\nchannels:\n", f"\n{added}")
        assert (project / ".env").stat().st_mode & 0o777 == 0o600
        assert ".env" in (project / ".gitignore").read_text("utf-8").splitlines()
        telegram = load(project).channels.telegram
        assert telegram
        assert telegram.token.get_secret_value() == TOKEN
        assert telegram.secret.get_secret_value() == SECRET
        assert TOKEN not in file.read_text("utf-8") + ended.stdout + ended.stderr

    async def test_its_webhook_is_registered_where_the_desk_has_an_address(
        self, channels: Channels, project: Path, api: BotApi
    ) -> None:
        ended = await channels(
            "add",
            "telegram",
            "--set",
            f"api={api.url}",
            given=f"{SECRET}\n",
            TELEGRAM_TOKEN=TOKEN,
            FRONTDESK_SERVER__URL="https://desk.invalid",
        )
        assert ended.returncode == 0, ended.stderr
        assert "TELEGRAM_TOKEN is taken from the environment" in ended.stdout
        assert api.webhook["url"] == "https://desk.invalid/channels/telegram"
        assert "TELEGRAM_TOKEN" not in (project / ".env").read_text("utf-8")

    async def test_refused_credentials_change_nothing(
        self, channels: Channels, project: Path, api: BotApi
    ) -> None:
        before = (project / "frontdesk.yaml").read_bytes()
        api.fail(api.method("getMe"), refusal(401, "Unauthorized"))
        ended = await channels("add", "telegram", "--set", f"api={api.url}", given=f"{TOKEN}\n\n")
        assert ended.returncode == 2
        assert "@BotFather" in ended.stderr
        assert (project / "frontdesk.yaml").read_bytes() == before
        assert not (project / ".env").exists()

    @pytest.mark.parametrize(
        ("words", "given", "problem"),
        [
            (("telegraph",), "", "there is no messaging app 'telegraph'"),
            (("webchat",), "", "there is no messaging app 'webchat'"),
            (("telegram", "--set", "token=1:a"), "", "is a secret"),
            (("telegram", "--set", "tokn=1:a"), "", "its settings: token, secret"),
            (("telegram", "--set", "api=nowhere"), "1:a\n\n", "must begin with https://"),
            (("telegram",), "1:a\nnot allowed!\n", "letters, digits"),
        ],
    )
    async def test_a_mistake_changes_nothing_and_is_told(
        self, channels: Channels, project: Path, words: tuple[str, ...], given: str, problem: str
    ) -> None:
        before = (project / "frontdesk.yaml").read_bytes()
        ended = await channels("add", *words, given=given)
        assert ended.returncode == 2
        assert problem in ended.stderr
        assert "1:a" not in ended.stderr or "--set" in words
        assert (project / "frontdesk.yaml").read_bytes() == before

    async def test_what_is_there_already_is_not_added(
        self, channels: Channels, project: Path
    ) -> None:
        write(project, TELEGRAM)
        ended = await channels("add", "telegram", TELEGRAM_TOKEN=TOKEN)
        assert ended.returncode == 2
        assert "frontdesk channels check telegram" in ended.stderr


def telegram() -> Setup:
    setup = Setup("telegram")
    setup.ask(TelegramSection, {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_SECRET": SECRET})
    return setup


@pytest.mark.parametrize(
    "text",
    [
        "name: Shop\n",
        "name: Shop",
        "name: Shop\r\nlanguage: de\r\n",
        "name: Shop\nchannels:\nlanguage: de\n",
        "name: Shop\nchannels:\n     # far in\n     webchat:\n          enabled: true\n\n# end\n",
        "name: Shop\nchannels: {webchat: {enabled: true}}  # all\nlanguage: de\n",
        "name: Shop\nchannels: {}\n",
        "channels:\n  http: {keys: {}}\nname: Shop # last",
    ],
)
def test_a_section_goes_into_any_form_of_file_and_all_else_stays(text: str) -> None:
    changed = with_section(text, telegram())
    before, after = yaml.safe_load(text), yaml.safe_load(changed)
    added = after["channels"].pop("telegram")
    assert added == {"token": "${TELEGRAM_TOKEN}", "secret": "${TELEGRAM_SECRET}"}
    before["channels"] = before.get("channels") or {}
    assert after == before
    for line in text.splitlines():
        assert line in changed or line.startswith("channels: {")
    assert changed.count("#") == text.count("#")
    assert ("\r\n" in changed) == ("\r\n" in text)


def test_a_file_that_is_none_is_left_alone() -> None:
    with pytest.raises(OperatorError):
        with_section("- a list\n", telegram())
