"""Every Redis key of the desk, built here and nowhere else.

A conversation belongs to one of `PARTITIONS` partitions. All its keys carry the partition's hash
tag, so that one script may touch them together, on a single server and on a cluster alike. One
worker process at a time owns a partition; ownership may move, the partition count may not. What
links customers lies beside the partitions, under one hash tag of its own.

| key | type | expires | what |
|---|---|---|---|
| fd:{pN}:owner | string | 5 s, renewed | the worker that answers this partition |
| fd:{pN}:inbox | stream | an entry goes with its turn's end | c conversation, s seq, m message |
| fd:{pN}:outbox | stream | an entry goes when delivered | s seq, r reply |
| fd:{pN}:held | hash | a field goes with its outbox entry | entry → why it was not delivered yet |
| fd:{pN}:dead | stream | history.keep_days, at most 1000 | s seq, r reply, w why, p part: failed |
| fd:{pN}:conversation:ID | hash | history.keep_days | channel, customer, seq, address, turn … |
| fd:{pN}:log:ID | stream | history.keep_days | entry SEQ-0: e message or reply |
| fd:{pN}:perceived:ID | hash | history.keep_days | attachment id → what was heard or read in it |
| fd:{pN}:heard:ID | hash | history.keep_days | reply → what a caller heard of it, if not all |
| fd:{pN}:calls:ID | hash | history.keep_days | call → what it was about, of the last 20 |
| fd:{pN}:withdrawn:ID | set | history.keep_days | seq of messages that were deleted |
| fd:{pN}:once:ID:MESSAGE | string | 7 d, the longest a provider repeats a webhook | its seq |
| fd:{pN}:pace:ID | string | seconds | when the next message fits the rate limit, Unix ms |
| fd:{pN}:turn:ID:TURN | string | history.keep_days | the trace of one turn |
| fd:{pN}:sent:ID:REPLY | hash | history.keep_days | part of a reply → the provider's id of it |
| fd:{pN}:spent:ID | hash | history.keep_days | tokens, cost: used of the language model |
| fd:memory:CHANNEL | hash | never | how far a channel has read what it fetches |
| fd:posted:CHANNEL:ID | string | 7 d | a provider's id → conversation, reply and part |
| fd:customer:ID | sorted set | history.keep_days | conversations by when they were last used |
| fd:{people}:linked:ID | set | history.keep_days | all customers that are one with this one |
| fd:{people}:code:CODE | string | 10 min, or until used | whose link code it is |
| fd:{people}:offered:ID | string | 10 min | the link code that a customer has |
| fd:{people}:wrong:ID | string | 1 h | how many wrong codes they sent; without an id, all |
| fd:{people}:done:TURN | string | 1 h | what a link command came to, for its turn done anew |
| fd:{people}:apart:ID | string | history.keep_days | they unlinked: addresses link them no more |
| fd:{people}:verified:DIGEST | sorted set | history.keep_days | whose an address is, by when told |
| fd:{pN}:callback:ID | string | 15 min | what is being asked for a call-back in a conversation |
| fd:{callbacks}:booked | hash | never; it ends with the call | call-back id → the call-back |
| fd:{callbacks}:due | sorted set | the same | call-back ids by when they are due, Unix s |
| fd:{callbacks}:attempts | hash | the same | call-back id → times that it was tried |
| fd:{callbacks}:of:ID | string | the same | the call-back that a customer has |
| fd:{callbacks}:over | list | history.keep_days, at most 200 | call-backs that are over |
| fd:{pictures}:link:DIGEST | string | calls.picture_link.minutes | whose picture comes by a link |
| fd:{pictures}:of:CALL | string | the same | the link that a call has |
| fd:{pictures}:taken:DIGEST | string | 11 min | a picture is coming by a link |
| fd:limit:NAME:CLIENT | string | seconds | the same as pace, for a network address or an API key |
| fd:quota:NAME:DIGEST | sorted set | its span of time | what a client has had, by when, Unix ms |
"""

from hashlib import sha256
from zlib import crc32

from bot.messages import ChannelName, ConversationId, CustomerId, MessageId, ReplyId, TurnId

PARTITIONS = 16
"""Fixed for the life of a data set: a conversation's partition follows from it."""

BOOKED = "fd:{callbacks}:booked"
DUE = "fd:{callbacks}:due"
ATTEMPTS = "fd:{callbacks}:attempts"
OVER = "fd:{callbacks}:over"

ONCE_EXPIRY_S = 7 * 24 * 3600
LEASE_MS = 5_000


def partition_of(conversation: ConversationId) -> int:
    return crc32(conversation.encode()) % PARTITIONS


def owner(partition: int) -> str:
    return f"fd:{{p{partition}}}:owner"


def inbox(partition: int) -> str:
    return f"fd:{{p{partition}}}:inbox"


def outbox(partition: int) -> str:
    return f"fd:{{p{partition}}}:outbox"


def held(partition: int) -> str:
    return f"fd:{{p{partition}}}:held"


def dead(partition: int) -> str:
    return f"fd:{{p{partition}}}:dead"


def _of(conversation: ConversationId, kind: str) -> str:
    return f"fd:{{p{partition_of(conversation)}}}:{kind}:{conversation}"


def conversation(conversation: ConversationId) -> str:
    return _of(conversation, "conversation")


def log(conversation: ConversationId) -> str:
    return _of(conversation, "log")


def perceived(conversation: ConversationId) -> str:
    return _of(conversation, "perceived")


def heard(conversation: ConversationId) -> str:
    return _of(conversation, "heard")


def calls(conversation: ConversationId) -> str:
    return _of(conversation, "calls")


def withdrawn(conversation: ConversationId) -> str:
    return _of(conversation, "withdrawn")


def once(conversation: ConversationId, message: MessageId) -> str:
    return f"{_of(conversation, 'once')}:{message}"


def pace(conversation: ConversationId) -> str:
    return _of(conversation, "pace")


def turn(conversation: ConversationId, turn: TurnId) -> str:
    return f"{_of(conversation, 'turn')}:{turn}"


def sent(conversation: ConversationId, reply: ReplyId) -> str:
    return f"{_of(conversation, 'sent')}:{reply}"


def spent(conversation: ConversationId) -> str:
    return _of(conversation, "spent")


def posted(channel: ChannelName, identifier: str) -> str:
    return f"fd:posted:{channel}:{identifier}"


def memory(channel: ChannelName) -> str:
    return f"fd:memory:{channel}"


def customer(customer: CustomerId) -> str:
    return f"fd:customer:{customer}"


def linked(customer: CustomerId) -> str:
    return f"fd:{{people}}:linked:{customer}"


def link_code(code: str) -> str:
    return f"fd:{{people}}:code:{code}"


def offered(customer: CustomerId) -> str:
    return f"fd:{{people}}:offered:{customer}"


def wrong_codes(customer: CustomerId) -> str:
    return f"fd:{{people}}:wrong:{customer}"


def done(turn: str) -> str:
    return f"fd:{{people}}:done:{turn}"


def apart(customer: CustomerId) -> str:
    return f"fd:{{people}}:apart:{customer}"


def verified(digest: str) -> str:
    """`digest`: of the address; addresses themselves are in no key."""
    return f"fd:{{people}}:verified:{digest}"


def call_back_form(conversation: ConversationId) -> str:
    return _of(conversation, "callback")


def call_back_of(customer: CustomerId) -> str:
    return f"fd:{{callbacks}}:of:{customer}"


def picture_link(digest: str) -> str:
    """`digest`: of the link's secret; secrets themselves are in no key."""
    return f"fd:{{pictures}}:link:{digest}"


def picture_link_of(call: str) -> str:
    return f"fd:{{pictures}}:of:{call}"


def picture_taken(digest: str) -> str:
    return f"fd:{{pictures}}:taken:{digest}"


def limit(name: str, client: str) -> str:
    return f"fd:limit:{name}:{client}"


def quota(name: str, client: str) -> str:
    """By the digest of the client, which may be a telephone number."""
    return f"fd:quota:{name}:{sha256(client.encode()).hexdigest()[:32]}"
