"""A server of OpenAI's protocol, OpenAI's own or another's: its client, whether it takes the key,
and its refusals in words.

The engines are `models.openai_synthesizer` and `models.openai_transcriber`.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

import httpx2
import openai

from models.errors import EngineMissing

log = logging.getLogger(__name__)

CONNECT_S = 5.0
_NO_KEY = "none"
"""The client wants one; servers of one's own often do not."""

T = TypeVar("T")


class OpenAIServer:
    """One model on a server."""

    def __init__(
        self,
        kind: str,
        part: str,
        *,
        model: str,
        base_url: str,
        api_key: str,
        timeout_s: float,
        tries_more: int,
    ) -> None:
        """`kind`: what the operator reads that it is (`speech server`). `part`: of the desk, whose
        options name it. `tries_more`: after a connection that broke, an answer that did not come,
        and one that told to come later.

        Raises `EngineMissing` if it wants a key and there is none.
        """
        self.model = model
        self._part = part
        try:
            self.client = openai.OpenAI(
                base_url=base_url or None,
                api_key=api_key or (_NO_KEY if base_url else None),
                timeout=httpx2.Timeout(timeout_s, connect=CONNECT_S),
                max_retries=tries_more,
            )
        except openai.OpenAIError as error:
            raise EngineMissing(
                f"the {kind} wants a key, and there is none",
                remedy=f"set `api_key` of the {part}, or the variable OPENAI_API_KEY; a server of "
                "your own is named by `base_url`",
            ) from error
        self.url = str(self.client.base_url).rstrip("/")
        self.name = f"the {kind} {self.url}"
        """As it stands in a sentence."""

    def greeted(self, ask: Callable[[], T], unreachable: str) -> T | None:
        """What the server answers when the desk begins; None where it knows no such question, and
        where it does not answer now, which is logged as `unreachable`.

        Raises `EngineMissing` if it wants another key.
        """
        try:
            return ask()
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise EngineMissing(
                f"{self.name} refuses the key ({error.status_code})",
                remedy=f"set `api_key` of the {self._part}, best as ${{NAME}} of a variable",
            ) from error
        except openai.APIStatusError:
            return None
        except openai.APIError as error:
            about = {"server": self.url, "reason": type(error).__name__}
            log.warning(unreachable, extra=about)
            return None

    def refusal(self, error: openai.APIStatusError, said: str = "") -> str:
        """`said`: what the server says itself, where it does not quote."""
        match error.status_code:
            case 401 | 403:
                what = f"refuses the key: set `api_key` of the {self._part}"
            case 404:
                what = f"has no model {self.model!r}, or `base_url` lacks its /v1"
            case 429:
                what = "is asked too often, or its credit is used up"
            case status if status >= 500:
                what = f"failed with {status}"
            case status:
                what = f"refused with {status} {said}".strip()
        return f"{self.name} {what}"
