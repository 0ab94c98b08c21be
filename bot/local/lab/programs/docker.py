"""`docker` of the lab: hands its arguments to the lab's Engine and prints what it answers."""

import http.client
import json
import os
import sys
import urllib.parse
from pathlib import Path


def main(settings: Path, arguments: list[str]) -> int:
    """Run one command line; the exit code is compose's."""
    configured = json.loads(settings.read_text())["engine"]
    address = urllib.parse.urlsplit(os.environ.get("DOCKER_HOST", configured).replace("tcp://", "http://"))
    environment = {key: value for key, value in os.environ.items() if key == "NEWSLETTER_TAG"}
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        body = json.dumps({"arguments": arguments, "environment": environment})
        connection.request("POST", "/compose", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            sys.stderr.write(f"Error response from daemon: {answer.status} {answer.reason}\n")
            return 1
        result = json.loads(said)
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.stderr.write(
            f"Cannot connect to the Docker daemon at {address.geturl()}. Is the docker daemon running? ({error})\n"
        )
        return 1
    sys.stdout.write(result["stdout"])
    sys.stderr.write(result["stderr"])
    return int(result["exit"])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
