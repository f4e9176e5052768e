"""Voice calls: what is heard becomes messages, and replies become sound. See docs/calls.md.

`transport` is where a line meets the desk, `session` one call from ring to goodbye, `switchboard`
all of them. The rest are the parts of a session, each in its file.
"""
