"""What a file is, told by its bytes; a name or a sender's claim decides nothing.

Only what the desk can read has a type here. Everything else is None, and is refused.
"""

import re
from typing import Literal

Kind = Literal["image", "audio", "video", "file"]
_KINDS: dict[str, Kind] = {"image": "image", "audio": "audio", "video": "video"}

HEAD_BYTES = 4096
"""As much of a file as `sniff` needs to see."""

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR\n", "audio/amr"),
    (b"#!AMR-WB\n", "audio/amr-wb"),
    (b"ID3", "audio/mpeg"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
_MP4 = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash"}
)
_M4A = frozenset({b"M4A ", b"M4B "})
_WEBM_PICTURES = re.compile(rb"V_(?:VP8|VP9|AV1|MPEG4)")
_OGG_SOUND = re.compile(rb"OpusHead|\x01vorbis|\x7fFLAC|Speex   ")
_OGG_PICTURES = re.compile(rb"\x80theora|BBCD\x00|\x01video")

DEMUXERS = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/amr": "amr",
    "audio/amr-wb": "amr",
    "audio/ogg": "ogg",
    "audio/webm": "matroska",
    "video/webm": "matroska",
    "audio/mp4": "mov",
    "video/mp4": "mov",
    "audio/3gpp": "mov",
    "video/3gpp": "mov",
    "audio/quicktime": "mov",
    "video/quicktime": "mov",
}
"""Which of FFmpeg's demuxers reads a type. It is always named and never guessed, so that nobody
reaches those that open other files or addresses."""


def sniff(head: bytes) -> str | None:
    """The media type of a file that begins with `head`, or None if the desk cannot read it.

    Containers of sound or of pictures are told apart by the streams that they announce; one that
    announces them only at its end counts as video.
    """
    for start, media_type in _STARTS:
        if head.startswith(start):
            return media_type
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head[:64]:
        sound_alone = b"A_" in head and not _WEBM_PICTURES.search(head)
        return "audio/webm" if sound_alone else "video/webm"
    if head.startswith(b"OggS"):
        known = _OGG_SOUND.search(head) and not _OGG_PICTURES.search(head)
        return "audio/ogg" if known else None
    if b"%PDF-" in head[:1024]:
        return "application/pdf"
    return "audio/mpeg" if _mp3_frame(head) else None


def kind_of(media_type: str) -> Kind:
    """Which kind of attachment a type is."""
    family = media_type.partition("/")[0]
    return _KINDS.get(family, "file")


def _iso_media(head: bytes) -> str | None:
    brand = head[8:12]
    if brand in _HEIC:
        return "image/heic"
    if brand in _M4A:
        return "audio/mp4"
    pictures, sound = b"vide" in head, b"soun" in head
    family = "audio" if sound and not pictures else "video"
    if brand in _MP4:
        return f"{family}/mp4"
    if brand.startswith((b"3gp", b"3g2")):
        return f"{family}/3gpp"
    return f"{family}/quicktime" if brand == b"qt  " else None


def _mp3_frame(head: bytes) -> bool:
    """An MPEG audio frame of layer 3 with a bit rate and a sample rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, sample_rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bit_rate not in (0, 15) and sample_rate != 3
