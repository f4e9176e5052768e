"""What an operator decides about the desk's own ways in: the widget, and the API for programs."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bot.config_section import Section, beside_the_file


class WebchatSection(Section):
    enabled: bool = True
    """Whether the chat widget is served."""
    origins: list[str] = []
    """Sites whose pages may show the widget: `https://shop.example`, `https://*.shop.example`, or
    `*`. The desk's own pages always may."""
    identity: dict[str, SecretStr] = {}
    """Name of a site → the secret with which its server signs who is logged in, 32 characters or
    more; `${NAME}` of an environment variable. See docs/identity.md."""
    page: Annotated[Path, AfterValidator(beside_the_file)] | None = None
    """A folder of web pages to serve at `/`."""
    developer: bool = False
    """Show in the widget how each answer came about. For development only."""
    session_days: Annotated[float, Field(gt=0, le=365)] = 30.0
    """How long a widget may stay away and still resume its conversation."""


class HttpSection(Section):
    keys: dict[str, str] = {}
    """Name of an integrator → SHA-256 digest of its API key, as `frontdesk keys` prints it.
    Without any, every call is refused; /docs shows what there would be to call."""
