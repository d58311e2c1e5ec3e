"""The mode page: a file the sidecar writes and every app process maps. See docs/reference/sidecar-api.md."""

import mmap
import os
import sys
import time

SIZE = 4096
LAYOUT = 1
# The first word's magic, and above it the layout's byte.
KNOWN_MASK = 0xFFFFFFFFFF
KNOWN = int.from_bytes(b"SOMP" + bytes([LAYOUT]), "little")
STALE_MS = 1000

NORMAL, SKIP_SAVE, CACHE, DRAIN = range(4)

# Bytes 8..15 are read as one word, so mode, flags and ramp always belong together.
MODE_MASK = 0xFF
READABLE = 1 << 8
LEFT = 1 << 10
SILENT = 1 << 11
UNATTENDED = 1 << 12
PLAIN_MASK = 0xFFFF00FF
PLAIN = 1000 << 16  # mode Normal, ramp 1000: nothing of ours is wanted
PLAIN_AT = 5  # the byte that is 1 then, and 0 before that ends


def in_fallback(word):
    """Whether changes are kept aside, in Cache or Drain; not without a word."""
    return word is not None and word & MODE_MASK in (CACHE, DRAIN)


def ramp_of(word):
    """Per mille of optional saves that the engine does itself."""
    return word >> 16 & 0xFFFF


class Page:
    """One mapped mode page. `words` are its 64-bit words; words[1] is the one that changes with the mode. `plain` is one byte."""

    __slots__ = ("words", "plain", "identity")

    def __init__(self, memory, identity):
        self.words = memory.cast("Q")
        self.plain = memory[PLAIN_AT : PLAIN_AT + 1]
        self.identity = identity

    def valid(self):
        """Whether magic, layout and mode are ones we know."""
        words = self.words
        return words[0] & KNOWN_MASK == KNOWN and words[1] & MODE_MASK <= DRAIN

    def alive(self):
        """Whether the sidecar renewed its heartbeat within the last second and has not said goodbye."""
        if self.words[1] & LEFT:
            return False
        # A heartbeat of the future is one from before a restart of the machine.
        return abs(int(time.monotonic() * 1000) - self.words[2]) <= STALE_MS

    @property
    def instance(self):
        """Another number after each start of the sidecar."""
        return self.words[3]

    @property
    def deadline(self):
        """Seconds a database call made for a session may take."""
        return (self.words[4] & 0xFFFFFFFF) / 1000


def identify(path):
    """Which file is at `path` now (device, inode), or None."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_page(path):
    """Map the page at `path`; None if there is none that we can use."""
    if sys.byteorder != "little":
        return None
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size < SIZE:
                return None
            memory = mmap.mmap(file.fileno(), SIZE, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    # Never closed by hand: another thread may be reading. The last reference unmaps it.
    page = Page(memoryview(memory), (status.st_dev, status.st_ino))
    return page if page.valid() else None
