"""What a session holds, in the form in which answers, histories and rows are compared."""


def state_of(session):
    """The plain values, the values inside a nested one, the appended ones, and the expiry the session asked for."""
    plain = {name[6:]: value for name, value in session.items() if name.startswith("plain:")}
    return {
        "plain": plain,
        "nested": session.get("outer", {}).get("inner", {}),
        "log": session.get("log", []),
        "expiry": session.get("_session_expiry"),
    }
