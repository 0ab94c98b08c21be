"""Health of a bucket on S3 or R2: it exists and our key may look at it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, SecretStr

from adapters.kind import Connection, HttpAddress, Measure
from bot.domain.errors import BadAnswer, Unauthorized, Unreachable
from bot.ports import Measurement

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

KIND = "s3"
SECONDS = 3.0
_THREADS = 4

T = TypeVar("T")

# A session may not build two clients at once.
_BUILDING = Lock()


class Config(Connection):
    """`{s3: "https://…", bucket: …, access_key_id: …, secret_access_key: …}`."""

    s3: HttpAddress = Field(description="The endpoint: https://s3.REGION.amazonaws.com, or the account's at R2")
    bucket: str = Field(min_length=1)
    access_key_id: SecretStr
    secret_access_key: SecretStr
    region: str = Field(default="auto", description="auto at R2; the bucket's region at AWS")


class S3Bucket:
    """One bucket. boto3 blocks, so it has threads of its own: the default executor also resolves names for the loop."""

    def __init__(self, build: Callable[[], "S3Client"], *, bucket: str) -> None:
        self._build = build  # boto3 takes 0.4 s to import and load, so it is built by the first call.
        self._bucket = bucket
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
        self._lock = Lock()
        self._client: S3Client | None = None

    async def bucket(self) -> Measurement:
        """How long a HeadBucket takes."""
        return Measurement(await self._run(self._head), "ms")

    async def close(self) -> None:
        """Let go of the threads; a call in one of them ends by its own time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _head(self) -> float:
        from botocore import exceptions  # noqa: PLC0415 - see __init__

        client = self._connected()
        before = time.perf_counter()
        try:
            client.head_bucket(Bucket=self._bucket)
        except exceptions.ClientError as error:
            raise _refusal(error.response["ResponseMetadata"]["HTTPStatusCode"], self._bucket) from error
        except (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError) as error:
            raise Unreachable(f"S3 gave no answer within {SECONDS:g} s") from error
        except exceptions.SSLError as error:
            raise Unreachable("S3 shows a certificate that is not valid") from error
        except exceptions.EndpointConnectionError as error:
            raise Unreachable("S3 refuses the connection") from error
        except exceptions.HTTPClientError as error:
            raise Unreachable("S3 broke off the connection") from error
        except exceptions.BotoCoreError as error:
            raise BadAnswer(f"S3 answered something that cannot be read ({type(error).__name__})") from error
        return round((time.perf_counter() - before) * 1000, 1)

    def _connected(self) -> "S3Client":
        with self._lock:  # Building a client is not safe in two threads at once.
            if self._client is None:
                self._client = self._build()
            return self._client

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def open(config: Config) -> S3Bucket:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """A bucket; nothing is connected or imported yet."""
    return S3Bucket(lambda: _client(config), bucket=config.bucket)


MEASURES: Mapping[str, Measure] = {"bucket": Measure(S3Bucket.bucket, unit="ms")}


def _client(config: Config) -> "S3Client":
    from botocore.config import Config as BotoConfig  # noqa: PLC0415 - 0.4 s that the start must not pay

    with _BUILDING:
        client: S3Client = _session().client(
            "s3",
            endpoint_url=config.s3,
            region_name=config.region,
            aws_access_key_id=config.access_key_id.get_secret_value(),
            aws_secret_access_key=config.secret_access_key.get_secret_value(),
            config=BotoConfig(
                connect_timeout=SECONDS,
                read_timeout=SECONDS,
                retries={"max_attempts": 0, "mode": "standard"},
                max_pool_connections=_THREADS,
                # Stores that are merely compatible refuse boto3's newer default checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
                user_agent_extra="steward",
            ),
        )
    return client


@cache
def _session() -> "Session":
    """One for all buckets: each would load its own copy of what AWS says of its services, 8 MB."""
    import boto3  # noqa: PLC0415 - as above
    from botocore.loaders import Loader  # noqa: PLC0415
    from botocore.session import Session as Core  # noqa: PLC0415

    class OneService(Loader):
        """Forgets where AWS has its other 300 services, 4 MB of what it loads."""

        def load_data_with_path(self, name: str) -> tuple[Any, str]:
            data, path = super().load_data_with_path(name)
            for partition in data["partitions"] if name == "endpoints" else ():
                partition["services"] = {
                    service: at for service, at in partition["services"].items() if service == "s3"
                }
            return data, path

    core = Core()
    core.register_component("data_loader", OneService())
    return boto3.session.Session(botocore_session=core)


def _refusal(status: int, bucket: str) -> Exception:
    """HeadBucket has no body: its status is all that it tells."""
    if status == 404:
        return Unreachable(f"there is no bucket {bucket}")
    if status in {401, 403}:
        return Unauthorized(f"our key may not look at bucket {bucket} ({status})")
    if status == 429 or status >= 500:
        return Unreachable(f"S3 answered {status}")
    return BadAnswer(f"S3 answered {status}")
