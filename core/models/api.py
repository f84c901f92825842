"""Teachers behind an OpenAI-compatible chat endpoint (S2.2): `https://host/v1#model`, or http on this machine.

They answer in text; some tell the log-probabilities of their likeliest tokens too. The key is read from the
environment when it is needed, and is never kept, logged or shown.
"""

import asyncio
import ipaddress
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.errors import ModelError

KEYS = ("STILLROOM_API_KEY", "OPENAI_API_KEY")
OPENAI = "api.openai.com"
RETRIES = 5  # by the client, waiting longer each time, or as long as the server asks
PATIENCE = 300.0  # seconds for one answer
TICK = 0.2  # seconds
LIKELIEST = 20  # tokens whose log-probability is asked for: more is refused by most servers
OPTIONS = ("max_tokens", "temperature", "stream_options", "stream", "response_format")  # that a server may not take

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class ApiTeacher:
    """A model behind an address. `name` is both, as the configuration has it."""

    name: str
    address: str
    model: str

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    @property
    def is_here(self) -> bool:
        return _is_loopback(urlsplit(self.address).hostname or "")


@dataclass(frozen=True)
class SaidToken:
    """A token of an answer as bytes, and the logarithms of the likeliest tokens' probabilities, its own among them."""

    spelled: bytes
    log_probs: tuple[tuple[bytes, float], ...]


@dataclass(frozen=True)
class Answer:
    """One answer and what it cost, in tokens and seconds. `complete`: it was not cut at the limit. `said` is there
    if log-probabilities were asked for and given."""

    text: str
    complete: bool
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    said: tuple[SaidToken, ...] = ()


@dataclass(frozen=True)
class Asking:
    """How answers are asked for; `schema` is the JSON Schema that they must match, or None for free text."""

    schema: dict[str, Any] | None
    temperature: float
    max_tokens: int
    concurrency: int
    log_probs: bool


def is_address(name: str) -> bool:
    return name.startswith(("https://", "http://"))


def parse(name: str) -> ApiTeacher:
    """Raises ModelError for an address that cannot be asked, or must not be: it is written into run folders."""
    address, _, model = name.partition("#")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ModelError(f"the teacher's address is not valid ({error}): write https://host/v1#model.") from error
    if not host or not model.strip():
        raise ModelError("the teacher's address names no host or no model: write https://host/v1#model.")
    if parts.username or parts.password or parts.query:
        raise ModelError(f"the teacher's address holds more than host and path: keys belong in {KEYS[0]}.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ModelError(f"{host} would be sent the key and the data in the clear: write https://.")
    return ApiTeacher(name, address, model)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def ask(
    teacher: ApiTeacher,
    conversations: Sequence[Messages],
    how: Asking,
    heard: Callable[[int, Answer], None],
    tick: Callable[[], None],
    say: Callable[[str], None],
    grown: Callable[[str], None] | None = None,
) -> None:
    """Asks all, several at a time; `heard` is told the number of a conversation with its answer, in any order.

    `tick` is called many times a second: what it raises ends the asking at once, and the requests. `say` is told what
    the server does not take and is done without. `grown`, for a single conversation, is told the answer's text so far
    as it comes. Raises ModelError that says what to do.
    """
    if conversations:
        asyncio.run(_ask_all(teacher, _key(teacher), conversations, how, heard, tick, say, grown))


def _key(teacher: ApiTeacher) -> str:
    # A run's file names the host: a key that is meant for OpenAI must not follow it anywhere.
    names = KEYS if teacher.is_here or urlsplit(teacher.address).hostname == OPENAI else KEYS[:1]
    key = next((value for name in names if (value := os.environ.get(name, "").strip())), "")
    if not key and not teacher.is_here:
        raise ModelError(f"{teacher.host} wants a key: set {KEYS[0]} in the environment of this program.")
    return key


async def _ask_all(
    teacher: ApiTeacher,
    key: str,
    conversations: Sequence[Messages],
    how: Asking,
    heard: Callable[[int, Answer], None],
    tick: Callable[[], None],
    say: Callable[[str], None],
    grown: Callable[[str], None] | None,
) -> None:
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    # A proxy has no business between this machine and itself.
    direct = DefaultAsyncHttpxClient(trust_env=False) if teacher.is_here else None
    client = AsyncOpenAI(
        base_url=teacher.address, api_key=key or "none", max_retries=RETRIES, timeout=PATIENCE, http_client=direct
    )
    async with client:
        session = _Session(teacher, key, client, how, say, grown)
        free = asyncio.Semaphore(how.concurrency)

        async def one(number: int) -> tuple[int, Answer]:
            async with free:
                return number, await session.ask(conversations[number])

        async def first() -> tuple[int, Answer]:
            return 0, await session.try_out(conversations[0])

        await _gather([first()], heard, tick)  # what the server takes is found out once
        await _gather([one(number) for number in range(1, len(conversations))], heard, tick)


async def _gather(
    asked: Sequence[Awaitable[tuple[int, Answer]]], heard: Callable[[int, Answer], None], tick: Callable[[], None]
) -> None:
    """All answers as they come. The first error ends the rest, after what had come by then was heard."""
    pending = {asyncio.ensure_future(one) for one in asked}
    try:
        while pending:
            done, pending = await asyncio.wait(pending, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda task: task.exception() is not None):
                heard(*task.result())
            tick()
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


class _Session:
    """One server, and the options that it takes."""

    def __init__(
        self,
        teacher: ApiTeacher,
        key: str,
        client: Any,
        how: Asking,
        say: Callable[[str], None],
        grown: Callable[[str], None] | None,
    ) -> None:
        self.teacher, self.key, self.client, self.how, self.say = teacher, key, client, how, say
        self.grown = grown or (lambda _: None)
        self.options: dict[str, Any] = {"temperature": how.temperature, "max_tokens": how.max_tokens}
        if how.schema is not None:
            schema = {"name": "answer", "schema": how.schema, "strict": True}
            self.options["response_format"] = {"type": "json_schema", "json_schema": schema}
        if how.log_probs:
            self.options |= {"logprobs": True, "top_logprobs": LIKELIEST}
        if grown:
            self.options |= {"stream": True, "stream_options": {"include_usage": True}}

    async def try_out(self, messages: Messages) -> Answer:
        """The first answer. What the server refuses is given up: first what its message names, then the schema,
        then the stream."""
        from openai import BadRequestError, UnprocessableEntityError

        without: list[str] = []
        while True:
            try:
                answer = await self._ask(messages)
                break
            except (BadRequestError, UnprocessableEntityError) as error:
                given_up = self._give_up(str(error))
                if not given_up:
                    raise self._explained(error) from error
                without.append(given_up)
            except Exception as error:
                raise self._explained(error) from error
        for option in without:
            self.say(f"{self.teacher.host} does not take {option}: asking without it")
        if self.how.log_probs and not answer.said:
            raise ModelError(f"{self.teacher.host} gives no log-probabilities: learn the labels' text.")
        return answer

    def _give_up(self, message: str) -> str:
        """The option that is done without from now on; none if there is none left."""
        named = [option for option in OPTIONS if re.search(rf"\b{option}", message, re.IGNORECASE)]
        option = next((o for o in (*named, "response_format", "stream") if o in self.options), "")
        value = self.options.pop(option, None)
        if option == "max_tokens":  # its name on OpenAI's newer models
            self.options["max_completion_tokens"] = value
        if option == "stream":
            self.options.pop("stream_options", None)
        return option

    async def ask(self, messages: Messages) -> Answer:
        try:
            return await self._ask(messages)
        except Exception as error:
            raise self._explained(error) from error

    async def _ask(self, messages: Messages) -> Answer:
        started = time.perf_counter()
        found = await self.client.chat.completions.create(model=self.teacher.model, messages=messages, **self.options)
        if "stream" in self.options:
            found = await self._whole(found)
        choice = found.choices[0]
        usage = found.usage
        return Answer(
            text=_readable(choice.message.content or ""),
            complete=choice.finish_reason != "length",
            tokens_in=usage.prompt_tokens if usage else 0,
            tokens_out=usage.completion_tokens if usage else 0,
            seconds=time.perf_counter() - started,
            said=tuple(map(_said, choice.logprobs.content or ())) if choice.logprobs else (),
        )

    async def _whole(self, stream: Any) -> Any:
        """A stream's parts as one answer. A server that knows of no streams sends it whole."""
        from openai.types.chat import ChatCompletion

        if stream.response.headers.get("content-type", "").startswith("application/json"):
            return ChatCompletion.construct(**json.loads(await stream.response.aread()))
        text, finish, usage = "", None, None
        said: list[Any] = []
        async for part in stream:
            usage = part.usage or usage
            for choice in part.choices:
                text += choice.delta.content or ""
                said += (choice.logprobs and choice.logprobs.content) or ()
                finish = choice.finish_reason or finish
            self.grown(_readable(text))
        if finish is None:
            raise ValueError("its answer broke off")
        whole = {"message": {"content": text}, "finish_reason": finish, "logprobs": {"content": said}}
        return ChatCompletion.construct(choices=[whole], usage=usage)

    def _explained(self, error: Exception) -> ModelError:
        """The error in words that say what to do; a server that repeats the key is not repeated."""
        import openai

        message = str(getattr(error, "message", "") or error or type(error).__name__)
        message = " ".join(_readable(message.replace(self.key, "…") if self.key else message).split())[:300]
        host, kept = self.teacher.host, "Then go on: what was answered is kept."  # of a run or of a page
        fewer = "let a run ask fewer at a time (labels.concurrency)"
        if isinstance(error, (openai.AuthenticationError, openai.PermissionDeniedError)):
            return ModelError(f"{host} refuses the key: set {KEYS[0]} to one that it accepts ({message}).")
        if isinstance(error, openai.NotFoundError):
            return ModelError(
                f"{host} has no model {self.teacher.model!r} at this address: check the name after # and the path, "
                f"which mostly ends in /v1 ({message})."
            )
        if isinstance(error, openai.RateLimitError):
            return ModelError(f"{host} takes no more requests: wait, or {fewer}. {kept} ({message})")
        if isinstance(error, openai.APITimeoutError):
            return ModelError(f"{host} did not answer within {PATIENCE:g} s: {fewer}. {kept}")
        if isinstance(error, openai.APIConnectionError):
            return ModelError(f"{host} cannot be reached: check the address, the network, and that it runs. {kept}")
        if isinstance(error, openai.APIStatusError):
            return ModelError(f"{host} answered with status {error.status_code}: {message}")
        if type(error) is openai.APIError:  # told in the midst of a stream
            return ModelError(f"{host} broke its answer off: {message}")
        return ModelError(f"{host} did not answer as an OpenAI-compatible server does: {message}. Check the address.")


def _readable(text: str) -> str:
    """JSON can spell half a surrogate pair, which no file and no browser takes: U+FFFD stands for it."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _said(token: Any) -> SaidToken:
    """Its own probability may be missing among the likeliest."""
    likeliest = {_bytes(other): float(other.logprob) for other in token.top_logprobs or ()}
    return SaidToken(_bytes(token), tuple((likeliest | {_bytes(token): float(token.logprob)}).items()))


def _bytes(token: Any) -> bytes:
    return token.token.encode() if token.bytes is None else bytes(token.bytes)
