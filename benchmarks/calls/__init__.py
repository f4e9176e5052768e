"""Voice calls: how long a caller waits, who is cut off, and what interrupts."""
