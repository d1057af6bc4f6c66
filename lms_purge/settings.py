"""All settings, from the environment alone. What is nonsense is refused at the start, in one sentence per variable.

`./run` sets what a first look needs; README.md lists what production sets.
"""

import logging
import math
import os
from ipaddress import ip_network
from pathlib import Path

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from keys import folder as key_folder
from lms_purge.process.database import database_from_url
from lms_purge.process.logs import logging_config
from lms_purge.process.reachable import name_server, refusal_to_serve
from purge.bucket.place import home_of_the_log, place_of
from users.sign_in.client import networks_of

# ModelAdmin[User] and the like, as the types have them, at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = Env(eager=False)
# The keys that ./run of earlier versions made for this installation. What the environment says goes first.
if (VAR_DIR / "keys.env").is_file():
    env.read_env(str(VAR_DIR / "keys.env"), recurse=False)

positive = validate.Range(min=1)

# Keys: in one folder that its owner alone can read (manage.py keys_make, keys_check). A variable goes before its file.

LMS_KEYS: Path = env.path("LMS_KEYS", VAR_DIR / "keys")
try:
    _keys = key_folder.read(LMS_KEYS)
except key_folder.UnsafeFolder as trouble:
    raise ImproperlyConfigured(str(trouble)) from None
# Signs sessions, links and queued tasks; those before it are still understood.
_secret_keys = key_folder.value_of(key_folder.SECRET, _keys, os.environ)
if not _secret_keys or not key_folder.SECRET.is_good(_secret_keys[0]):
    raise ImproperlyConfigured("SECRET_KEY is missing, or shorter than 32 characters: type manage.py keys_make.")
SECRET_KEY, *SECRET_KEY_FALLBACKS = _secret_keys
# Keys the hashes by which a purged address is recognised again. Losing it means that no old purge can be checked:
# keep a copy apart from the database's backups. A missing key is a system-check error, and nothing completes.
PURGE_HASH_KEY: str = next(iter(key_folder.value_of(key_folder.HASH, _keys, os.environ)), "")
# Encrypt what connectors and the like sign in with. The first encrypts, all decrypt. A missing key is a system-check
# error, which stops migrate before its first step.
LMS_ENCRYPTION_KEYS: list[str] = key_folder.value_of(key_folder.ENCRYPTION, _keys, os.environ)
if not all(map(key_folder.ENCRYPTION.is_good, LMS_ENCRYPTION_KEYS)):
    raise ImproperlyConfigured("LMS_ENCRYPTION_KEYS must be keys that manage.py keys_make has made.")

# The site

DEBUG: bool = env.bool("DEBUG", False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
# Where people reach the site: the beginning of every link in a mail.
LMS_BASE_URL: str = env.str("LMS_BASE_URL", "http://localhost:8000", validate=validate.URL(require_tld=False))

ROOT_URLCONF = "lms_purge.urls"
WSGI_APPLICATION = "lms_purge.wsgi.application"
ASGI_APPLICATION = "lms_purge.asgi.application"

INSTALLED_APPS = [
    "lms_purge.apps.LmsPurgeConfig",
    "messaging",
    "learning",
    "connectors",
    "users",
    "keys",
    "purge",
    "lms_purge.apps.LmsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    # No django.contrib.sessions: users.Session knows whose session it is, so that a frozen person's can be ended.
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "django_q",
    # Cryptography and protocol of signing in; none of its pages is served, and what it keeps has rules.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "lms_purge.process.middleware.ContentSecurityPolicy",
    "lms_purge.process.middleware.SecretsThatCannotBeRead",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "lms_purge.process.middleware.ReadersLanguage",
    "lms_purge.process.fenced.SiteFence",
    "lms_purge.process.middleware.BodiesOfAllowedSize",
    "users.sign_in.staying.Staying",
    "users.wall.middleware.Wall",
    "users.sign_in.step_up.StepUp",
    "lms_purge.process.middleware.AccountTimeZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "users.second_factor.demanded.SecondFactor",
    "lms_purge.process.methods.RefusedMethods",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# People

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["users.backends.AccountBackend"]
SESSION_ENGINE = "users.sessions"
# A session ends when nobody has been seen in it for so long, and at the latest so long after the sign-in.
LMS_SESSION_IDLE: int = 60 * env.int("LMS_SESSION_IDLE_MINUTES", 120, validate=positive)
SESSION_COOKIE_AGE = 3600 * env.int("LMS_SESSION_HOURS", 12, validate=positive)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# How long a link for a forgotten password is good, in seconds.
PASSWORD_RESET_TIMEOUT = 3600
# django-allauth: what it would do by itself is off. It signs in by the opaque login id, behind our own form.
ACCOUNT_ADAPTER = "users.second_factor.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "login_id"
# None: its migrations put the addresses of all users into small letters, its forms would change them.
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
MFA_ADAPTER = "users.second_factor.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_RATE_LIMITS = False
MFA_RECOVERY_CODE_DIGITS = 10
# Half a minute of a clock that goes wrong, either way.
MFA_TOTP_TOLERANCE = 1
SOCIALACCOUNT_ADAPTER = "users.identity_provider.adapters.ProviderAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
# Networks of one's own in which identity providers of accounts may be. All others are reached by https, and are
# outside: what a customer types must not make this site ask its own neighbours.
try:
    own_networks: list[str] = env.list("LMS_PROVIDER_NETWORKS", [])
    LMS_PROVIDER_NETWORKS = [ip_network(each) for each in own_networks]
except ValueError:
    raise ImproperlyConfigured("LMS_PROVIDER_NETWORKS must name networks, such as 10.0.0.0/8.") from None
# Name servers that are asked whether an account has proved a domain; none: the machine's own.
try:
    name_servers: list[str] = env.list("LMS_NAME_SERVERS", [])
    LMS_NAME_SERVERS = [name_server(each) for each in name_servers]
except ValueError:
    raise ImproperlyConfigured("LMS_NAME_SERVERS must be addresses, such as 192.0.2.53 or [2001:db8::1]:53.") from None
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Database, cache, files

database_url: str = env.str("DATABASE_URL", "sqlite:///var/lms.sqlite3")
try:
    DATABASES = {
        "default": database_from_url(
            database_url, base_dir=BASE_DIR, behind_pooler=env.bool("LMS_BEHIND_POOLER", False)
        )
    }
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# In the database, so that web and worker share it: the worker's state and the month counts are read by both.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "lms_cache"}}

MEDIA_ROOT: Path = env.path("MEDIA_ROOT", VAR_DIR / "media")
STATIC_URL = "/static/"
STATIC_ROOT: Path = env.path("STATIC_ROOT", VAR_DIR / "static")
# Static files are for our own pages alone; the default would let any site read them.
WHITENOISE_ALLOW_ALL_ORIGINS = False
# Uploaded files in a bucket of an object store instead: s3://bucket/prefix?endpoint=https://…&region=…
LMS_FILES: str = env.str("LMS_FILES", "")
try:
    _bucket = {"place": place_of(LMS_FILES)} if LMS_FILES else None
except ValueError as error:
    raise ImproperlyConfigured(f"LMS_FILES {error}.") from None
STORAGES = {
    "default": (
        {"BACKEND": "lms_purge.process.files.BucketFiles", "OPTIONS": _bucket}
        if _bucket
        else {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    ),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Words and time

LANGUAGE_CODE = "en"
# Whoever is signed in chooses by the field "Language"; before, and where that is empty, the browser says.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
# In the reader's language; what a browser sends back stands in the page with ``unlocalize``.
USE_THOUSAND_SEPARATOR = True
USE_TZ = True
TIME_ZONE: str = env.str("TIME_ZONE", "UTC")
FORMAT_MODULE_PATH = ["lms_purge.formats"]

# Security

LMS_HTTPS: bool = env.bool("LMS_HTTPS", False)
SESSION_COOKIE_SECURE = LMS_HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = LMS_HTTPS
SECURE_SSL_REDIRECT = LMS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz/?$", r"^metrics/?$"]
SECURE_HSTS_SECONDS: int = env.int("LMS_HSTS_SECONDS", 31_536_000) if LMS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = env.bool("LMS_HSTS_SUBDOMAINS", False)
# The proxy in front says whether the reader came by https. Only when there is one, or anybody could say so.
LMS_BEHIND_PROXY: bool = env.bool("LMS_BEHIND_PROXY", False)
if LMS_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Whose X-Forwarded-For is believed: addresses and networks, or "socket" for one that reaches the site through a socket.
# Tries to sign in are counted by address: without this they would all come from the proxy.
LMS_TRUSTED_PROXIES: list[str] = env.list(
    "LMS_TRUSTED_PROXIES", ["127.0.0.0/8", "::1", "socket"] if LMS_BEHIND_PROXY else []
)
try:
    networks_of(LMS_TRUSTED_PROXIES)
except ValueError:
    raise ImproperlyConfigured('LMS_TRUSTED_PROXIES must name addresses, networks (10.0.0.0/8) or "socket".') from None
if not DEBUG and (refusal := refusal_to_serve(https=LMS_HTTPS, hosts=ALLOWED_HOSTS)):
    raise ImproperlyConfigured(refusal)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # whether every subdomain has https is for the domain's owner to say: LMS_HSTS_SUBDOMAINS
    "security.W021",  # so is the browsers' preload list, from which there is no quick way back
]

# Mail: to the console until there is a server.

EMAIL_HOST: str = env.str("EMAIL_HOST", "")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_PORT: int = env.int("EMAIL_PORT", 25, validate=positive)
EMAIL_HOST_USER: str = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD: str = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS: bool = env.bool("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "lms@localhost")
#: A mailbox that the operators share: told by mail of every request that needs somebody, beside each of them.
OPERATORS_EMAIL: str = env.str("OPERATORS_EMAIL", "")

# Queue. It only delivers: claims, attempts and results are the purge's own, so it never repeats a failed task.
# retry must stay above timeout × (1 + ceil((queue_limit + 1) / workers)) + 30, or a healthy task is delivered twice.

QUEUE_LIMIT = 1
Q_WORKERS: int = env.int("Q_WORKERS", 2, validate=positive)
Q_TIMEOUT: int = env.int("Q_TIMEOUT", 300, validate=positive)
Q_RETRY: int = env.int("Q_RETRY", 900, validate=positive)
Q_CLUSTER = {
    "name": "lms",
    "orm": "default",
    "workers": Q_WORKERS,
    "queue_limit": QUEUE_LIMIT,
    "bulk": 1,
    "timeout": Q_TIMEOUT,
    "retry": Q_RETRY,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": 100,
    "recycle": 200,
    "max_rss": 400_000,
    "poll": env.float("Q_POLL", 0.5),
    "guard_cycle": 1,
    "catch_up": False,
    "cache": "default",
    "broker_class": "purge.worker.broker.FencedQueue",
}

# Purge

PURGE_HOST = "lms_purge.platform.host.LmsHost"
# What a restored backup needs to know: every purge, by number and keyed hash. Outside the database on purpose. Its
# files lie in the folder of this name with ".d" behind it; the one file that earlier versions wrote is still read.
# Several places, with commas, each hold all of it: a purge is accepted only when every one of them has taken its line.
# At least one is a path; beside it may be buckets, written as for LMS_FILES.
try:
    PURGE_JOURNAL: list[Path | str] = env.list(
        "PURGE_JOURNAL", [VAR_DIR / "journal" / "purge.jsonl"], subcast=home_of_the_log
    )
except ValueError as error:
    raise ImproperlyConfigured(f"PURGE_JOURNAL {error}.") from None
if not any(isinstance(each, Path) for each in PURGE_JOURNAL) or Path() in PURGE_JOURNAL:
    raise ImproperlyConfigured(
        "PURGE_JOURNAL must name a path, and may name more and buckets, with commas: /log/a,s3://bucket/prefix."
    )
# Whose files they are: the machine's name, or where that changes with each start (containers) one that stays.
PURGE_JOURNAL_WRITER: str = env.str("PURGE_JOURNAL_WRITER", "")
# Whether a restored backup closes the site to everybody but operators, until they have dealt with whom it brought back.
PURGE_SITE_FENCE: bool = env.bool("PURGE_SITE_FENCE", True)
# Tasks of other apps that a worker takes all the same: what they send goes to operators alone meanwhile.
PURGE_TASKS_WHILE_FENCED = ("messaging.tasks.send_notification", "messaging.tasks.send_due")
PURGE_DUE_DAYS: int = env.int("PURGE_DUE_DAYS", 30, validate=positive)
PURGE_MAX_PEOPLE: int = env.int("PURGE_MAX_PEOPLE", 50, validate=validate.Range(min=1, max=50))
PURGE_MAX_BATCH: int = env.int("PURGE_MAX_BATCH", 5_000, validate=validate.Range(min=1, max=5_000))
# People and rows of *other* accounts that the purges of one account, or of one person, may reach in a day before what a
# request does there waits for an operator; those of a trial account, which anybody can open.
PURGE_RATE_GUARD: int = env.int("PURGE_RATE_GUARD", 200, validate=positive)
PURGE_RATE_GUARD_TRIAL: int = env.int("PURGE_RATE_GUARD_TRIAL", 20, validate=positive)
# Whether purges reach into other accounts by any address that was a user's, or only by those that the account has
# proved to be its own: what is not proved waits there for an operator.
_reach = validate.OneOf(["trusted", "proved"])
PURGE_REACH_ENTERPRISE: str = env.str("PURGE_REACH_ENTERPRISE", "trusted", validate=_reach)
PURGE_REACH_TRIAL: str = env.str("PURGE_REACH_TRIAL", "trusted", validate=_reach)
# How long a worker's claim lasts without progress. Longer than a slice, or a healthy worker would lose its work.
PURGE_LEASE_SECONDS: int = env.int("PURGE_LEASE_SECONDS", 180, validate=positive)
# How long one task works before it puts itself back in the queue. Well under Q_TIMEOUT, which then never strikes.
PURGE_SLICE_SECONDS: int = env.int("PURGE_SLICE_SECONDS", 120, validate=positive)
# The wait after a first failure; the following ones are four times as long as the one before.
PURGE_RETRY_SECONDS: int = env.int("PURGE_RETRY_SECONDS", 30, validate=positive)
# Below this many rows a worker reads every text itself before a request completes; above, a pass for all requests does.
PURGE_PATROL_AT_ONCE_ROWS: int = env.int("PURGE_PATROL_AT_ONCE_ROWS", 200_000, validate=validate.Range(min=0))
PURGE_RECONCILE_SECONDS: int = env.int("PURGE_RECONCILE_SECONDS", 5, validate=positive)
PURGE_CANARY_SECONDS: int = env.int("PURGE_CANARY_SECONDS", 30, validate=positive)
# How long after the longest task a cluster without a sign of life is waited for, before it is killed and started anew.
PURGE_GRACE_SECONDS: int = env.int("PURGE_GRACE_SECONDS", 60, validate=positive)
# What else the worker does by the clock: name → (task, minutes between two runs).
PURGE_SCHEDULES = {
    "messaging: mails": ("messaging.tasks.send_due", 5),
    "users: sessions that have run out": ("users.tasks.clear_sessions", 24 * 60),
    "users: what is proved": ("users.tasks.renew_proofs", 24 * 60),
}
PURGE_ERASE_KEPT_CREATOR: bool = env.bool("PURGE_ERASE_KEPT_CREATOR", False)
# For how long backups are kept; 0: there are none. Without it pages say that nobody has said how long.
PURGE_BACKUP_DAYS: int | None = env.int("PURGE_BACKUP_DAYS", None, validate=validate.Range(min=0))

# Logs: to standard error (a command's output is its own), a line for each event, with names and ids. No logger may
# print a query string (the admin's search puts its words there) or an exception's message (a database's repeats the row
# that it refused). The web server's own lines are formatted likewise.

LOG_FORMAT: str = env.str("LOG_FORMAT", "text", validate=validate.OneOf(["text", "json"]))
LOGGING = logging_config(LOG_FORMAT, env.log_level("LOG_LEVEL", logging.INFO))

# Figures (/metrics, more than yes or no at /healthz) are for this machine, for operators, and for whoever shows this.
LMS_METRICS_TOKEN: str = env.str("LMS_METRICS_TOKEN", "")
if LMS_METRICS_TOKEN and len(LMS_METRICS_TOKEN) < 32:
    raise ImproperlyConfigured("LMS_METRICS_TOKEN is shorter than 32 characters: openssl rand -hex 32 makes one.")

env.seal()

LEAST_RETRY = Q_TIMEOUT * (1 + math.ceil((QUEUE_LIMIT + 1) / Q_WORKERS)) + 30
if LEAST_RETRY >= Q_RETRY:
    raise ImproperlyConfigured(f"Q_RETRY must be above {LEAST_RETRY} for this Q_TIMEOUT, or tasks are delivered twice.")
if Q_TIMEOUT <= PURGE_SLICE_SECONDS:
    raise ImproperlyConfigured("PURGE_SLICE_SECONDS must be below Q_TIMEOUT, or the queue cuts healthy work short.")
if PURGE_LEASE_SECONDS <= PURGE_SLICE_SECONDS:
    raise ImproperlyConfigured("PURGE_LEASE_SECONDS must be above PURGE_SLICE_SECONDS, or a worker loses its claim.")
