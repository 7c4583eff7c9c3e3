"""A head start for the text encoder: it learns to say what a caption asks for.

Captions cost nothing, sounds are dear. Taught by the diffusion loss alone, 2,000 steps (an hour)
had not told the kinds apart; taught by their own labels it takes two minutes. The heads that read
the answer off are thrown away; the transformer then hears clear words from its first step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, T5EncoderModel

from starter.corpus.captions import describe, describe_pair
from starter.corpus.clips import draw_traits
from starter.corpus.dsp import Draw
from starter.corpus.kinds import KINDS
from starter.recipe import TextSizes
from starter.text import tokens_of
from starter.training import Plan, Progress, learning_rate

CHECKPOINT = "text.pt"
ROWS = 128
PAIR_SHARE = 0.2
TRAITS = 4  # pace, pitch, distance, room
TRAIT_WEIGHT = 0.5
WORD_DROP = 0.1  # tokens hidden at random: no single word may carry the answer


@dataclass(frozen=True)
class Labelled:
    """Captions and what they ask for."""

    captions: list[str]
    kinds: Tensor  # float32 [rows, kinds], 1 where a kind is asked for
    traits: Tensor  # float32 [rows, TRAITS]; a caption names only some, so these are guesses
    has_traits: Tensor  # bool [rows]


def teach(
    encoder: T5EncoderModel,
    tokenizer: PreTrainedTokenizerFast,
    sizes: TextSizes,
    plan: Plan,
    on_step: Callable[[int, int, str], None],
) -> float:
    """Train ``plan.steps`` steps; return the share of captions whose kinds were right at the end.

    Every token is asked, not only their mean: cross-attention may look at any of them.
    """
    torch.manual_seed(plan.seed)
    heads = nn.Linear(sizes.width, len(KINDS) + TRAITS)
    optimiser = torch.optim.AdamW([*encoder.parameters(), *heads.parameters()], weight_decay=0.01)
    progress, right = Progress(), 0.0
    steps = plan.steps or 0
    encoder.train()
    while progress.step < steps:
        draw = np.random.default_rng((plan.seed, progress.step))
        batch = draw_captions(draw, ROWS)
        tokens = tokens_of(tokenizer, batch.captions, sizes)
        mask = tokens.attention_mask
        heard = tokens.input_ids.where(
            torch.rand(mask.shape) >= WORD_DROP, torch.tensor(tokenizer.unk_token_id)
        )
        answers = heads(encoder(heard, attention_mask=mask)[0])
        loss, share = _judge(answers, mask, batch)
        right = 0.98 * right + 0.02 * share
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(plan, progress)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimiser.step()
        progress.step += 1
        on_step(progress.step, steps, f"{share:.0%} understood")
    encoder.eval()
    return right


def draw_captions(draw: Draw, rows: int) -> Labelled:
    """Captions of one kind or two, as the corpus writes them."""
    names = list(KINDS)
    kinds, traits, has_traits = torch.zeros(rows, len(names)), torch.zeros(rows, TRAITS), []
    captions = []
    for row in range(rows):
        if draw.random() < PAIR_SHARE:
            chosen = draw.choice(len(names), 2, replace=False)
            captions.append(describe_pair(draw, names[chosen[0]], names[chosen[1]]))
        else:
            chosen, drawn = draw.integers(len(names), size=1), draw_traits(draw)
            captions.append(describe(draw, names[chosen[0]], drawn))
            traits[row] = torch.tensor([drawn.pace, drawn.pitch, drawn.distance, drawn.room])
        kinds[row, torch.from_numpy(chosen)] = 1.0
        has_traits.append(len(chosen) == 1)
    return Labelled(captions, kinds, traits, torch.tensor(has_traits))


def _judge(answers: Tensor, mask: Tensor, batch: Labelled) -> tuple[Tensor, float]:
    """Loss over all tokens, and the share of rows whose kinds the tokens' mean names rightly."""
    asked = batch.kinds / batch.kinds.sum(1, keepdim=True)
    logs = answers[..., : len(KINDS)].log_softmax(-1)
    per_token = -(logs * asked[:, None]).sum(-1)
    guesses = (answers[..., len(KINDS) :] - batch.traits[:, None]).square().mean(-1)
    per_token = per_token + TRAIT_WEIGHT * guesses * batch.has_traits[:, None]
    loss = (per_token * mask).sum() / mask.sum()
    mean = (logs * mask.unsqueeze(-1)).sum(1)
    named = torch.zeros_like(batch.kinds)
    for row, count in enumerate(batch.kinds.sum(1).int().tolist()):
        named[row, mean[row].topk(count).indices] = 1.0
    return loss, float((named == batch.kinds).all(1).float().mean())
