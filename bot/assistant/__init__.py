"""The assistant: a language model that words answers from what the knowledge found. Its packages
are imported only where one is configured."""

from bot.assistant.assistant import Account, Assistant, Worded
from bot.assistant.budget import Budget
from bot.assistant.failures import ModelFailed
from bot.assistant.model import Model
from bot.assistant.opening import open_model
from bot.assistant.summary import Summarizer

__all__ = [
    "Account",
    "Assistant",
    "Budget",
    "Model",
    "ModelFailed",
    "Summarizer",
    "Worded",
    "open_model",
]
