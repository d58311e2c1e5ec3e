"""A session signed in under an old secret, read after the secret was changed: the new id comes at once or later, never an error."""

from support.case import DB, AdapterTest, Browser

import django
from django.contrib.auth import get_user
from django.test import override_settings
from support.sidecar import CACHE, NORMAL, READABLE, SKIP_SAVE

OLD = "only for tests"


class Rotation(AdapterTest):
    def setUp(self):
        super().setUp()
        self.browser_in = self.logged_in()
        self.before = self.browser_in.key
        changed = override_settings(SECRET_KEY="another secret", SECRET_KEY_FALLBACKS=[OLD])
        changed.enable()
        self.addCleanup(changed.disable)
        # The store's own signature is of the old secret too; Django reads those through the fallbacks.
        self.rotates = django.VERSION >= (4, 2)

    def test_it_is_patched_where_there_are_old_secrets(self):
        self.assertEqual(django.VERSION >= (4, 1), hasattr(get_user, "session_operator"))

    def visit(self):
        response = self.browser_in.page("user")
        self.assertEqual(200, response.status_code)
        return response.content

    def test_in_cache_the_sidecar_takes_it(self):
        self.make_read_only()
        self.sidecar.switch(CACHE, READABLE)
        name = self.visit()
        if self.rotates:
            self.assertEqual(b"ada", name)
            self.assertNotEqual(self.before, self.browser_in.key)
            thief = Browser()
            thief.cookies["sessionid"] = self.before
            self.assertEqual(b"anonymous", thief.page("user").content)
            self.assertEqual(b"ada", self.visit())

    def test_in_skip_save_it_waits(self):
        self.make_read_only()
        self.sidecar.fallback = SKIP_SAVE
        for mode in (NORMAL, SKIP_SAVE):
            self.sidecar.switch(mode, READABLE)
            if not self.rotates:
                continue
            self.assertEqual(b"ada", self.visit())
            self.assertEqual(self.before, self.browser_in.key)
        self.make_writable()
        self.sidecar.switch(NORMAL)
        if self.rotates:
            self.assertEqual(b"ada", self.visit())
            self.assertNotEqual(self.before, self.browser_in.key)
            self.assertIsNone(self.row(self.before))


class RotationDb(Rotation):
    engine = DB
