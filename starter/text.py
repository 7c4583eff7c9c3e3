"""The tokenizer: a Unigram model trained offline on the captions.

It is saved as a plain fast tokenizer: the T5 class of transformers drops normalisers, and ours
lower-cases and tidies text.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import BatchEncoding, PreTrainedTokenizerFast

from starter.recipe import TextSizes

SPECIAL = ("<pad>", "</s>", "<unk>")


def train_tokenizer(captions: Iterable[str], sizes: TextSizes) -> PreTrainedTokenizerFast:
    """A lower-casing Unigram tokenizer; every printable ASCII character is in the vocabulary."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=sizes.vocabulary,
        special_tokens=list(SPECIAL),
        unk_token="<unk>",  # noqa: S106
        initial_alphabet=[chr(code) for code in range(33, 127)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    return as_fast_tokenizer(tokenizer, sizes)


def as_fast_tokenizer(tokenizer: Tokenizer, sizes: TextSizes) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers and diffusers want it."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",  # noqa: S106
        eos_token="</s>",  # noqa: S106
        unk_token="<unk>",  # noqa: S106
        model_max_length=sizes.tokens,
    )


def load_or_train(
    folder: Path, captions: Iterable[str], sizes: TextSizes
) -> PreTrainedTokenizerFast:
    """The tokenizer kept in ``folder``, trained on first use."""
    if not (folder / "tokenizer.json").exists():
        train_tokenizer(captions, sizes).save_pretrained(folder)
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return tokenizer


def tokens_of(
    tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], sizes: TextSizes
) -> BatchEncoding:
    """Return ids and mask [texts, tokens], padded to the pipeline's fixed number of tokens."""
    return tokenizer(
        list(texts),
        padding="max_length",
        max_length=sizes.tokens,
        truncation=True,
        return_tensors="pt",
    )
