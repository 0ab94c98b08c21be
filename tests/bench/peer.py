"""The peer of the acknowledgements, a process of its own: a bare Bolt app with one command, served by aiohttp."""

import logging
import os

from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


def main() -> None:
    """Serve until the process is ended."""
    logging.basicConfig(level=logging.WARNING)
    app = AsyncApp(
        client=AsyncWebClient(token="xoxb-bench", base_url=os.environ["SLACK_API_URL"]),
        signing_secret=os.environ["SLACK_SIGNING_SECRET"],
        process_before_response=True,
    )

    @app.command("/hello")
    async def hello(ack: AsyncAck) -> None:
        await ack()

    port = int(os.environ["STEWARD_PORT"])
    web.run_app(app.web_app("/slack/events", port), host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main()
