"""A MariaDB on a free port with its own data, ended by its own process id."""

import os
import signal
import subprocess

import MySQLdb

from support import servers

USER, PASSWORD, DATABASE = "app", "secret", "app"


class MariaDb:
    def __init__(self):
        self.port = servers.free_port()
        self.home = os.path.join(servers.ROOT, "mariadb%d" % self.port)
        self.socket = os.path.join(self.home, "socket")
        self.process = None

    def start(self):
        data = os.path.join(self.home, "data")
        owner = ["--user=root"] if os.getuid() == 0 else []
        if not os.path.exists(data):
            os.mkdir(self.home)
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--datadir=" + data]
                + owner, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        self.process = subprocess.Popen(
            ["/usr/sbin/mariadbd", "--no-defaults", "--datadir=" + data, "--port=%d" % self.port, "--bind-address=127.0.0.1",
             "--socket=" + self.socket, "--max-connections=12", "--max-user-connections=50", "--innodb-flush-log-at-trx-commit=2"]
            + owner, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        servers.wait_until(self.answers, 60, "MariaDB answers")
        self.execute("CREATE DATABASE IF NOT EXISTS " + DATABASE)
        for host in ("127.0.0.1", "localhost"):
            self.execute("CREATE USER IF NOT EXISTS '%s'@'%s' IDENTIFIED BY '%s'" % (USER, host, PASSWORD))
            self.execute("GRANT ALL ON %s.* TO '%s'@'%s'" % (DATABASE, USER, host))

    def answers(self):
        try:
            self.execute("SELECT 1")
        except MySQLdb.Error:
            return False
        return True

    def execute(self, statement, parameters=None):
        """As root, whom neither read_only nor a limit of connections stops."""
        connection = MySQLdb.connect(unix_socket=self.socket, user="root", connect_timeout=2)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                rows = cursor.fetchall()
            connection.commit()
            return rows
        finally:
            connection.close()

    def as_app(self):
        return MySQLdb.connect(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, database=DATABASE)

    def read_only(self, on):
        self.execute("SET GLOBAL read_only = %d" % on)

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        if self.process is not None:
            self.thaw()
            self._end(signal.SIGKILL)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def _end(self, number):
        self.process.send_signal(number)
        self.process.wait()
        self.process = None
