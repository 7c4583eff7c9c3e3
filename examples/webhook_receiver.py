"""Receives webhooks, checks that they are ours, and prints each event once.

TRITONE_WEBHOOK_SECRET=whsec_... python webhook_receiver.py [port]

`GET /webhook-secrets` shows the secret. The signature is that of Standard Webhooks; libraries for
many languages check it, too. To try it on this machine, start the server with
TRITONE_WEBHOOKS__ALLOW_NETWORKS='["127.0.0.0/8"]' and submit a job with
"webhook_url": "http://127.0.0.1:9000/".
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = base64.b64decode(os.environ["TRITONE_WEBHOOK_SECRET"].removeprefix("whsec_"))
MAX_AGE_S = 300
MAX_BODY_BYTES = 1_000_000

seen: set[str] = set()  # a real receiver keeps them where a restart does not forget them


def is_genuine(headers: dict[str, str], body: bytes, now_s: float) -> bool:
    """Return whether a webhook is recent and one of its signatures is ours."""
    sent_at = headers.get("webhook-timestamp", "")
    if not sent_at.isdecimal() or abs(now_s - int(sent_at)) > MAX_AGE_S:
        return False
    signed = b".".join([headers.get("webhook-id", "").encode(), sent_at.encode(), body])
    expected = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split()  # several while a secret changes
    return any(hmac.compare_digest(f"v1,{expected}", each) for each in given)


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what it has understood, so that it is not sent again."""

    def do_POST(self) -> None:
        """Take one webhook."""
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(min(length, MAX_BODY_BYTES))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not is_genuine(headers, body, time.time()):
            self.send_error(400)
            return
        if headers["webhook-id"] not in seen:  # a webhook may arrive twice
            seen.add(headers["webhook-id"])
            event = json.loads(body)
            print(event["type"], event["data"]["id"], flush=True)
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    HTTPServer(("127.0.0.1", port), Receiver).serve_forever()
