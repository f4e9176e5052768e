"""Python's collector of cyclic garbage, set for a process that serves; used by `frontdesk serve`.

Out of the box it looks through what is alive after each 700 new objects, and now and then through
everything that has been loaded, for a moment in which nobody is answered. In single runs of
`make bench-channels` a webhook took 146 µs of processor time with the usual thresholds, and 108 to
119 with higher ones. Nearly all that a turn makes is freed without it, at once.
"""

import gc

_NEW_OBJECTS = 50_000
"""So many more than were freed, before the young ones are looked through."""


def settle() -> None:
    """Once all is loaded: what is there is here to stay, and is not looked through again."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
