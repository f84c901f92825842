"""An API's log-probabilities against the full distribution that they come from."""

import pytest
import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.distill import losses, signals
from core.distill.config import Stage
from core.distill.label_signals import LabelSignals, said_of
from core.distill.labels import Label
from core.distill.positions import counted
from core.distill.sequences import tokenise
from core.errors import SchemaError
from core.models.api import SaidToken
from core.tasks import POS

EXAMPLES = POS.load(None).train[:3]


@pytest.fixture(scope="module")
def read(teacher):
    """Sequences, their masks, and the teacher's log-probabilities (answer, V) before each token of the answers."""
    store = MaskStore(teacher.tokens)
    constraints = Constraints(POS, teacher.tokens, True)
    sequences = tokenise(teacher, constraints, EXAMPLES, store, teacher.student_prompt)
    found = []
    for sequence in sequences:
        ids = torch.tensor([[*sequence.prompt, *sequence.answer]])
        with torch.no_grad():
            logits = teacher.model(input_ids=ids).logits[0, len(sequence.prompt) - 1 : -1].float()
        found.append(logits.log_softmax(-1))
    return sequences, store, found


def label(teacher, k, log_probs, sequence, most, before=b"```json\n"):
    """What a server would tell of an answer: fences first, tokens as bytes, the `most` likeliest and the one chosen."""
    said = [SaidToken(before, ())]
    for token, row in zip(sequence.answer, log_probs, strict=True):
        likeliest = {teacher.tokens.bytes_of[i]: float(row[i]) for i in row.topk(most).indices.tolist()}
        likeliest |= {teacher.tokens.bytes_of[token]: float(row[token])}
        said.append(SaidToken(teacher.tokens.bytes_of[token], tuple(likeliest.items())))
    return Label(EXAMPLES[k].input, "", EXAMPLES[k].answer, "", 0, 0, 0.0, tuple(said))


def lossy(teacher, read, stage, most):
    """The signal from what a server tells, and the dense one of all it knows."""
    sequences, store, log_probs = read
    hard = stage.constraint == "hard"
    labels = [label(teacher, k, log_probs[k], s, most) for k, s in enumerate(sequences)]
    source = LabelSignals([said_of(x, s, teacher.tokens, hard) for x, s in zip(labels, sequences, strict=True)])
    positions = counted(sequences, stage)
    allowed = positions.allowed(store)
    tokens = allowed.any(0).nonzero()[:, 0] if hard else torch.arange(len(teacher.tokens))
    allowed = allowed[:, tokens]
    logits = torch.stack([log_probs[r][o] for r, o in zip(positions.row, positions.offset, strict=True)])[:, tokens]
    dense = signals.dense(losses.restrict(logits, allowed) if hard else logits, tokens, 1.0)
    return source.signal(stage, [0, 1, 2], positions, tokens, allowed), dense, tokens


def named(signal, tokens, dense):
    """Probabilities (n, m) of the tokens that the signal names: its own, and those of the dense one."""
    used = signal.log_probs > signals.NEG_INF
    columns = torch.searchsorted(tokens, signal.ids.contiguous()).clamp(max=len(tokens) - 1)
    return signal.log_probs.exp()[used], dense.log_probs.gather(-1, columns).exp()[used]


@pytest.mark.parametrize("constraint", ["hard", "none"])
def test_a_server_that_tells_everything_equals_the_live_teacher(teacher, read, constraint):
    stage = Stage(method="pseudo_labels", labels="logprobs", constraint=constraint)
    signal, dense, tokens = lossy(teacher, read, stage, len(teacher.tokens))
    ours, exact = named(signal, tokens, dense)
    if constraint == "hard":
        assert torch.allclose(ours, exact, atol=1e-5) and (signal.rest == signals.NEG_INF).all()
    else:  # special tokens have no bytes of their own: they are in the rest
        assert torch.allclose(ours, exact, atol=1e-5) and signal.rest.exp().max() < 0.2
    assert (signal.first == dense.first).float().mean() > 0.9


@pytest.mark.parametrize("constraint", ["hard", "none"])
def test_a_few_of_many_tokens_keep_the_rest_and_are_not_renormalised(teacher, read, constraint):
    stage = Stage(method="pseudo_labels", labels="logprobs", constraint=constraint)
    signal, dense, tokens = lossy(teacher, read, stage, 5)
    ours, exact = named(signal, tokens, dense)
    total = signal.log_probs.exp().sum(-1) + signal.rest.exp()
    assert torch.allclose(total, torch.ones_like(total), atol=1e-5)
    if constraint == "none":
        assert torch.allclose(ours, exact, atol=1e-5)
    else:  # what was not told counts as allowed: no named token is given more than it has
        assert (ours <= exact + 1e-5).all() and (signal.rest > signals.NEG_INF).any()
    student = torch.randn(len(signal), len(tokens), requires_grad=True)
    loss = losses.forward_kl(*losses.outcomes(student, tokens, signal, 1.0))
    loss.backward()
    assert torch.isfinite(loss) and loss > 0 and torch.isfinite(student.grad).all()


def test_other_tokens_and_other_spellings_are_refused_with_the_reason(teacher, read):
    sequences, _, log_probs = read
    sequence = sequences[0]
    good = label(teacher, 0, log_probs[0], sequence, 3)
    free = next(i for i, row in enumerate(sequence.rows) if row >= 0)
    own = good.said[free + 1]  # the fences come first
    assert len(own.spelled) > 1
    halves = [SaidToken(own.spelled[:1], own.log_probs), SaidToken(own.spelled[1:], own.log_probs)]
    split = Label(good.input, "", good.answer, "", 0, 0, 0.0, (*good.said[: free + 1], *halves, *good.said[free + 2 :]))
    with pytest.raises(SchemaError, match=r"the student's token is .* and the server's .*: their tokenizers differ"):
        said_of(split, sequence, teacher.tokens, hard=True)
    blanks = Label(good.input, "", good.answer, "", 0, 0, 0.0, (SaidToken(b'{ "tokens"', ()),))
    with pytest.raises(SchemaError, match="spells the answer in another way"):
        said_of(blanks, sequence, teacher.tokens, hard=True)


def test_forced_positions_may_be_spelled_by_other_tokens(teacher, read):
    sequences, _, log_probs = read
    sequence = sequences[0]
    good = label(teacher, 0, log_probs[0], sequence, 3)
    forced = next(i for i, row in enumerate(sequence.rows) if row < 0 and len(good.said[i + 1].spelled) > 1)
    token = good.said[forced + 1]
    halves = [SaidToken(token.spelled[:1], ()), SaidToken(token.spelled[1:], ())]
    said = (*good.said[: forced + 1], *halves, *good.said[forced + 2 :])
    split = Label(good.input, "", good.answer, "", 0, 0, 0.0, said)
    assert said_of(split, sequence, teacher.tokens, hard=True) == said_of(good, sequence, teacher.tokens, hard=True)
    with pytest.raises(SchemaError, match="tokenizers differ"):
        said_of(split, sequence, teacher.tokens, hard=False)
