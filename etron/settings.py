"""One settings file: clone, install, run works with nothing set. Every own setting has a line in docs/settings.md."""

import hashlib
import os
from pathlib import Path
from urllib.parse import unquote, urlparse

from csp.constants import NONE, SELF, UNSAFE_INLINE, WASM_UNSAFE_EVAL
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def env_int(name: str, default: int) -> int:
    value = os.environ.get(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def env_bool(name: str, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "none"}:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


# ETRON_PRODUCTION: refuse demo users, demand secrets from the environment, send security headers.
PRODUCTION = env_bool("ETRON_PRODUCTION", False)
# ETRON_DEMO: allow the demo users, their log-ins and tokens. Never together with ETRON_PRODUCTION.
DEMO = env_bool("ETRON_DEMO", not PRODUCTION)
if PRODUCTION and DEMO:
    raise ImproperlyConfigured("ETRON_DEMO cannot be on when ETRON_PRODUCTION is on.")
DEBUG = env_bool("ETRON_DEBUG", False)

# ETRON_HOME: folder for the embedded database, artifacts, uploads, the queue and generated secrets.
HOME = Path(env_str("ETRON_HOME", str(BASE_DIR / "var"))).resolve()
HOME.mkdir(parents=True, exist_ok=True)


def secret(name: str, filename: str) -> str:
    """From the environment; outside production a random one is made once and kept in ETRON_HOME (mode 600)."""
    value = os.environ.get(name, "")
    if value:
        return value
    if PRODUCTION:
        raise ImproperlyConfigured(f"{name} must be set in production.")
    path = HOME / filename
    if not path.exists():
        import secrets

        made = secrets.token_urlsafe(48)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(made)
        try:
            os.link(temporary, path)  # the first of several starting processes wins
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text()


# ETRON_SECRET_KEY: signs sessions and links.
SECRET_KEY = secret("ETRON_SECRET_KEY", "secret_key")
# ETRON_MASTER_KEY: wraps project keys and the keys of stored call values. Losing it loses them.
MASTER_KEY = secret("ETRON_MASTER_KEY", "master_key")

# ETRON_ALLOWED_HOSTS: comma-separated host names the site answers to.
ALLOWED_HOSTS = env_list("ETRON_ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1],testserver")
# ETRON_CSRF_ORIGINS: comma-separated origins such as https://panshi.example that may post forms.
CSRF_TRUSTED_ORIGINS = env_list("ETRON_CSRF_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "guardian",
    "knox",
    "rest_framework",
    "drf_spectacular",
    "projects",
    "datafactory",
    "models_registry",
    "risk_products",
    "etron",
    *(["sandbox"] if DEMO else []),  # synthetic people, the demo project and its log-ins
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "etron.shell.display_zone",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "projects.middleware.UserLanguageMiddleware",
    "projects.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "etron.urls"
WSGI_APPLICATION = "etron.wsgi.application"
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
                "etron.shell.context",
            ],
        },
    }
]


def database(url: str) -> dict[str, object]:
    """``postgres://user:password@host:port/name`` or ``sqlite:///path``."""
    parts = urlparse(url)
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            # The last connection to leave writes the whole log back and syncs it: connections stay open.
            "CONN_MAX_AGE": None,
            "NAME": parts.path[1:] if parts.path.startswith("//") else parts.path,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    raise ImproperlyConfigured("ETRON_DATABASE_URL must start with postgres:// or sqlite:///.")


# ETRON_DATABASE_URL: where rows live; SQLite in ETRON_HOME unless set.
DATABASES = {"default": database(env_str("ETRON_DATABASE_URL", f"sqlite:///{HOME / 'etron.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "projects.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ANONYMOUS_USER_NAME = None  # django-guardian: no row for people who are not signed in
GUARDIAN_RAISE_403 = True
LOGIN_URL = "projects:sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "projects:sign-in"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
# ETRON_DISPLAY_ZONE: the zone in which dates are shown and date-only columns are read.
DISPLAY_ZONE = env_str("ETRON_DISPLAY_ZONE", "Asia/Shanghai")

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION  # a file that was built anew is served at once

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],  # for people there is /api/docs/
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "projects.errors.api_exception_handler",
    "UNAUTHENTICATED_USER": None,
}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Token", "TOKEN_TTL": None, "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "Panshi API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {  # where the field's name alone does not tell sets of choices apart
        "RoleEnum": "projects.models.Role",
        "InstitutionKindEnum": "projects.models.Institution.Kind",
        "JobStateEnum": "projects.models.Job.State",
        "ArtifactStateEnum": "projects.models.Artifact.State",
        "VersionStatusEnum": "models_registry.models.Version.Status",
        "RevisionStatusEnum": "models_registry.models.BinRevision.Status",
        "SourceKindEnum": "datafactory.models.Source.Kind",
        "KeyStateEnum": "risk_products.serializers.KEY_STATES",
    },
}

# ETRON_REDIS_URL: broker of the queue and shared cache. Unset = the embedded Valkey on a private socket in ETRON_HOME.
REDIS_URL = env_str("ETRON_REDIS_URL", "")
VALKEY_SOCKET = HOME / "queue" / "valkey.sock"
if len(str(VALKEY_SOCKET)) > 100:  # the kernel takes no longer names for sockets
    VALKEY_SOCKET = Path(f"/tmp/etron-{os.getuid()}") / f"{hashlib.sha256(str(HOME).encode()).hexdigest()[:12]}.sock"  # noqa: S108
CELERY_BROKER_URL = REDIS_URL or f"redis+socket://{VALKEY_SOCKET}"
# Counts failed sign-ins across processes where there is a server for it; the embedded default counts per process.
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ALWAYS_EAGER = env_bool("ETRON_EAGER_JOBS", False)  # ETRON_EAGER_JOBS: run jobs in the caller (tests).
# ETRON_JOB_SILENCE_S: seconds without a heartbeat after which the watchdog takes a job for lost.
JOB_SILENCE_S = env_int("ETRON_JOB_SILENCE_S", 60)

# ETRON_ARTIFACTS: root of all Parquet, models and uploads.
ARTIFACT_ROOT = Path(env_str("ETRON_ARTIFACTS", str(HOME / "artifacts"))).resolve()
# ETRON_ENGINE: table engine of matches and feature tables: local, duckdb, polars or spark (an optional extra).
ENGINE = env_str("ETRON_ENGINE", "local")
# ETRON_SPARK_MASTER: master of the engine spark, such as spark://host:7077, or sc://host:15002 for Spark Connect.
SPARK_MASTER = env_str("ETRON_SPARK_MASTER", "local[2]")
# ETRON_ENGINE_THREADS: threads of the table engine per job.
ENGINE_THREADS = env_int("ETRON_ENGINE_THREADS", os.cpu_count() or 2)
# ETRON_ENGINE_MEMORY_MB: memory limit of the table engine per job.
ENGINE_MEMORY_MB = env_int("ETRON_ENGINE_MEMORY_MB", 4096)

# ETRON_CONNECTION_*: databases and stores that sources are imported from: postgresql://…, mysql://… or s3://… by name.
CONNECTIONS = {
    name.removeprefix("ETRON_CONNECTION_").lower(): value
    for name, value in sorted(os.environ.items())
    if name.startswith("ETRON_CONNECTION_") and value
}

# Limits of uploads: bytes on disk, bytes after decompression, rows, columns.
UPLOAD_MAX_BYTES = env_int("ETRON_UPLOAD_MAX_BYTES", 5 * 1024**3)  # ETRON_UPLOAD_MAX_BYTES
UPLOAD_MAX_UNPACKED_BYTES = env_int("ETRON_UPLOAD_MAX_UNPACKED_BYTES", 20 * 1024**3)  # ETRON_UPLOAD_MAX_UNPACKED_BYTES
UPLOAD_MAX_ROWS = env_int("ETRON_UPLOAD_MAX_ROWS", 50_000_000)  # ETRON_UPLOAD_MAX_ROWS
UPLOAD_MAX_COLUMNS = env_int("ETRON_UPLOAD_MAX_COLUMNS", 5_000)  # ETRON_UPLOAD_MAX_COLUMNS
# ETRON_INCOMING_DAYS: days after which an upload that nobody finished or imported is thrown away.
INCOMING_DAYS = env_int("ETRON_INCOMING_DAYS", 7)
# ETRON_INCOMING_OPEN: uploads in pieces that an institution may have open at a time.
INCOMING_OPEN = env_int("ETRON_INCOMING_OPEN", 20)
# ETRON_INCOMING_INLINE_BYTES: a larger file that came in pieces is hashed and looked at by a job, not in the answer.
INCOMING_INLINE_BYTES = env_int("ETRON_INCOMING_INLINE_BYTES", 256 * 1024**2)
FILE_UPLOAD_HANDLERS = ["datafactory.upload_handler.HashedUploadHandler"]
FILE_UPLOAD_TEMP_DIR = None
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024**2

# ETRON_PRIVACY_FLOOR: distinct ids that a match or a statistic needs; the sandbox has its own, lower floor.
PRIVACY_FLOOR_IDS = env_int("ETRON_PRIVACY_FLOOR", 1000)
PRIVACY_FLOOR_SANDBOX_IDS = env_int("ETRON_PRIVACY_FLOOR_SANDBOX", 200)  # ETRON_PRIVACY_FLOOR_SANDBOX
# ETRON_IDS_PER_SOURCE: distinct ids that an institution may try against one source in ETRON_IDS_WINDOW_DAYS days.
IDS_PER_SOURCE = env_int("ETRON_IDS_PER_SOURCE", 5_000_000)
IDS_WINDOW_DAYS = env_int("ETRON_IDS_WINDOW_DAYS", 30)  # ETRON_IDS_WINDOW_DAYS
PRIVATE_MATCH_MAX_IDS = env_int("ETRON_PRIVATE_MATCH_MAX_IDS", 1_000_000)  # ETRON_PRIVATE_MATCH_MAX_IDS
# ETRON_CELL_FLOOR: people below which a cell of a table is hidden.
CELL_FLOOR_PEOPLE = env_int("ETRON_CELL_FLOOR", 10)
# ETRON_LEAF_FLOOR: people that a bin or a leaf must hold.
LEAF_FLOOR_PEOPLE = env_int("ETRON_LEAF_FLOOR", 30)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("ETRON_LOG_LEVEL", "INFO")},  # ETRON_LOG_LEVEL
}

# Who knows the figures of a project's line in lists: a function of the top floor, called by the lowest.
PROJECT_FIGURES = "etron.project_figures.figures_of"
# What the watchdog does besides at every look: functions of the upper floors that say how much they removed.
WATCHDOG_ROUNDS = [
    "datafactory.services.sweeping.sweep_if_due",
    "datafactory.services.deletions.go_round",
    "datafactory.services.private_matches.sweep",
]
# Who else keeps rows of people that were made of a feature table: classes of the upper floors, asked at a deletion.
DERIVED_ROWS = ["models_registry.services.erasing.PredictedRows"]

# Nothing of a page comes from elsewhere and no script stands in it; charts and widths of bars need inline styles.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, WASM_UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
if PRODUCTION:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = env_bool("ETRON_SSL_REDIRECT", True)  # ETRON_SSL_REDIRECT: off behind a proxy that does it.
    SILENCED_SYSTEM_CHECKS = [] if SECURE_SSL_REDIRECT else ["security.W008"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
