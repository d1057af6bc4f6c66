"""Settings of the engine that have a value which suits most: ``from purge.installation.defaults import *``.

Beside these it needs ``PURGE_HOST``, ``PURGE_HASH_KEY`` and ``PURGE_JOURNAL``, which only a project can give.
"""

#: Days in which a purge is done, and after which its operators are reminded.
PURGE_DUE_DAYS = 30
#: People in one request; at most 50.
PURGE_MAX_PEOPLE = 50
#: People in one batch, which only an operator begins; at most 5,000.
PURGE_MAX_BATCH = 5_000
#: People and rows in other accounts that the purges of one account, or of one person, may reach in a day before what a
#: request does there waits for an operator; those of a trial, which anybody can open.
PURGE_RATE_GUARD = 200
PURGE_RATE_GUARD_TRIAL = 20
#: Whether accounts reach into others by any address ("trusted"), or by those that they have proved ("proved").
PURGE_REACH_ENTERPRISE = "trusted"
PURGE_REACH_TRIAL = "trusted"
#: Below this many rows every text is read before a request completes, instead of in the night.
PURGE_PATROL_AT_ONCE_ROWS = 200_000
#: Seconds: how long a claim lasts without progress, how long one task works, and the wait after a first failure.
PURGE_LEASE_SECONDS = 180
PURGE_SLICE_SECONDS = 120
PURGE_RETRY_SECONDS = 30
#: Seconds: how often the worker looks for lost work, asks the queue for a sign of life, and waits for one in vain.
PURGE_RECONCILE_SECONDS = 5
PURGE_CANARY_SECONDS = 30
PURGE_GRACE_SECONDS = 60
#: What else the worker does by the clock: name → (task, minutes between two runs).
PURGE_SCHEDULES: dict[str, tuple[str, int]] = {}
#: Whether a match who created a trial account goes with the account.
PURGE_ERASE_KEPT_CREATOR = False
#: Days for which backups are kept: said to whoever asks when a purge has left them. 0: there are none; None: nobody has
#: said how long.
PURGE_BACKUP_DAYS: int | None = None
#: Whose files of the purge log these are; empty: the machine's name.
PURGE_JOURNAL_WRITER = ""
#: Whether a restored backup closes the site to everybody but operators (:mod:`purge.journal.site_fence`).
PURGE_SITE_FENCE = True
#: Dotted paths of tasks that a worker takes meanwhile all the same, beside those that look and mend.
PURGE_TASKS_WHILE_FENCED: tuple[str, ...] = ()

#: The queue: Django-Q2's settings (its documentation). It only delivers.
Q_TIMEOUT = 300
Q_RETRY = 1_020
Q_CLUSTER = {
    "name": "purge",
    "orm": "default",
    "workers": 1,
    "queue_limit": 1,
    "bulk": 1,
    "timeout": Q_TIMEOUT,
    "retry": Q_RETRY,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": 100,
    "broker_class": "purge.worker.broker.FencedQueue",
}
