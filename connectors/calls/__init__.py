"""Telephone lines and browsers' calls: each makes a `bot.calls.transport.Transport` of what its
provider sends.

    webhook ─▶ twilio.py, telnyx.py, vonage.py  verify, answer with the address of a media stream
    media   ─▶ stream.py · audiosocket.py · webrtc.py · pcm_socket.py ─▶ codecs/ ─▶ Calls.hold
"""
