import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import BaseModel

from frontend.observe import context, logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Body(BaseModel):
    text: int


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_json_with_the_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    token = context.request_id.set("r7")
    structlog.get_logger("ours").info("happened", seconds=0.5)
    context.request_id.reset(token)
    structlog.get_logger("ours").info("later")
    first, second = lines(capsys)
    assert (first["event"], first["request_id"], first["seconds"]) == ("happened", "r7", 0.5)
    assert (first["level"], first["logger"]) == ("info", "ours")
    assert str(first["timestamp"]).endswith("Z")
    assert "request_id" not in second


def test_lines_of_libraries_look_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logging.getLogger("uvicorn.error").warning("port %d", 80)
    (line,) = lines(capsys)
    assert (line["event"], line["level"]) == ("port 80", "warning")


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    structlog.get_logger("ours").info("quiet")
    logging.getLogger("theirs").info("quiet")
    assert lines(capsys) == []


def test_an_error_is_described_by_type_text_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        raise LookupError("no such thing")
    except LookupError as error:
        structlog.get_logger("ours").exception("failed")
        structlog.get_logger("ours").error("failed", exc_info=error)
        logging.getLogger("theirs").exception("failed")
    for line in lines(capsys):
        assert (line["error"], line["detail"]) == ("LookupError", "no such thing")
        assert "test_logs.py" in str(line["traceback"])


def test_an_error_that_quotes_its_input_has_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        Body.model_validate({"text": "secret prompt"})
    except ValueError:
        structlog.get_logger("ours").exception("failed")
    out = capsys.readouterr().out
    assert "ValidationError" in out
    assert "secret" not in out
