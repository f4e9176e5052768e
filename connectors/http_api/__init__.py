"""The channel for other programs. See docs/http-api.md."""

from connectors.http_api.connector import HttpApi
from connectors.http_api.keys import ApiKeys, digest_of, new_key

__all__ = ["ApiKeys", "HttpApi", "digest_of", "new_key"]
