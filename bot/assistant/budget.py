"""How much a conversation has used of the language model, kept in Redis."""

import msgspec

from bot import keys
from bot.assistant.model import Usage
from bot.assistant_settings import AssistantSection
from bot.messages import ConversationId
from bot.store import Store

_MILLION = 1_000_000


class Spent(msgspec.Struct, frozen=True):
    tokens: int
    cost: float


class Budget:
    """What conversations may use, and have used."""

    def __init__(self, store: Store, settings: AssistantSection, keep_s: int) -> None:
        """`keep_s`: how long a conversation is remembered after its last message, in seconds."""
        self._store = store
        self._tokens = settings.conversation_tokens
        self._cost = settings.conversation_cost
        self._prices = (settings.input_price, settings.output_price)
        self._keep_s = keep_s

    def cost_of(self, usage: Usage) -> float:
        """In the currency of the prices; 0 where none are set."""
        given, written = self._prices
        return (usage.given * given + usage.written * written) / _MILLION

    async def allows(self, conversation: ConversationId, most: Usage) -> bool:
        """Whether there is room for a request that uses this at most. Raises `Unavailable`."""
        spent = await self.spent(conversation)
        if spent.tokens + most.given + most.written > self._tokens:
            return False
        return not self._cost or spent.cost + self.cost_of(most) <= self._cost

    async def spend(self, conversation: ConversationId, usage: Usage) -> None:
        """Raises `Unavailable`."""
        key = keys.spent(conversation)
        used = self._store.run("HINCRBY", key, "tokens", usage.given + usage.written)
        cost = self._store.run("HINCRBYFLOAT", key, "cost", f"{self.cost_of(usage):.9f}")
        expiry = self._store.run("EXPIRE", key, self._keep_s)
        for done in (used, cost, expiry):
            await done

    async def spent(self, conversation: ConversationId) -> Spent:
        """Raises `Unavailable`."""
        tokens, cost = await self._store.run("HMGET", keys.spent(conversation), "tokens", "cost")
        return Spent(int(tokens or 0), float(cost or 0))
