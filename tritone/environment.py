"""The environment variables that more than one of our programs reads: names, defaults and bounds.

`tritone up` reads its own settings of the same prefix and hands some on to the frontend and the
workers; each program says what a variable means to it.
"""

PREFIX = "TRITONE_"
NESTING = "__"
"""Between a group of settings and a setting in it."""

HOST = f"{PREFIX}HOST"
PORT = f"{PREFIX}PORT"
TRITON_URL = f"{PREFIX}TRITON__URL"
DATABASE_URL = f"{PREFIX}JOBS__DATABASE_URL"
WORKER_METRICS_PORT = f"{PREFIX}JOBS__METRICS_PORT"
STORAGE_URL = f"{PREFIX}STORAGE__URL"
PEPPER_FILE = f"{PREFIX}KEYS__PEPPER_FILE"
OTLP_ENDPOINTS = (f"{PREFIX}OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""The first that is set counts; the second is OpenTelemetry's own."""

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
MAX_PORT = 65_535
DEFAULT_REFRESH_S = 2.0
DEFAULT_DRAIN_TIMEOUT_S = 30.0
MAX_DRAIN_TIMEOUT_S = 3600.0
OTLP_ENDPOINT_PATTERN = r"^https?://"
