"""Operating-system threads, locks and sleep, taken before anybody (gevent, eventlet) replaces them.

The watchdog must run while the main thread is stuck in a driver's C code, which no green thread can.
"""

from _thread import allocate_lock, start_new_thread  # noqa: F401
from time import monotonic, sleep  # noqa: F401
