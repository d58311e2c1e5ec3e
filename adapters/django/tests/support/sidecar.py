"""A sidecar in Python after docs/reference/sidecar-api.md: records in memory, and every answer can be replaced."""

import base64
import http.server
import json
import mmap
import os
import socketserver
import struct
import threading
import time

NORMAL, SKIP_SAVE, CACHE, DRAIN = range(4)
READABLE, ALONE, LEFT, UNATTENDED = 1, 2, 4, 16


class FakeSidecar:
    def __init__(self, directory):
        self.directory = directory
        self.page_path = os.path.join(directory, "mode")
        self.socket_path = os.path.join(directory, "api.sock")
        self.instance = 0
        self.server = None
        self.beating = False
        self.records = {}
        self.page = None
        self.reset()

    # the page

    def reset(self):
        self.log = []
        self.records = {}
        self.rows = {}
        self.replaced = {}  # path -> function(body) that answers instead; may return (http status, object) or bytes
        self.fallback = CACHE
        self.readable_when_read_only = True
        self.knows_app = True
        self.mode, self.flags, self.ramp, self.epoch, self.deadline = NORMAL, 0, 1000, 1, 1500
        if self.page is not None:
            self.write_page()

    def write_page(self):
        plain = self.mode == NORMAL and self.ramp == 1000
        self.page[0:8] = b"SOMP\x01\0\0\0"  # not plain while the word changes
        self.page[8:16] = struct.pack("<BBHI", self.mode, self.flags, self.ramp, self.epoch)
        self.page[24:32] = struct.pack("<Q", self.instance)
        self.page[32:36] = struct.pack("<I", self.deadline)
        self.page[5] = plain

    def switch(self, mode, flags=0, ramp=1000):
        self.mode, self.flags, self.ramp = mode, flags, ramp
        self.epoch += 1
        self.write_page()

    def beat(self):
        self.page[16:24] = struct.pack("<Q", int(time.monotonic() * 1000))

    # life

    def start(self):
        if not os.path.exists(self.page_path):
            with open(self.page_path + ".new", "wb") as file:
                file.write(bytes(4096))
            os.rename(self.page_path + ".new", self.page_path)
            self.page = None
        if self.page is None:
            with open(self.page_path, "r+b") as file:
                self.page = mmap.mmap(file.fileno(), 4096)
        self.instance += 1
        self.write_page()
        self.beat()
        self.beating = True
        threading.Thread(target=self._heart, args=(self.instance,), daemon=True).start()
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)
        sidecar = self

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 64

        class Handler(_Handler):
            owner = sidecar

        self.server = Server(self.socket_path, Handler)
        self.server.open = set()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def _heart(self, instance):
        while self.beating and self.instance == instance:
            self.beat()
            time.sleep(0.1)

    def stop_heart(self):
        """No heartbeat any more, and the last one is old."""
        self.beating = False
        time.sleep(0.12)
        self.page[16:24] = struct.pack("<Q", int(time.monotonic() * 1000) - 5000)

    def kill(self):
        """As kill -9: the page stays as it is, connections break."""
        if self.server is not None:
            self.stop_heart()
            server, self.server = self.server, None
            server.shutdown()
            server.server_close()
            for connection in list(server.open):
                connection.close_now()

    # the API

    def answer(self, path, body):
        self.log.append((path, body))
        if path in self.replaced:
            return self.replaced[path](body)
        if path != "/v1/hello" and not self.knows_app:
            return 409, {"error": {"code": "hello_expected", "message": "say hello first"}}
        return 200, getattr(self, path.rpartition("/")[2])(body)

    def asked(self, path):
        return [body for asked, body in self.log if asked == path]

    def hello(self, body):
        self.knows_app = True
        return {"status": "ok", "api": 1, "mode": self.mode, "fallback": "Cache", "limit": ""}

    def report(self, body):
        if body["verdict"] == "busy":
            return {"status": "ok", "mode": self.mode, "retry": False, "keep": True}
        readable = body["verdict"] == "read_only" and self.readable_when_read_only
        self.switch(self.fallback, READABLE if readable else 0)
        return {"status": "ok", "mode": self.mode, "retry": False, "keep": False}

    def load(self, body):
        record = self.records.get(body["key"])
        if record is None:
            return {"status": "none"}
        if body.get("rowGone"):
            if record["deleted"] or not record["born"]:
                return {"status": "none"}
            if self.mode == NORMAL:
                self.switch(CACHE)
        if record["deleted"]:
            return {"status": "deleted"}
        return {"status": "found", "version": record["version"], "columns": record["columns"], "expires": record["expires"]}

    def save(self, body):
        if self.mode in (NORMAL, SKIP_SAVE) and not body["keep"]:
            return {"status": "normal"}
        record = self.records.get(body["key"])
        if record is not None and record["deleted"]:
            return {"status": "deleted"}
        if record is not None and body["create"]:
            return {"status": "exists"}
        version = 1 if record is None else record["version"] + 1
        born = body["create"] or body.get("rowUnsure", False) or (record is not None and record["born"])
        self.records[body["key"]] = {
            "columns": body["columns"], "expires": body["expires"], "version": version, "born": born, "deleted": False,
            "cacheEntry": body["cacheEntry"],
        }
        return {"status": "saved", "version": version}

    def delete(self, body):
        if self.mode == NORMAL:
            return {"status": "normal"}
        self.records[body["key"]] = {"deleted": True, "version": 1, "cacheEntry": body["cacheEntry"], "body": body}
        return {"status": "deleted"}

    def row(self, body):
        if self.mode == NORMAL:
            return {"status": "normal"}
        self.rows[(body["table"], body["key"])] = body
        return {"status": "kept"}

    def replay(self, postgres, table="django_session"):
        """Bring the database up to date as the real one does: deletes first, born rows inserted, others only updated."""
        for key, record in sorted(self.records.items(), key=lambda item: not item[1]["deleted"]):
            if record["deleted"]:
                postgres.execute("DELETE FROM %s WHERE session_key = %%s" % table, key)
                continue
            columns = record["columns"]
            names = sorted(columns)
            values = [base64.b64decode(value["base64"]) if isinstance(value, dict) else value for value in map(columns.get, names)]
            if record["born"]:
                postgres.execute(
                    "INSERT INTO %s (session_key, %s) VALUES (%%s%s) ON CONFLICT DO NOTHING"
                    % (table, ", ".join(names), ", %s" * len(names)), key, *values
                )
            postgres.execute(
                "UPDATE %s SET %s WHERE session_key = %%s" % (table, ", ".join(name + " = %s" for name in names)),
                *values, key
            )
        for body in self.rows.values():
            for name, value in body["columns"].items():
                postgres.execute(
                    "UPDATE %s SET %s = %%s WHERE %s = %%s" % (body["table"], name, body["keyColumn"]), value, body["key"]
                )
        self.records, self.rows = {}, {}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.open.add(self)

    def finish(self):
        self.server.open.discard(self)
        try:
            super().finish()
        except OSError:
            pass

    def close_now(self):
        try:
            self.connection.shutdown(2)
        except OSError:
            pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass

    def address_string(self):
        return "unix"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.owner.answer(self.path, body)
        if isinstance(answer, bytes):
            self.wfile.write(answer)
            self.close_connection = True
            return
        status, content = answer
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
