"""Which failed session operations are ours: "the database cannot be written". Everything else stays Django's business."""

READ_ONLY, UNREACHABLE, DEADLINE, BUSY = "read_only", "unreachable", "deadline", "busy"
ROW_GONE = "row_gone"  # genuine: somebody logged out

# As the sidecar's own prober has them (sidecar/Probing/MySqlVerdict.cs); numbers of MySQL's and MariaDB's error references.
_MYSQL = {
    # read_only and its kin, a read-only transaction, innodb_read_only (two forms), FLUSH TABLES WITH READ LOCK.
    READ_ONLY: {1036, 1223, 1290, 1792, 1836},
    # Too many connections (three limits), no connection, a lost one, shutdown, a Galera node that is not ready, offline_mode, group
    # replication out of quorum; disk, table or memory full.
    UNREACHABLE: {
        1040, 1203, 1226, 1042, 1047, 1053, 1152, 1158, 1159, 1160, 1161, 1927, 2002, 2003, 2006, 2013, 2055, 3032, 3100,
        1021, 1037, 1041, 1114,
    },
    # A lock that was not given, a deadlock, a statement cut short by its limit or by KILL QUERY.
    BUSY: {1020, 1205, 1206, 1213, 1317, 1969, 3024, 3101},
}
_BUSY_STATES = {"55P03", "57014", "40001", "40P01"}
# A refused connection carries no SQLSTATE in either driver: misconfiguration is told from an outage by its text alone.
_MISCONFIGURED = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "not permitted to log in",
    "is not currently accepting connections",
)


def verdict(error):
    """READ_ONLY, UNREACHABLE, DEADLINE or BUSY if the database did not carry out the operation, ROW_GONE, or None for all else."""
    if getattr(error, "session_operator_cut", False):
        return DEADLINE
    # backends/db.py raises UpdateError inside `except DatabaseError`: the reason is its context.
    reason = error.__context__ if type(error).__name__ == "UpdateError" else error
    if reason is None:
        return None
    cause = reason.__cause__
    if cause is None:
        genuine = error is not reason and type(reason).__name__ in ("DatabaseError", "NotUpdated")
        return ROW_GONE if genuine else None
    driver = type(cause).__module__.partition(".")[0]
    if driver in ("psycopg2", "psycopg", "psycopg_pool"):
        return _postgresql(reason, cause)
    if driver in ("MySQLdb", "pymysql", "mysql"):
        return _mysql(cause)
    return None


def lost(error):
    """Whether the connection was lost or cut: the database may have carried the operation out all the same."""
    return verdict(error) in (UNREACHABLE, DEADLINE)


def _postgresql(reason, cause):
    state = getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None)
    if state is None:
        if type(reason).__name__ not in ("OperationalError", "InterfaceError"):
            return None
        text = str(cause)
        return None if any(words in text for words in _MISCONFIGURED) else UNREACHABLE
    if state == "25006":
        return READ_ONLY
    if state in _BUSY_STATES:
        return BUSY
    if state[:2] in ("08", "53", "58") or state[:4] == "57P0":
        return UNREACHABLE
    return None


def _mysql(cause):
    number = cause.args[0] if cause.args else None
    for name, numbers in _MYSQL.items():
        if number in numbers:
            return name
    if type(cause).__name__ == "InterfaceError" and number in (0, "(0, '')"):
        return UNREACHABLE  # PyMySQL's word for a connection that is closed already
    return None


def detail(error):
    """The class of the error behind `error`, for people. Never its text: that may hold data."""
    reason = error.__context__ if type(error).__name__ == "UpdateError" and error.__context__ else error
    return type(reason.__cause__ or reason).__name__
