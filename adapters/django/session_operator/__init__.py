"""Session Operator's adapter for Django: the engine you chose in `Normal`, the sidecar while the database cannot be written.

Kept free of imports: it is loaded by every Python process that has this folder on its path.
"""

__version__ = "0.1.0"
