"""Who a WeChat message is from: its signatures, and the encryption of the safe mode.

wechatpy would do the same and brings requests, two XML readers and a session store with it; it
makes the vectors of the tests. Source:
https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Technical_Plan.html
"""

import base64
import binascii
import hashlib
import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.errors import OperatorError
from connectors.messaging.hook import Forged, same

_KEY = re.compile(r"[A-Za-z0-9]{43}")
_BLOCK_BYTES = 32
"""WeChat pads to 32 bytes, where AES itself would be content with 16."""
_RANDOM_BYTES = 16
_LENGTH_BYTES = 4


def signature(*parts: str) -> str:
    """SHA-1, as WeChat prescribes, of the sorted parts; the secret token is one of them."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


class SafeMode:
    """AES-256-CBC with the account's EncodingAESKey."""

    def __init__(self, encoding_key: str, appid: str) -> None:
        """`encoding_key`: 43 letters and digits, base64 of 32 bytes without its last sign. Raises
        `OperatorError`."""
        if not _KEY.fullmatch(encoding_key):
            raise OperatorError(
                "channels.wechat.aes_key is not 43 letters and digits",
                remedy="copy the EncodingAESKey of the server configuration",
            )
        self._key = base64.b64decode(f"{encoding_key}=")
        self._appid = appid

    def decrypt(self, encrypted: str) -> bytes:
        """The message within. Call once the signature of `encrypted` is known to be right. Raises
        `Forged` where it is not made with this key for this account."""
        try:
            data = base64.b64decode(encrypted, validate=True)
            decryptor = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16])).decryptor()
            plain = decryptor.update(data) + decryptor.finalize()
        except (binascii.Error, ValueError) as error:
            raise Forged("the message is not encrypted as it must be") from error
        content = _unpadded(plain)[_RANDOM_BYTES:]
        end = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "big")
        # Whom it is for stands at its end: a message for another account is none for this one.
        if not same(content[end:].decode("latin-1"), self._appid):
            raise Forged("the message is for another account")
        return content[_LENGTH_BYTES:end]


def _unpadded(plain: bytes) -> bytes:
    """PKCS #7, with blocks of WeChat's size. Raises `Forged`."""
    count = plain[-1] if plain else 0
    if not 1 <= count <= _BLOCK_BYTES or plain[-count:] != bytes([count]) * count:
        raise Forged("the message is encrypted with another key")
    return plain[:-count]
