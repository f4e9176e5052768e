"""A project's intents: what customers want, and how they say and show it.

`read_intents` reads the folder and `IntentBook` follows it while the desk is open; `lessons` makes
of it what a model is trained on, and `observed` does so with a labelled file to judge one by.
`synthesizing` makes examples of templates.
"""

from bot.intents.book import IntentBook
from bot.intents.folder import read_intents
from bot.intents.intent import Intent, IntentSet

__all__ = ["Intent", "IntentBook", "IntentSet", "read_intents"]
