"""Sends one request as a browser would, to one pod, and notes what it learnt from the answer."""
import http.client
import json
import threading
import time
import urllib.parse

from tests.History.judge.event import Event

# Longer than any fault: who gave up earlier would have two requests of one session under way.
TIMEOUT = 25.0


class Jar:
    """The cookie of one browser; its tabs share it."""

    def __init__(self, account):
        self.account, self.key, self.user, self.lock = account, None, None, threading.Lock()

    def take(self, event):
        """What the answer says of the cookie, unless another tab has learnt better meanwhile."""
        with self.lock:
            if self.key == event.key:
                if event.new_key:
                    self.key = event.new_key
                elif event.dropped:
                    self.key = None
                if event.status == 200:
                    self.user = event.user


class Client:
    def __init__(self, name, pods, chance, record):
        self.name, self.pods, self.chance, self.record = name, pods, chance, record

    def send(self, kind, key, form=None, change=None) -> Event:
        """To a pod drawn from those that serve, as a Service would."""
        pod = self.chance.choice([pod for pod in self.pods if pod.serving] or self.pods)
        return self.send_to(pod, kind, key, form, change)

    def send_to(self, pod, kind, key, form=None, change=None) -> Event:
        event = Event(self.name, pod.number, kind, time.time(), key=key, change=change)
        connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=TIMEOUT)
        headers = {"Cookie": f"sessionid={key}"} if key else {}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request("GET" if form is None else "POST", "/" + kind, body, headers)
            answer = connection.getresponse()
            _read(event, answer, answer.read())
        except (OSError, http.client.HTTPException):
            event.status = 0
        finally:
            connection.close()
        event.done = time.time()
        self.record(event)
        return event


def _read(event, answer, content):
    for cookie in answer.headers.get_all("Set-Cookie") or []:
        name, _, value = cookie.partition(";")[0].partition("=")
        if name == "sessionid":
            if value in ("", '""'):
                event.dropped = True
            else:
                event.new_key = value
    event.retry_after = answer.headers.get("Retry-After") is not None
    event.unsure = event.retry_after and b"Nothing was changed" not in content
    if answer.status == 200:
        told = json.loads(content)
        event.user, event.state = told["user"], told["state"]
    event.status = answer.status
