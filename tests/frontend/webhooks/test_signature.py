from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from frontend.webhooks.signature import derive_receiver_secret, make_signature_headers

# The published sample of Standard Webhooks.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'


def test_the_published_vector() -> None:
    assert make_signature_headers([SECRET], ID, AT, BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_time_zone_of_the_moment_does_not_matter() -> None:
    tokyo = AT.astimezone(timezone(timedelta(hours=9)))
    assert make_signature_headers([SECRET], ID, tokyo, BODY) == make_signature_headers(
        [SECRET], ID, AT, BODY
    )


def test_each_owner_has_a_secret_of_at_least_24_bytes_that_libraries_take() -> None:
    master = b"m" * 32
    mine, yours = derive_receiver_secret(master, "me"), derive_receiver_secret(master, "you")
    assert mine != yours
    assert mine == derive_receiver_secret(master, "me")
    headers = make_signature_headers([mine], "msg_1", datetime.now(UTC), BODY)
    assert Webhook(mine).verify(BODY.decode(), headers) == {"test": 2432232314}
    with pytest.raises(WebhookVerificationError):
        Webhook(yours).verify(BODY.decode(), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(mine).verify(BODY.decode() + " ", headers)
