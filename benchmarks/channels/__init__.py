"""How fast webhooks are taken in: every channel, beside a bare route, and beside opsdroid.

    __main__.py ─▶ measuring.py ─▶ desk.py, bare.py, opsdroid_peer.py   a process each
                        └───────▶ sending.py                          the providers, in another

What providers send and how they sign is in `tests/connectors/signers.py`.
"""
