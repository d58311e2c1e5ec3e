"""Messages and CSRF tokens that live in the session, through an outage: shown once, valid as long as stock's, never lost."""

from support.case import DB, AdapterTest, Browser
from support.sidecar import CACHE, DRAIN, NORMAL, READABLE, SKIP_SAVE

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
FALLBACK_MODES = ((NORMAL, 0), (CACHE, READABLE), (CACHE, 0), (DRAIN, READABLE))


class Messages(AdapterTest):
    storage = "session.SessionStorage"
    more = ""  # what makes a message large

    @property
    def settings(self):
        return {"MIDDLEWARE": MIDDLEWARE, "MESSAGE_STORAGE": "django.contrib.messages.storage." + self.storage}

    def modes(self):
        for mode, flags in FALLBACK_MODES:
            with self.subTest(mode=mode, flags=flags):
                self._heal()
                yield mode, flags

    def begin(self, mode, flags):
        if mode == NORMAL:
            self.make_read_only()
        else:
            self.sidecar.switch(mode, flags)

    def end(self, mode):
        if mode == NORMAL:
            self.make_writable()
        self.sidecar.replay(self.postgres)
        self.sidecar.switch(NORMAL)

    def said(self, browser):
        response = browser.page("said")
        self.assertEqual(200, response.status_code)
        return [message[:5] for message in response.json()["messages"]]

    def test_said_in_the_outage_is_shown_once(self):
        for mode, flags in self.modes():
            browser = self.browser(n="1")
            self.say(browser, "before")
            self.begin(mode, flags)
            self.say(browser, "inside")
            self.assertEqual(["befor", "insid"], self.said(browser))
            self.assertEqual([], self.said(browser))
            self.say(browser, "later")
            self.end(mode)
            self.assertEqual("1", browser.page("read").json()["n"])
            self.assertEqual(["later"], self.said(browser))
            self.assertEqual([], self.said(browser))

    def say(self, browser, text):
        self.assertEqual(200, browser.page("say?n=%s%s" % (text, self.more)).status_code)

    def test_said_to_a_new_browser(self):
        for mode, flags in self.modes():
            self.begin(mode, flags)
            browser = Browser()
            self.say(browser, "hello")
            self.assertEqual(["hello"], self.said(browser))
            self.say(browser, "again")
            self.end(mode)
            self.assertEqual(["again"], self.said(browser))

    def test_refused_is_503_and_said_again_later(self):
        self.sidecar.fallback = SKIP_SAVE
        browser = self.browser(n="1")
        self.make_read_only()
        self.assertEqual(503, browser.page("say?n=lost" + self.more).status_code)
        self.make_writable()
        self.sidecar.switch(NORMAL)
        self.assertEqual([], self.said(browser))
        self.say(browser, "heard")
        self.assertEqual(["heard"], self.said(browser))


class MessagesTooLargeForTheCookie(Messages):
    """FallbackStorage: what the cookie does not hold goes into the session."""

    storage = "fallback.FallbackStorage"
    more = "&padding=1500"

    def test_what_the_cookie_holds_needs_no_session(self):
        self.sidecar.fallback = SKIP_SAVE
        browser = self.browser(n="1")
        self.make_read_only()
        self.assertEqual(200, browser.page("say?n=small").status_code)
        self.assertEqual(["small"], self.said(browser))


class MessagesDb(Messages):
    engine = DB

    def modes(self):
        return ((mode, flags) for mode, flags in super().modes() if (mode, flags) != (CACHE, 0))


class CsrfInTheSession(Messages):
    """CSRF_USE_SESSIONS: the token is a value of the session, for the anonymous too."""

    @property
    def settings(self):
        return dict(super().settings, CSRF_USE_SESSIONS=True)

    def post(self, browser, token):
        return browser.send("form", csrfmiddlewaretoken=token).status_code

    def test_a_token_holds_into_the_outage_and_out_of_it(self):
        for mode, flags in self.modes():
            old = Browser()
            early = old.page("form").content.decode()
            self.begin(mode, flags)
            new = Browser()
            late = new.page("form").content.decode()
            self.assertEqual((200, 200), (self.post(old, early), self.post(new, late)))
            self.assertEqual((403, 403), (self.post(old, late), self.post(new, early)))
            self.assertEqual(403, self.post(Browser(), early))
            self.end(mode)
            self.assertEqual((200, 200, 403), (self.post(old, early), self.post(new, late), self.post(old, late)))

    def test_a_login_in_the_outage_changes_it(self):
        browser = Browser()
        before = browser.page("form").content.decode()
        self.make_read_only()
        self.assertEqual(200, browser.page("login").status_code)
        self.assertEqual(403, self.post(browser, before))
        after = browser.page("form").content.decode()
        self.assertEqual(200, self.post(browser, after))
        self.end(NORMAL)
        self.assertEqual((403, 200), (self.post(browser, before), self.post(browser, after)))

    def test_unreadable_is_503_not_403(self):
        """A form must not be refused as forged because nobody could look up its token."""
        browser = Browser()
        token = browser.page("form").content.decode()
        self.memcached.stop()
        self.memcached.start()
        self.sidecar.switch(CACHE)
        response = browser.send("form", csrfmiddlewaretoken=token)
        self.assertEqual((503, {}), (response.status_code, dict(response.cookies)))
        self.sidecar.switch(NORMAL)
        self.assertEqual(200, self.post(browser, token))


class CsrfInTheSessionDb(CsrfInTheSession, MessagesDb):
    pass
