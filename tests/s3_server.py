"""S3 on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from moto.server import ThreadedMotoServer

BUCKET = "bucket"


@contextmanager
def s3() -> Iterator[str]:
    """The address of an empty bucket, for this process and those that it starts."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    known = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        with mock.patch.dict(os.environ, known):
            import boto3

            boto3.client("s3").create_bucket(Bucket=BUCKET)
            yield f"s3://{BUCKET}"
    finally:
        hang_up()
        server.stop()


def hang_up() -> None:
    """Close the connections that s3fs keeps until the process ends."""
    import s3fs
    from zarr.core.sync import sync

    for one in list(s3fs.S3FileSystem._cache.values()):
        if one._s3 is not None:
            sync(one._s3.close(), loop=None if one.asynchronous else one.loop)
    s3fs.S3FileSystem.clear_instance_cache()
