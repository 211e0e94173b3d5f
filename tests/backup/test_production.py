"""The documented procedure for PostgreSQL and a bucket: dump, copy, lose everything, restore."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from tests.backup.charts import everything, make_charts, messages
from tests.support.client import Api, M
from tests.support.postgres import PostgresServer, find_binaries
from tests.support.receiver import Receiver
from tests.support.seaweedfs import ACCESS_KEY_ID, SECRET_ACCESS_KEY, S3Server
from tests.support.server import Deployment

pytestmark = pytest.mark.slow
LIMITS = json.dumps({"patient-write": 10_000})


def run_tool(name: str, *arguments: str) -> None:
    """One of PostgreSQL's programs."""
    folder = find_binaries()
    assert folder is not None
    command = [str(folder / name), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={"PATH": os.environ["PATH"]}
    )
    assert done.returncode == 0, done.stderr


def bucket_of(server: S3Server, name: str) -> S3Store:
    return S3Store(
        name,
        config={
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
            "region": server.region,
            "endpoint": server.endpoint,
        },
        client_options={"allow_http": True},
    )


def copy_objects(source: S3Store, target: S3Store) -> int:
    """As ``aws s3 sync`` would; how many there were."""
    paths = [str(item["path"]) for batch in obstore.list(source) for item in batch]
    for path in paths:
        found = obstore.get(source, path)
        obstore.put(target, path, found.bytes(), attributes=found.attributes)
    return len(paths)


def test_a_dump_and_a_copy_of_the_bucket_bring_everything_back(
    postgres_server: PostgresServer,
    s3_server: S3Server,
    live_server: Callable[..., Deployment],
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    common = {
        "mode": "production",
        "secret_key": "a secret key for this test only, 32+ characters",
        "rate_limits": LIMITS,
    }
    database, bucket = postgres_server.fresh_database(), s3_server.fresh_bucket()
    url = postgres_server.url(database)
    first = live_server({**common, "database_url": url, **s3_server.settings(bucket)})
    server = first.serve(worker=False)
    worker = first.worker("worker-a")
    key = first.create_key()
    with Api(server.origin, key) as api:
        patients = make_charts(api, receiver)
        assert worker.stop() == 0
        waiting = api.post(f"{M}/network/query", {"sources": ["hie"]}, patientId=patients[0])["requestId"]
        before, told = everything(api), messages(url)
        dump = tmp_path / "chartbridge.dump"
        run_tool("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", f"--dbname={url}")
        kept = s3_server.fresh_bucket()
        assert copy_objects(bucket_of(s3_server, bucket), bucket_of(s3_server, kept)) > 12
    first.close()
    postgres_server.drop_database(database)
    lost = bucket_of(s3_server, bucket)
    obstore.delete(lost, [str(item["path"]) for batch in obstore.list(lost) for item in batch])

    restored = postgres_server.url(postgres_server.fresh_database())
    run_tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={restored}", str(dump))
    again = live_server({**common, "database_url": restored, **s3_server.settings(kept)})
    with Api(again.serve(worker=False).origin, key) as api:
        after = everything(api)
        assert after.keys() == before.keys()
        for name, value in before.items():
            assert after[name] == value, name
        assert messages(restored) == told
        assert api.get(f"{M}/network/query/{waiting}")["status"] == "processing"
        again.worker("worker-b")
        api.poll(f"{M}/network/query/{waiting}", timeout_s=60)
    receiver.wait_for("network-query.hie", 3, timeout_s=60)
