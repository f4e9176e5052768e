"""What all messaging apps share: the way of a webhook into the desk, and of a reply to the app.

    request ─▶ hook.py ─▶ Provider.receive ─▶ events.py ─▶ intake.py ─▶ Desk.accept
    reply ─▶ courier.py ─▶ render.py (document, dialects, split) ─▶ Provider.send

A channel is one file beside this package (`connectors/telegram.py`): a `Provider` that verifies,
parses, sends and fetches. docs/channels/write-your-own.md builds one.
"""
