"""What a student is to be like. Knows no framework: forms and files are made from it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class StudentConfig(BaseModel):
    """The student's shape and how it starts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["cut", "scratch", "adapter"] = Field(
        "cut",
        title="Kind",
        description="cut: some layers of the teacher; scratch: a new GPT-2-shaped model; adapter: LoRA on the teacher",
    )
    model: str | None = Field(
        None,
        min_length=1,
        title="Made from",
        description="the model whose layers, weights and tokenizer the student starts from; empty: the teacher",
    )
    layers: tuple[int, ...] = Field(
        (0, 1, 2, 29), min_length=1, title="Layers to keep", description="cut: the teacher's layers, counted from 0"
    )
    frozen: int = Field(
        0, ge=0, le=64, title="Frozen layers", description="cut: the first so many stay as they are, which is faster"
    )
    width: int = Field(192, ge=16, le=4096, title="Width", description="scratch: size of the hidden state")
    depth: int = Field(4, ge=1, le=64, title="Depth", description="scratch: number of layers")
    heads: int = Field(6, ge=1, le=64, title="Heads", description="scratch: attention heads; they divide the width")
    embeddings: Literal["pca", "random"] = Field(
        "pca", title="Embeddings", description="scratch: start from the teacher's by PCA, or at random"
    )
    vocabulary: int = Field(
        8192,
        ge=300,
        le=300_000,
        title="Vocabulary",
        description="cut, scratch: tokens to keep at least; those that data and schema need are always kept",
    )
    context: int = Field(
        1024, ge=64, le=32_768, title="Context", description="cut, scratch: longest input and answer, in tokens"
    )
    lora_rank: int = Field(8, ge=1, le=256, title="LoRA rank", description="adapter: rank of the added matrices")
    lora_layers: int | None = Field(
        None,
        ge=1,
        title="LoRA layers",
        description="adapter: only the last so many layers, which is faster; empty: all",
    )
