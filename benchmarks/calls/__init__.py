"""Voice calls over real sockets: how long a caller waits, who is cut off, what interrupts, what is
understood; and Pipecat on the same clips.

    __main__.py ─▶ measuring.py ─▶ calling.py ─▶ caller.py, earpiece.py   pure: who says and hears
        │              └─────────▶ lines.py ······ the desk               a process of its own
        ├────────▶ words.py
        └────────▶ beside.py ────▶ peer.py ······· pipecat_peer.py        an environment of its own

What is said is in `sentences.yaml`, and made to sound in `speech.py`.
"""
