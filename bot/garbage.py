"""Python's collector of cyclic garbage, set for a process that serves; used by `frontdesk serve`.

Out of the box it looks through what is alive after each 700 new objects, and now and then through
everything that has been loaded, for a tenth of a second in which nobody is answered. That took a
quarter of the time of a webhook. Nearly all that a turn makes is freed without it, at once.
"""

import gc

_NEW_OBJECTS = 50_000
"""So many more than were freed, before the young ones are looked through."""


def settle() -> None:
    """Once all is loaded: what is there is here to stay, and is not looked through again."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
