"""The shop's settings: what any Django project has, and below it what the engine needs."""

import os
from pathlib import Path

from purge.installation.defaults import *  # noqa: F403

VAR = Path(os.environ.get("SHOP_VAR", Path(__file__).resolve().parents[1] / "var"))
VAR.mkdir(parents=True, exist_ok=True)

SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "an example, never to be used on a real site")
INSTALLED_APPS = ["shop", "purge", "django.contrib.contenttypes", "django.contrib.auth", "django_q"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR / "shop.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "shop.Customer"
MEDIA_ROOT = VAR / "media"
USE_TZ = True

# The engine
PURGE_HOST = "shop.host.ShopHost"
PURGE_HASH_KEY = os.environ.get("SHOP_HASH_KEY", "an example as well; keep yours apart from the database")
PURGE_JOURNAL = VAR / "journal" / "purge.jsonl"
