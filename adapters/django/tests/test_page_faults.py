"""The mode page missing, foreign, replaced or from before a reboot: stock, until there is one to be understood."""

import os

from session_operator import runtime
from support.case import AdapterTest
from support.servers import wait_until
from support.sidecar import CACHE


class PageFaults(AdapterTest):
    def test_page_missing_foreign_short_or_garbage_is_stock(self):
        browser = self.browser(n="1")
        self.sidecar.switch(CACHE)
        good = bytes(self.sidecar.page[:])
        pages = {
            "missing": None,
            "short": good[:100],
            "empty": b"",
            "magic": b"XXXX" + good[4:],
            "layout": good[:4] + b"\x02" + good[5:],
            "mode": good[:8] + b"\x09" + good[9:],
            "zeros": bytes(4096),
        }
        path = self.sidecar.page_path
        os.rename(path, path + ".good")
        try:
            for name, content in pages.items():
                if content is not None:
                    with open(path, "wb") as file:
                        file.write(content)
                runtime.look()
                self.assertIsNone(runtime.current(), name)
                self.assertEqual(200, browser.page("write?n=" + name).status_code, name)
                self.assertEqual(name, self.row(browser.key)["n"])
                if content is not None:
                    os.unlink(path)
        finally:
            os.rename(path + ".good", path)
        self.assertEqual([], self.sidecar.asked("/v1/save"))

    def test_page_that_turns_into_another_layout_in_place(self):
        browser = self.browser(n="1")
        self.sidecar.page[4] = 2
        runtime.look()
        self.assertIsNone(runtime.current())
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.sidecar.page[4] = 1
        wait_until(lambda: runtime.current() is not None, 3, "the background thread looks again")

    def test_replaced_page_is_mapped_again(self):
        browser = self.browser(n="1")
        wait_until(lambda: runtime.current() is not None, 3, "mapped")
        before = runtime.current().identity
        self.sidecar.kill()
        os.unlink(self.sidecar.page_path)
        self.sidecar.start()
        wait_until(lambda: runtime.current() is not None and runtime.current().identity != before, 3, "mapped again")
        self.sidecar.switch(CACHE)
        self.assertEqual(200, browser.page("write?n=2").status_code)
        self.assertEqual(1, len(self.sidecar.asked("/v1/save")))

    def test_heartbeat_of_before_a_reboot_is_stale(self):
        self.browser()
        known = runtime.current()
        self.assertTrue(known.alive())
        self.sidecar.stop_heart()
        self.sidecar.page[16:24] = (10 ** 15).to_bytes(8, "little")
        self.assertFalse(known.alive())
