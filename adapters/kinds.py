"""Every adapter by its key: a new one is one line here, and no other file names it."""

from collections.abc import Mapping

from adapters import bullmq, command, compose, docker, host, http, netlify, postgres, redis, resend, s3, sorted_sets
from adapters.kind import Kind, kind

KINDS: Mapping[str, Kind] = {
    module.KIND: kind(module)
    for module in (
        http,
        postgres,
        redis,
        s3,
        docker,
        netlify,
        resend,
        command,
        host,
        bullmq,
        sorted_sets,
        compose,
    )
}
