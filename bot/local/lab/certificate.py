"""TLS for the simulated https site: an authority of its own, and certificates that expire when asked to."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Authority:
    """Issues the site's certificate; its PEM bundle is what the bot is told to trust."""

    def __init__(self, bundle: Path) -> None:
        """Create the authority and write its certificate to `bundle`."""
        self._authority = trustme.CA()
        self.bundle = bundle
        self._authority.cert_pem.write_to_path(str(bundle))

    def context(self, *, days: int, trusted: bool = True) -> ssl.SSLContext:
        """A server's context whose certificate lives for `days` from now; an untrusted one comes from a stranger."""
        authority = self._authority if trusted else trustme.CA()
        # TLS goes by the machine's time, whatever the workspace's clock says. Half an hour more keeps the days whole.
        expiry = datetime.now(UTC) + timedelta(days=days, minutes=30)
        certificate = authority.issue_cert("localhost", "127.0.0.1", not_after=expiry)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context
