"""Narrower students: what matters least is cut out of a Llama-shaped model, by what it does to a few inputs.

Kept are the dimensions of the residual stream with the largest mean |RMSNorm output| (Minitron, Muralidharan et al.
2024), and in each layer, in the same proportion, the groups of attention heads and the neurons that add most to it.

Projecting on principal components instead (SliceGPT, Ashkboos et al. 2024) folds the norms' weights into the matrices
that follow, which a head tied to the embeddings does not allow; what it costs to tie it all the same is in
docs/results.md, "A cut in width".
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from core.errors import ConfigError

FAMILY = ("llama", "mistral", "qwen2", "qwen3")  # others scale by their width, or name their parts differently

Sums = dict[nn.Module, torch.Tensor]  # see `_observe`


def narrow(model: Any, width: int, sample: Sequence[Sequence[int]]) -> Any:
    """A copy of `model` with a hidden state of `width`, and heads and neurons in proportion; the model itself where
    that is its width already. `sample` are the ids that it reads to find out what matters.

    Raises ConfigError for a model of another family, without a sample, or for a width that is larger than the model's
    or no multiple of the heads in a group.
    """
    config = model.config
    if config.model_type not in FAMILY:
        raise ConfigError(
            f"the width of a {config.model_type} model cannot be cut, only of {', '.join(FAMILY)}: leave it empty."
        )
    if width > config.hidden_size:
        raise ConfigError(f"the model is {config.hidden_size} wide: it cannot be cut to {width}, lower cut_width.")
    if width == config.hidden_size:
        return model
    if not sample:
        raise ConfigError("a cut in width needs a few inputs that show what matters: give a sample.")
    return _sliced(model, width, _observe(model, sample))


@torch.inference_mode()
def _observe(model: Any, sample: Sequence[Sequence[int]]) -> Sums:
    """Sums over the tokens of `sample`. A norm: (d,), |output|; an attention's last matrix: (heads,), how much each
    adds to the residual stream; an MLP's: (neurons,), the same."""
    sums: Sums = {}
    hooks = [_watch(norm, sums, lambda _, output: output.abs().sum(0)) for norm in _norms(model)]
    for layer in model.model.layers:
        hooks.append(_watch(layer.self_attn.o_proj, sums, _head_outputs(layer.self_attn)))
        hooks.append(_watch(layer.mlp.down_proj, sums, _neuron_outputs(layer.mlp.down_proj)))
    was_training = model.training
    model.eval()
    for ids in sample:
        model.model(torch.tensor([list(ids)], device=model.device), use_cache=False)
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return sums


def _norms(model: Any) -> list[Any]:
    """All RMSNorms that read the residual stream."""
    pairs = [(layer.input_layernorm, layer.post_attention_layernorm) for layer in model.model.layers]
    return [*(norm for pair in pairs for norm in pair), model.model.norm]


def _watch(module: nn.Module, sums: Sums, measure: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Any:
    def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        sums[module] = sums.get(module, torch.zeros(())) + measure(inputs[0][0].float(), output[0].float()).cpu()

    return module.register_forward_hook(hook)


def _head_outputs(attention: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    weight = attention.o_proj.weight.float().unflatten(1, (-1, attention.head_dim))  # (d, heads, head_dim)

    def measure(x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return torch.einsum("thd,ohd->tho", x.unflatten(1, (-1, attention.head_dim)), weight).norm(dim=-1).sum(0)

    return measure


def _neuron_outputs(down: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    return lambda x, _: x.abs().sum(0) * down.weight.float().norm(dim=0)


@torch.no_grad()
def _sliced(model: Any, width: int, sums: Sums) -> Any:
    shape = type(model.config).from_dict(model.config.to_dict())
    share = width / shape.hidden_size
    shape.head_dim = model.model.layers[0].self_attn.head_dim
    shared = shape.num_attention_heads // shape.num_key_value_heads  # heads that read the same keys
    shape.num_key_value_heads = _groups(round(share * shape.num_key_value_heads), shared, width)
    shape.num_attention_heads = shared * shape.num_key_value_heads
    shape.hidden_size = width
    shape.intermediate_size = max(1, round(share * shape.intermediate_size))
    small = type(model)(shape).to(model.dtype)
    kept = _largest(torch.stack([sums[norm] for norm in _norms(model)]).sum(0), width)
    small.model.embed_tokens.weight.copy_(model.model.embed_tokens.weight[:, kept])
    for new, old in zip(_norms(small), _norms(model), strict=True):
        new.weight.copy_(old.weight[kept])
    for new, old in zip(small.model.layers, model.model.layers, strict=True):
        _slice_attention(new.self_attn, old.self_attn, kept, sums[old.self_attn.o_proj], shape)
        neurons = _largest(sums[old.mlp.down_proj], shape.intermediate_size)
        _copy(new.mlp.gate_proj, old.mlp.gate_proj, neurons, kept)
        _copy(new.mlp.up_proj, old.mlp.up_proj, neurons, kept)
        _copy(new.mlp.down_proj, old.mlp.down_proj, kept, neurons)
    return small


def _groups(most: int, shared: int, width: int) -> int:
    """How many groups of `shared` heads to keep: transformers loads no Llama whose heads do not divide its width."""
    for groups in range(max(1, most), 0, -1):
        if width % (groups * shared) == 0:
            return groups
    raise ConfigError(f"the model's heads come in groups of {shared}: take a width that is a multiple of {shared}.")


def _slice_attention(new: Any, old: Any, kept: torch.Tensor, heads: torch.Tensor, shape: Any) -> None:
    shared, dim = shape.num_attention_heads // shape.num_key_value_heads, shape.head_dim
    groups = _largest(heads.view(-1, shared).sum(1), shape.num_key_value_heads)
    keys, queries = _rows(groups, dim), _rows(groups, shared * dim)
    _copy(new.q_proj, old.q_proj, queries, kept)
    _copy(new.k_proj, old.k_proj, keys, kept)
    _copy(new.v_proj, old.v_proj, keys, kept)
    _copy(new.o_proj, old.o_proj, kept, queries)
    for name in ("q_norm", "k_norm"):  # of one head: they stay as they are
        if hasattr(old, name):
            getattr(new, name).load_state_dict(getattr(old, name).state_dict())


def _rows(blocks: torch.Tensor, size: int) -> torch.Tensor:
    return (blocks[:, None] * size + torch.arange(size)).flatten()


def _copy(new: nn.Linear, old: nn.Linear, rows: torch.Tensor, columns: torch.Tensor) -> None:
    new.weight.copy_(old.weight[rows][:, columns])
    if old.bias is not None:
        new.bias.copy_(old.bias[rows])


def _largest(values: torch.Tensor, count: int) -> torch.Tensor:
    """Places of the `count` largest values, in order."""
    return values.topk(count).indices.sort().values
