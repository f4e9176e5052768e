"""The page that a caller's link opens: a picture is chosen there, and looked at in the call."""

from connectors.picture_page.page import PATH, PicturePage

__all__ = ["PATH", "PicturePage"]
