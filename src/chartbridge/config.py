"""Settings: one place, read from ``CHARTBRIDGE_*`` variables and a ``.env`` file.

Unset values give the embedded platform: SQLite and a folder of objects below ``data_dir``, bound to
loopback, with a secret key generated and kept on first start.
"""

from __future__ import annotations

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET_LENGTH = 32


class ConfigurationError(Exception):
    """A setting cannot be used; the message says which and what to do."""


class Settings(BaseSettings):
    """All that an operator can set. Every field's variable is ``CHARTBRIDGE_`` and its name."""

    model_config = SettingsConfigDict(
        env_prefix="CHARTBRIDGE_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    mode: Literal["embedded", "production"] = Field(
        "embedded",
        description="production: the secret key must come from outside",
    )
    data_dir: Path = Field(Path("data"), description="folder of the embedded database, objects and secret")
    terminology_dir: Path | None = Field(
        None, description="folder of the terminology edition; default terminology in data_dir"
    )
    database_url: str | None = Field(
        None, description="sqlite:///… or postgresql://…; default SQLite in data_dir"
    )
    database_pool_size: int = Field(
        20, ge=2, le=200, description="connections of each kind a process keeps, and as many again under load"
    )
    object_store_url: str | None = Field(
        None, description="file:///…, s3://bucket/prefix, gs:// or az://; default a folder in data_dir"
    )
    s3_endpoint: str | None = Field(None, description="endpoint of an S3-compatible server other than AWS")
    s3_public_endpoint: str | None = Field(
        None, description="endpoint put into presigned URLs where clients reach the store by another name"
    )
    s3_region: str = "us-east-1"
    s3_access_key_id: str | None = None
    s3_secret_access_key: SecretStr | None = None

    host: str = Field("127.0.0.1", description="address to bind")
    port: int = Field(8080, ge=0, le=65535)
    public_url: str | None = Field(None, description="origin that clients use; default http://host:port")
    secret_key: SecretStr | None = Field(None, description="signs URLs; at least 32 characters")
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="port for /metrics, /health and /ready; default none"
    )
    metrics_host: str = Field("127.0.0.1", description="address to bind for the metrics")
    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="collector of traces, before /v1/traces; default: no traces",
    )
    trace_sample_ratio: float = Field(
        1.0, ge=0, le=1, description="part of the traces that are kept; a caller's decision wins"
    )

    worker_id: str | None = Field(None, description="stable name of this worker; one process a name")
    worker_concurrency: int = Field(
        8, ge=1, le=256, description="jobs of one queue that a worker runs at once"
    )
    conversion_processes: int = Field(2, ge=1, le=64)
    conversion_timeout_s: float = Field(120.0, gt=0)
    queue_poll_s: float = Field(0.2, gt=0, description="how often a worker looks for new jobs")
    heartbeat_s: float = Field(5.0, gt=0, description="how often a worker says that it lives")
    worker_lost_after_s: float = Field(
        30.0, gt=0, description="silence after which a worker's jobs are handed on"
    )
    job_max_attempts: int = Field(
        5, ge=1, description="runs of one job, crashes included, before it ends as failed"
    )
    job_kept_days: float = Field(
        14.0, gt=0, description="days for which a job that ended can be looked at and run again"
    )
    schedule_poll_s: float = Field(30.0, gt=0, description="how often a worker looks for what is due")
    housekeeping_s: float = Field(3600.0, ge=60, description="pause between two rounds of housekeeping")
    monitoring_hour_utc: int = Field(
        8, ge=0, le=23, description="hour of the day, in UTC, at which scheduled queries begin"
    )
    monitoring_queries_per_minute: int = Field(
        60, ge=1, le=6000, description="scheduled queries that are begun a minute, of all accounts"
    )

    network_timeout_s: float = Field(60.0, gt=0, description="time a network has for one call")
    max_document_bytes: int = Field(200_000_000, description="a network's larger document is not taken in")
    bulk_url_s: int = Field(600, ge=1, le=604_800, description="how long the URLs of a bulk run work")
    bulk_max_upload_bytes: int = Field(
        200_000_000, ge=1, description="a larger file of a bulk import is refused"
    )
    bulk_queries_per_minute: int = Field(
        60, ge=0, le=60_000, description="network queries that one bulk import starts a minute; 0: none"
    )
    bulk_queries_in_flight: int = Field(
        20, ge=1, le=1_000, description="network queries of one bulk import that run at the same time"
    )
    bulk_query_wait_s: float = Field(
        3600.0, gt=0, description="how long a bulk import waits for the end of one of its queries"
    )
    bulk_result_days: float = Field(30, gt=0, description="how long a bulk import is kept after its end")
    webhook_timeout_s: float = Field(5.0, gt=0)
    webhook_max_attempts: int = Field(
        18, ge=1, description="attempts to deliver a message; with the default pauses they take a day"
    )
    webhook_backoff_s: float = Field(
        10.0, gt=0, description="wait before the second attempt; doubles each time, up to three hours"
    )
    webhook_retry_s: float = Field(
        86_400.0, gt=0, le=31_536_000, description="time after which a message is given up in any case"
    )
    webhook_concurrency: int = Field(
        256, ge=1, le=2000, description="messages that a worker sends at the same time"
    )
    webhook_account_concurrency: int = Field(
        16, ge=1, le=2000, description="of these, to one account's receiver"
    )
    webhook_circuit_failures: int = Field(
        10, ge=1, description="failures in a row after which a receiver is left alone for a while"
    )
    webhook_circuit_pause_s: float = Field(
        30.0, gt=0, le=900, description="first such while; doubles with each failure, up to 15 minutes"
    )
    webhook_keep_delivered_days: float = Field(
        30, gt=0, le=36_500, description="how long messages that arrived are kept"
    )
    webhook_keep_failed_days: float = Field(
        90, gt=0, le=36_500, description="how long messages that did not arrive are kept"
    )
    webhook_private_addresses: Literal["auto", "allow", "refuse"] = Field(
        "auto", description="auto: refused for production tenants, allowed for sandbox tenants"
    )

    brief_provider: Literal["extractive", "openai", "anthropic", "off"] = Field(
        "extractive",
        description="who writes the brief of a chart: rules, a model behind an endpoint of that kind, nobody",
    )
    brief_endpoint: str | None = Field(
        None,
        pattern=r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$))[^\s?#@]*$",
        description="address before /v1/chat/completions or /v1/messages; http only to this machine",
    )
    brief_model: str | None = Field(None, max_length=200, description="name of the model at the endpoint")
    brief_api_key: SecretStr | None = None
    brief_timeout_s: float = Field(30.0, gt=0, le=300, description="time the endpoint has for one brief")

    adt_enabled: bool = Field(
        False,
        description="admissions, transfers and discharges reach this installation: "
        "cohorts of production accounts may watch for them",
    )

    max_json_body_bytes: int = 20_000_000
    max_convert_body_bytes: int = 50_000_000
    max_upload_bytes: int = Field(50_000_000, ge=1, description="a larger upload is refused")
    upload_scanner: str | None = Field(
        None,
        pattern=r"^(tcp://[^/]+|unix:///.+)$",
        description="clamd that looks at uploads: tcp://host:port or unix:///path",
    )
    sandbox_max_patients: int = 20
    sandbox_conversions_per_day: int = 500
    rate_limits: dict[str, int] = Field(
        default_factory=dict,
        description="operation: calls a minute and account, over the contract's defaults",
    )

    @field_validator("worker_lost_after_s")
    @classmethod
    def _outlasts_heartbeats(cls, value: float, info: ValidationInfo) -> float:
        """A worker that is thought lost between two of its heartbeats would have its jobs taken away."""
        heartbeat_s = info.data.get("heartbeat_s")
        if heartbeat_s is not None and value < 3 * heartbeat_s:
            raise ValueError("must be at least three times CHARTBRIDGE_HEARTBEAT_S")
        return value

    @model_validator(mode="after")
    def _knows_whom_to_ask(self) -> Settings:
        if self.brief_provider in ("openai", "anthropic") and not (self.brief_endpoint and self.brief_model):
            raise ValueError(
                "CHARTBRIDGE_BRIEF_ENDPOINT and CHARTBRIDGE_BRIEF_MODEL must be set for this "
                "CHARTBRIDGE_BRIEF_PROVIDER"
            )
        return self

    @cached_property
    def resolved_data_dir(self) -> Path:
        return self.data_dir.expanduser().resolve()

    @cached_property
    def resolved_terminology_dir(self) -> Path:
        return (self.terminology_dir or self.resolved_data_dir / "terminology").expanduser().resolve()

    @property
    def db_url(self) -> str:
        """SQLAlchemy URL of the database, with the driver this project uses."""
        url = self.database_url or f"sqlite:///{self.resolved_data_dir / 'chartbridge.sqlite'}"
        for prefix in ("postgresql://", "postgres://"):
            if url.startswith(prefix):
                return "postgresql+psycopg://" + url.removeprefix(prefix)
        return url

    @property
    def store_url(self) -> str:
        return self.object_store_url or (self.resolved_data_dir / "objects").as_uri()

    @property
    def origin(self) -> str:
        """The public origin, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @cached_property
    def signing_key(self) -> bytes:
        """The secret key's bytes; generated and kept with mode 0600 on first use outside production.

        Raises ConfigurationError in production without a secret key, when it is too short, and when it
        cannot be kept.
        """
        if self.secret_key is not None:
            value = self.secret_key.get_secret_value()
            if len(value) < MIN_SECRET_LENGTH:
                raise ConfigurationError(
                    f"CHARTBRIDGE_SECRET_KEY must have at least {MIN_SECRET_LENGTH} characters; "
                    "make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
                )
            return value.encode()
        if self.mode == "production":
            raise ConfigurationError("CHARTBRIDGE_SECRET_KEY must be set in production")
        path = self.resolved_data_dir / "secret.key"
        try:
            return _kept_secret(path)
        except OSError as error:
            raise ConfigurationError(
                f"{path} can be neither read nor made ({error.strerror}); "
                "correct the folder's owner, or set CHARTBRIDGE_DATA_DIR or CHARTBRIDGE_SECRET_KEY"
            ) from None


def _kept_secret(path: Path) -> bytes:
    """The secret in ``path``, made on first use. Safe when several processes start at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails when another process was first: then theirs counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    kept = path.read_bytes().strip()
    if len(kept) < MIN_SECRET_LENGTH:
        raise ConfigurationError(
            f"{path} holds no usable secret key; restore it from a backup, or delete it to have a new one "
            "made (URLs that were signed with the old one then end)"
        )
    return kept
