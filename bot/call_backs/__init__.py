"""Call-backs: the desk arranges one in a call or a chat, keeps it in Redis, and makes the call.

`form` asks for what is needed, `times` understands when, `book` keeps what is arranged, `arranging`
is where conversations meet them, and `calling` makes the calls that are due.
"""
