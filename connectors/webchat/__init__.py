"""The chat widget's channel: a WebSocket, uploads and media beside it. See docs/protocol.md."""

from connectors.webchat.connector import WebchatConnector
from connectors.webchat.identity import Identity
from connectors.webchat.origins import Origins
from connectors.webchat.settings import Business, Limits, WebchatSettings
from connectors.webchat.tokens import Signer, load_secret

__all__ = [
    "Business",
    "Identity",
    "Limits",
    "Origins",
    "Signer",
    "WebchatConnector",
    "WebchatSettings",
    "load_secret",
]
