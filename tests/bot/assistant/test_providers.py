"""The assistant's lines for Ollama, Anthropic and Google, as docs/assistant.md has them: the
providers' real packages, against a server that speaks as theirs do."""

import io
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.assistant import Model, ModelFailed, open_model
from bot.assistant_settings import AssistantSection
from bot.config import Config
from bot.config_file import read_config
from bot.errors import OperatorError
from bot.messages import AttachmentId, AttachmentKind, ReplyKind
from bot.perception import Perceived
from tests.bot.assistant.conftest import Desk
from tests.bot.assistant.provider_server import (
    GIVEN,
    KEY,
    WRITTEN,
    Anthropic,
    Google,
    Ollama,
    Provider,
    serving,
)

RETURN = "Can I send goods back after 20 days?"
SAYS = "You may send goods back within 30 days of delivery [1]. No reason is needed [1]."
TEXT = "You may send goods back within 30 days of delivery. No reason is needed."
SECRET = "sk-wrong-4711"
PROVIDERS = (Ollama, Anthropic, Google)
_UNLIKE = itertools.count()


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.__name__.lower())
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    async with serving(request.param()) as provider:
        provider.says = SAYS
        yield provider


def configured(folder: Path, *lines: str) -> AssistantSection:
    """What `frontdesk.yaml` says below `assistant:`."""
    file = folder / "frontdesk.yaml"
    file.write_text("\n".join(["name: Corner Shop", *lines, ""]), "utf-8")
    section = read_config(Config, file).assistant
    assert section
    return section


def at(provider: Provider, folder: Path, *more: str, model: str = "") -> AssistantSection:
    # langchain keeps one client for each address and time-out, and with it the loop of the test
    # before.
    timeout_s = 20 + next(_UNLIKE) / 100
    return configured(
        folder,
        "assistant:",
        f"  model: {model or provider.line}",
        f"  base_url: {provider.url}",
        "  api_key: ${SHOP_KEY}",
        f"  timeout_s: {timeout_s}",
        *(f"  {line}" for line in more),
    )


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", KEY)


def hired(desk: Desk, section: AssistantSection) -> Model:
    model = open_model(section)
    desk.employ(model, section)
    return model


async def test_its_words_stream_into_an_answer_with_sources_and_are_counted(
    provider: Provider, desk: Desk, tmp_path: Path
) -> None:
    hired(desk, at(provider, tmp_path, "input_price: 2", "output_price: 10"))
    reply, trace = await desk.turn(tmp_path, RETURN)
    assert (reply.kind, reply.text) == (ReplyKind.ANSWER, TEXT)
    assert [citation.article for citation in reply.citations] == ["returns"]
    assert len(desk.seen) > 5
    account = trace["assistant"]
    assert (account["model"], account["outcome"]) == (provider.line, "answered")
    assert (account["tokens_in"], account["tokens_out"]) == (GIVEN, WRITTEN)
    assert account["cost"] == pytest.approx((GIVEN * 2 + WRITTEN * 10) / 1e6)


@pytest.mark.parametrize(
    ("provider", "variables"),
    [
        (Ollama, {"OLLAMA_HOST": "{url}", "OLLAMA_API_KEY": KEY}),
        (Anthropic, {"ANTHROPIC_BASE_URL": "{url}", "ANTHROPIC_API_KEY": KEY}),
        (Google, {"GOOGLE_GEMINI_BASE_URL": "{url}", "GOOGLE_API_KEY": KEY}),
    ],
    indirect=["provider"],
    ids=["ollama", "anthropic", "google"],
)
async def test_one_line_is_enough(
    provider: Provider,
    variables: dict[str, str],
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(url=provider.url))
    hired(desk, configured(tmp_path, f"assistant: {provider.line}"))
    worded = await desk.ask(RETURN)
    assert worded.answer, worded.account
    assert worded.answer.text == TEXT


@pytest.mark.parametrize(
    ("how", "why", "told"),
    [
        ("wrong key", "key refused", "see `assistant.api_key`"),
        ("unknown model", "no such model", "see `assistant.model`"),
        ("limited", "limited", "a limit of its rate"),
        ("overloaded", "down", "fails (5"),
        ("error inside", "down", ""),
        ("ends", "cut off", "stopped in the middle"),
        ("hangs up", "down", "hung up"),
    ],
)
async def test_what_fails_is_told_to_the_operator_and_the_knowledge_is_quoted(
    provider: Provider,
    how: str,
    why: str,
    told: str,
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider.how = how
    if how == "wrong key":
        monkeypatch.setenv("SHOP_KEY", SECRET)
    gone = f"{provider.line.partition(':')[0]}:gone" if how == "unknown model" else ""
    hired(desk, at(provider, tmp_path, model=gone))
    reply, trace = await desk.turn(tmp_path, RETURN)
    assert (reply.kind, [each.article for each in reply.citations]) == (
        ReplyKind.ANSWER,
        ["returns"],
    )
    assert "Register the return at shop.example/returns" in reply.text
    assert trace["decision"]["why"] == "an article answers"
    assert trace["assistant"]["outcome"] == why
    (record,) = [each for each in caplog.records if each.message == "assistant.failed"]
    assert told in record.__dict__["reason"]
    assert SECRET not in caplog.text
    assert len(provider.asked) == 1
    # What it refused is not booked.
    refused = how in ("wrong key", "unknown model", "limited", "overloaded")
    assert (trace["assistant"]["tokens_in"] == 0) is refused


async def test_it_answers_a_doctor_who_asks_for_a_word(provider: Provider, tmp_path: Path) -> None:
    await open_model(at(provider, tmp_path)).probe()
    wrong = open_model(at(provider, tmp_path, "options: {}"))
    provider.how = "limited"
    with pytest.raises(ModelFailed, match="takes no more requests"):
        await wrong.probe()


async def test_a_customers_picture_reaches_those_that_see(
    provider: Provider, desk: Desk, tmp_path: Path
) -> None:
    # Of Ollama's models nobody knows beforehand which can see.
    always = ["images: always"] if isinstance(provider, Ollama) else []
    hired(desk, at(provider, tmp_path, *always))
    desk.pictures["att_1"] = Image.new("RGB", (90, 60), "red")
    seen = Perceived(AttachmentId("att_1"), AttachmentKind.IMAGE, shown="Return")
    worded = await desk.ask(RETURN, shown="Return", pictures=(seen,))
    assert worded.answer, worded.account
    (picture,) = provider.images()
    assert Image.open(io.BytesIO(picture)).size == (90, 60)


async def test_models_that_take_no_temperature_are_sent_none(tmp_path: Path) -> None:
    async with serving(Anthropic()) as provider:
        for name, sent in (("claude-haiku-4-5", {0.3}), ("claude-opus-5", set())):
            provider.line = f"anthropic:{name}"
            await open_model(at(provider, tmp_path, "temperature: 0.3")).probe()
            assert {body["temperature"] for body in provider.asked if "temperature" in body} == sent
            provider.asked.clear()


async def test_what_anthropic_does_not_count_is_estimated(desk: Desk, tmp_path: Path) -> None:
    async with serving(Anthropic()) as provider:
        provider.says, provider.counts_again = SAYS, False
        hired(desk, at(provider, tmp_path))
        account = (await desk.ask(RETURN)).account
    assert account.tokens_in > 500


async def test_ollama_takes_in_as_much_as_it_is_given(desk: Desk, tmp_path: Path) -> None:
    async with serving(Ollama()) as provider:
        provider.says = SAYS
        hired(desk, at(provider, tmp_path, "context_tokens: 9000", "answer_tokens: 300"))
        assert (await desk.ask(RETURN)).answer
        options = provider.asked[-1]["options"]
    assert (options["num_ctx"], options["num_predict"]) == (9000, 300)
    assert options["temperature"] == 0


async def test_a_model_that_ollama_has_not_fetched_is_told_with_the_command(tmp_path: Path) -> None:
    async with serving(Ollama()) as provider:
        with pytest.raises(ModelFailed, match="or fetch it: `ollama pull gone`"):
            await open_model(at(provider, tmp_path, model="ollama:gone")).probe()


@pytest.mark.parametrize(
    ("line", "host", "remote"),
    [
        ("ollama:qwen3", "", False),
        ("ollama:qwen3", "127.0.0.1:11434", False),
        ("ollama:qwen3", "0.0.0.0", False),
        ("ollama:qwen3", "http://gpu.shop.example:11434", True),
        ("ollama:gpt-oss:120b-cloud", "", True),
        ("ollama:kimi-k2:cloud", "", True),
        ("anthropic:claude-haiku-4-5", "", True),
        ("google_genai:gemini-2.5-flash", "", True),
    ],
)
def test_whether_what_is_asked_leaves_the_machine(
    line: str, host: str, remote: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    section = configured(tmp_path, "assistant:", f"  model: {line}", "  api_key: x")
    assert open_model(section).remote is remote


@pytest.mark.parametrize("line", [Anthropic.line, Google.line])
def test_a_line_without_a_key_is_told(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OperatorError, match=f"no key for {line.partition(':')[0]}") as told:
        open_model(configured(tmp_path, f"assistant: {line}"))
    assert "api_key: ${NAME}" in told.value.remedy


@pytest.mark.parametrize(
    ("kind", "line", "place", "sent"),
    [
        (Ollama, "options: {reasoning: false}", ("think",), False),
        (
            Google,
            "options: {thinking_budget: 0}",
            ("generationConfig", "thinkingConfig", "thinking_budget"),
            0,
        ),
    ],
)
async def test_a_model_is_told_to_think_less(
    kind: type[Provider], line: str, place: tuple[str, ...], sent: object, tmp_path: Path
) -> None:
    async with serving(kind()) as provider:
        await open_model(at(provider, tmp_path, line)).probe()
    told: Any = provider.asked[-1]
    for key in place:
        told = told[key]
    assert told == sent
