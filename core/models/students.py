"""Students: cut from the teacher, made from scratch, or the teacher with an adapter to train."""

from collections.abc import Iterable
from typing import Any

import torch

from core.errors import ConfigError, ModelError
from core.models import vocabulary
from core.models.language_model import LanguageModel, device
from core.models.student_config import StudentConfig


def build(config: StudentConfig, teacher: LanguageModel, used: Iterable[int], seed: int) -> LanguageModel:
    """An untrained student. `used` are the teacher's ids that data and schema need."""
    torch.manual_seed(seed)
    if config.kind == "adapter":
        return _with_adapter(config, teacher)
    tokenizer, old_ids = vocabulary.trim(teacher.tokenizer, used, config.vocabulary)
    table = teacher.model.get_input_embeddings().weight[old_ids].detach().float().cpu()
    model = _cut(config, teacher, table) if config.kind == "cut" else _from_scratch(config, table, tokenizer)
    return LanguageModel.of("student", model.to(device()), tokenizer)


def old_ids(student: LanguageModel, teacher: LanguageModel) -> list[int]:
    """The teacher's id of each of the student's tokens. Raises ModelError if one is unknown to it."""
    names = student.tokenizer.convert_ids_to_tokens(list(range(len(student.tokens))))
    check_known(names, teacher.tokenizer)
    vocabulary = teacher.tokenizer.get_vocab()
    return [vocabulary[name] for name in names]


def check_known(names: Iterable[str], tokenizer: Any) -> None:
    """Raises ModelError if one of a student's tokens is unknown to its teacher's tokenizer: then the teacher cannot
    score what the student reads."""
    vocabulary = tokenizer.get_vocab()
    if unknown := next((name for name in names if name not in vocabulary), None):
        raise ModelError(
            f"teacher and student have different tokenizers: the student's token {unknown!r} is unknown to the "
            "teacher. Take the method 'pseudo_labels', or a student made from the teacher."
        )


def _cut(config: StudentConfig, teacher: LanguageModel, table: torch.Tensor) -> Any:
    """The chosen layers of the teacher with its embeddings, which stay frozen: few sentences move them astray."""
    source = teacher.model
    layers = getattr(source.base_model, "layers", None)
    if layers is None:
        raise ConfigError(f"layers cannot be cut from {type(source).__name__}: choose a student from scratch.")
    depth = len(layers)
    if wrong := [i for i in config.layers if not 0 <= i < depth]:
        raise ConfigError(f"the teacher has layers 0 to {depth - 1}: {wrong} cannot be cut from it.")
    shape = type(source.config).from_dict(source.config.to_dict())
    shape.num_hidden_layers = len(config.layers)
    shape.vocab_size = len(table)
    shape.max_position_embeddings = config.context
    if getattr(shape, "layer_types", None):
        shape.layer_types = [shape.layer_types[i] for i in config.layers]
    model = type(source)(shape).float()
    if config.frozen >= len(config.layers):
        raise ConfigError(f"of {len(config.layers)} layers {config.frozen} are frozen: leave one to learn.")
    for new, old in enumerate(config.layers):
        model.base_model.layers[new].requires_grad_(new >= config.frozen)
        model.base_model.layers[new].load_state_dict({k: v.float() for k, v in layers[old].state_dict().items()})
    model.base_model.norm.load_state_dict({k: v.float() for k, v in source.base_model.norm.state_dict().items()})
    model.get_input_embeddings().weight.data.copy_(table)
    model.get_input_embeddings().weight.requires_grad_(False)
    if not shape.tie_word_embeddings:
        raise ConfigError("a student can be cut from a teacher with tied embeddings only: choose one from scratch.")
    return model


def _from_scratch(config: StudentConfig, table: torch.Tensor, tokenizer: Any) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(table),
            n_embd=config.width,
            n_layer=config.depth,
            n_head=config.heads,
            n_positions=config.context,
            resid_pdrop=0.1,
            embd_pdrop=0.1,
            attn_pdrop=0.0,
            bos_token_id=tokenizer.eos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    if config.embeddings == "pca":
        model.get_input_embeddings().weight.data.copy_(_principal_components(table, config.width))
    return model


def _principal_components(table: torch.Tensor, width: int) -> torch.Tensor:
    """The teacher's embeddings (V, d) seen along their first `width` directions, scaled as GPT-2 starts."""
    centred = table - table.mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    projected = centred @ directions[:width].T
    return projected / projected.std() * 0.04


def _with_adapter(config: StudentConfig, teacher: LanguageModel) -> LanguageModel:
    """LoRA on every linear layer of the last `lora_layers` blocks (Hu et al. 2021); the base is frozen."""
    from peft import LoraConfig, get_peft_model

    depth = teacher.model.config.num_hidden_layers
    linear = {n.split(".")[-1] for n, m in teacher.model.base_model.named_modules() if isinstance(m, torch.nn.Linear)}
    lora = LoraConfig(
        r=config.lora_rank,
        lora_alpha=2 * config.lora_rank,
        target_modules=sorted(linear),
        layers_to_transform=list(range(max(0, depth - (config.lora_layers or depth)), depth)),
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    return LanguageModel("student", get_peft_model(teacher.model, lora), teacher.tokenizer, teacher.tokens)
