"""Telephone lines and browsers' calls: each makes a `bot.calls.transport.Transport` of what its
provider sends, and hands it to `Calls.hold`.

    twilio · telnyx · vonage        a signed webhook, then a WebSocket   streamed.py, marked.py
    audiosocket · asterisk          announced or logged in by Asterisk   dialplan.py, paced_call.py
    browser · whatsapp              sessions (SDP) of WebRTC             webrtc.py, reordering.py
    browser, where UDP is blocked   linear PCM over a WebSocket          paced_call.py, paced.py

All of them give their events by line_events.py, in the codecs of codecs/; front.py wires them.
"""
