def state_of(session):
    """What the clients put into a session: the last plain value, and the values appended inside a nested one."""
    return {"counter": session.get("counter"), "cart": session.get("cart", {"items": []})["items"]}
