"""Teachers behind an address: what may be named, what goes wrong, and a real server."""

import json
import socket
import threading
import time

import pytest

from core.errors import ModelError
from core.models import api, teachers
from core.models.api import Asking

HOW = Asking({"type": "object"}, 0.0, 20, 4, False)
HELLO = [{"role": "user", "content": "Hello"}]
KEY = "sk-secret-of-the-tests"


class Stop(Exception):
    pass


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(api, "RETRIES", 0)
    monkeypatch.setenv("STILLROOM_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def ask(name, conversations=(HELLO,), how=HOW, tick=lambda: None, grown=None):
    """Answers by number, and what was said."""
    heard, said = {}, []
    api.ask(api.parse(name), conversations, how, heard.__setitem__, tick, said.append, grown)
    return heard, said


def streamed(name, how=HOW):
    """The answer, what was said, and the text as it grew."""
    grown = []
    heard, said = ask(name, how=how, grown=grown.append)
    return heard[0], said, grown


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://host/v1", "names no host or no model"),
        ("https://#model", "names no host or no model"),
        ("https://host:port/v1#model", "not valid"),
        ("https://me:sk-123@host/v1#model", "keys belong in STILLROOM_API_KEY"),
        ("https://host/v1?key=sk-123#model", "keys belong in STILLROOM_API_KEY"),
        ("http://host/v1#model", "in the clear: write https"),
        ("http://10.0.0.1/v1#model", "in the clear: write https"),
    ],
)
def test_addresses_that_must_not_be_asked(name, message):
    with pytest.raises(ModelError, match=message) as caught:
        api.parse(name)
    assert "sk-123" not in str(caught.value)


@pytest.mark.parametrize("name", ["http://localhost:1/v1#m", "http://127.0.0.1:1/v1#m", "http://[::1]:1/v1#org/m"])
def test_http_is_for_this_machine(name):
    assert api.parse(name).is_here and api.parse(name).model in name


def test_an_address_is_no_model_to_load():
    with pytest.raises(ModelError, match="pseudo_labels"):
        teachers.load("https://host/v1#model")


def test_no_key(monkeypatch):
    monkeypatch.delenv("STILLROOM_API_KEY")
    with pytest.raises(ModelError, match=r"example\.org wants a key: set STILLROOM_API_KEY"):
        ask("https://example.org/v1#model")


def test_the_key_of_openai_does_not_follow_a_file_to_any_host(monkeypatch):
    monkeypatch.delenv("STILLROOM_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    with pytest.raises(ModelError, match=r"example\.org wants a key"):
        ask("https://example.org/v1#model")


@pytest.mark.parametrize("host", ["api.openai.com", "API.openai.com", "api.openai.com:443"])
def test_the_key_of_openai_goes_to_openai(host, monkeypatch):
    monkeypatch.delenv("STILLROOM_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    assert api._key(api.parse(f"https://{host}/v1#model")) == "sk-other"


def test_the_key_of_openai_stands_in(serve, chat_completion, monkeypatch):
    monkeypatch.delenv("STILLROOM_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    seen = []
    ask(serve(lambda _, headers: seen.append(headers["Authorization"]) or (200, chat_completion("Hi"))))
    assert seen == ["Bearer sk-other"]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}, r"refuses the key: set STILLROOM_API_KEY"),
        (403, {"error": {"message": "no"}}, "refuses the key"),
        (404, {"error": {"message": "no such model"}}, "has no model 'some-model'.*mostly ends in /v1"),
        (429, {"error": {"message": "slow down"}}, r"wait, or let a run ask fewer .* Then go on: what was .* kept"),
        (500, {"error": {"message": "oops"}}, "answered with status 500: .*oops"),
        (400, {"error": {"message": "the prompt is too long"}}, "status 400: .*the prompt is too long"),
        (200, b"<html>hello</html>", "did not answer as an OpenAI-compatible server does"),
        (200, {"choices": []}, "did not answer as an OpenAI-compatible server does"),
        (200, {"hello": 1}, "did not answer as an OpenAI-compatible server does"),
    ],
)
def test_errors_say_what_to_do_and_never_the_key(serve, status, body, message):
    with pytest.raises(ModelError, match=message) as caught:
        ask(serve(lambda *_: (status, body)))
    assert KEY not in str(caught.value)


def test_nobody_is_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelError, match="cannot be reached: check the address"):
        ask(f"http://127.0.0.1:{port}/v1#model")


def test_what_a_server_does_not_take_is_done_without(serve, chat_completion):
    """By the name in its message, else the schema; found out once."""
    requests = []

    def reply(request, _):
        requests.append(request)
        for option in ("max_tokens", "temperature"):
            if option in request:
                return 400, {"error": {"message": f"Unsupported parameter: '{option}'"}}
        if "response_format" in request:
            return 422, {"error": {"message": "unknown field"}}
        return 200, chat_completion(request["messages"][0]["content"])

    heard, said = ask(serve(reply), [[{"role": "user", "content": str(i)}] for i in range(9)])
    assert {number: answer.text for number, answer in heard.items()} == {i: str(i) for i in range(9)}
    assert [text.split("take ")[1].split(":")[0] for text in said] == ["max_tokens", "temperature", "response_format"]
    assert len(requests) == 3 + 9 and requests[-1]["max_completion_tokens"] == 20


def test_several_at_a_time_but_no_more(serve, chat_completion):
    lock, now, most = threading.Lock(), [0], [0]

    def reply(*_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        return 200, chat_completion("Hi")

    heard, _ = ask(serve(reply), [HELLO] * 12)
    assert len(heard) == 12 and 2 <= most[0] <= HOW.concurrency
    assert heard[0].tokens_in == 30 and heard[0].tokens_out == 10 and heard[0].complete


def test_stopping_does_not_wait_for_answers(serve, chat_completion):
    asked, over = threading.Event(), threading.Event()

    def reply(*_):
        asked.set()
        over.wait(30)
        return 200, chat_completion("Hi")

    def tick():
        if asked.is_set():
            raise Stop

    started = time.perf_counter()
    with pytest.raises(Stop):
        ask(serve(reply), [HELLO] * 3, tick=tick)
    over.set()
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("grown", [None, lambda _: None], ids=["whole", "streamed"])
def test_stopping_ends_the_request(serve, chat_chunk, grown):
    """The server, which would send for ever, sees its reader leave."""
    asked, left = threading.Event(), threading.Event()

    def endless(request):
        try:
            while True:
                yield chat_chunk("a") if request.get("stream") else b" " * 1000
                asked.set()
        finally:
            left.set()

    def tick():
        if asked.is_set():
            raise Stop

    with pytest.raises(Stop):
        ask(serve(lambda request, _: (200, endless(request))), tick=tick, grown=grown)
    assert left.wait(60)


def test_a_streamed_answer_is_told_as_it_grows(serve, chat_chunk):
    asked = []
    red = {"token": "red", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "blue", "logprob": -1.0}]}

    def events():
        yield chat_chunk("")
        yield chat_chunk("red \ud83d", log_probs=[red])  # half of a character
        yield chat_chunk("\ude00", finish="length", log_probs=[{**red, "token": "!"}])
        yield chat_chunk()
        yield b"data: [DONE]\n\n"

    def reply(request, _):
        asked.append(request)
        return 200, events()

    answer, said, grown = streamed(serve(reply), Asking({}, 0.0, 20, 4, True))
    assert grown[:3] == ["", "red \ufffd", "red 😀"] and not said
    assert (answer.text, answer.complete, answer.tokens_in, answer.tokens_out) == ("red 😀", False, 30, 10)
    assert [token.spelled for token in answer.said] == [b"red", b"!"]
    assert dict(answer.said[0].log_probs) == {b"red": -0.5, b"blue": -1.0}
    assert asked[0]["stream"] and asked[0]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("refuses", "status", "message", "given_up"),
    [
        ("stream_options", 422, "stream_options: extra fields not permitted", ["stream_options"]),
        ("stream", 400, "Streaming is not supported", ["stream"]),
        ("stream", 400, "upstream says no", ["response_format", "stream"]),
    ],
)
def test_what_a_server_takes_no_streams_by_is_done_without(
    serve, chat_chunk, chat_completion, refuses, status, message, given_up
):
    def events():
        yield chat_chunk("Hi", finish="stop")

    def reply(request, _):
        if refuses in request:
            return status, {"error": {"message": message}}
        return 200, events() if request.get("stream") else chat_completion("Hi")

    answer, said, _ = streamed(serve(reply))
    assert answer.text == "Hi" and answer.complete and answer.tokens_in == (0 if refuses == "stream_options" else 30)
    assert [text.split("take ")[1].split(":")[0] for text in said] == given_up


def test_a_server_that_knows_of_no_streams_is_asked_once(serve, chat_completion):
    asked = []
    answer, said, grown = streamed(serve(lambda *request: asked.append(request) or (200, chat_completion("Hi"))))
    assert (answer.text, answer.tokens_out, said, grown, len(asked)) == ("Hi", 10, [], [], 1)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            b'data: {"error": {"message": "overloaded sk-secret-of-the-tests"}}\n\n',
            "broke its answer off: .*overloaded",
        ),
        (b"", "its answer broke off"),
        (b"data: {}\n\n", "did not answer as an OpenAI-compatible server does"),
    ],
)
def test_a_stream_that_breaks_off(serve, chat_chunk, event, message):
    def events():
        yield chat_chunk("Hi")
        yield event

    with pytest.raises(ModelError, match=message) as caught:
        streamed(serve(lambda *_: (200, events())))
    assert KEY not in str(caught.value)


def test_what_came_before_an_error_is_heard(serve, chat_completion):
    def reply(request, _):
        if request["messages"][0]["content"] == "3":
            time.sleep(0.3)
            return 500, {"error": {"message": "oops"}}
        return 200, chat_completion("Hi")

    heard = {}
    conversations = [[{"role": "user", "content": str(i)}] for i in range(4)]
    with pytest.raises(ModelError, match="oops"):
        api.ask(api.parse(serve(reply)), conversations, HOW, heard.__setitem__, lambda: None, print)
    assert set(heard) == {0, 1, 2}


def test_a_server_without_log_probabilities(serve, chat_completion):
    with pytest.raises(ModelError, match="gives no log-probabilities: learn the labels' text"):
        ask(serve(lambda *_: (200, chat_completion("Hi"))), how=Asking({}, 0.0, 20, 4, True))


def test_a_real_server(llama_server, monkeypatch):
    """Answers follow the schema, and tokens spell the answer with their likeliest rivals."""
    schema = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
    how = Asking({**schema, "additionalProperties": False}, 0.0, 30, 2, True)
    conversations = [[{"role": "user", "content": f"Which colour has {thing}? Answer as JSON."}] for thing in "ab"]
    with pytest.raises(ModelError, match="refuses the key"):
        ask(llama_server, conversations, how)
    monkeypatch.setenv("STILLROOM_API_KEY", "sk-of-the-tests")
    heard, said = ask(llama_server, conversations, how)
    assert not said and set(heard) == {0, 1}
    for answer in heard.values():
        assert json.loads(answer.text)["colour"] in ("red", "blue")
        assert answer.tokens_in > 10 and len(answer.said) >= answer.tokens_out - 1 > 3
        assert answer.text.strip().encode() in b"".join(token.spelled for token in answer.said)
        assert all(token.spelled in dict(token.log_probs) for token in answer.said)
    parts = []
    again = ask(llama_server, conversations[:1], how, grown=parts.append)[0][0]
    facts = lambda answer: (answer.text, answer.complete, answer.tokens_in, answer.tokens_out)
    assert facts(again) == facts(heard[0])
    # In a stream it tells nothing of a token whose text it holds back.
    assert {token.spelled for token in again.said} <= {token.spelled for token in heard[0].said} and again.said
    assert len(set(parts)) > 3 and parts == sorted(parts, key=len) and parts[-1] == again.text


def test_without_a_schema_none_is_sent(serve, chat_completion):
    asked = []

    def reply(request, _):
        asked.append(request)
        return 200, chat_completion("Hi")

    heard, said = ask(serve(reply), how=Asking(None, 0.0, 20, 4, False))
    assert heard[0].text == "Hi" and not said
    assert "response_format" not in asked[0]
