"""Random checkpoints in the shape of the shipped model, made in about a second.

The tokenizer is trained on ``SOURCE``; the weights are random, so logits mean nothing, but every
exporter and every backend has to agree about them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPECIAL = "<|endoftext|>"
SEPARATOR = "<|diff|>"
ADDED = (SEPARATOR, *("\n+" + " " * indent for indent in range(0, 20, 4)), "@@ -", ",0 +")

SOURCE = '''
import math
from collections import Counter, defaultdict


def fizzbuzz(n):
    """Return the words of fizzbuzz from 1 to n."""
    words = []
    for i in range(1, n + 1):
        if i % 15 == 0:
            words.append("FizzBuzz")
        elif i % 5 == 0:
            words.append("Buzz")
        elif i % 3 == 0:
            words.append("Fizz")
        else:
            words.append(str(i))
    return words


def count_words(text):
    """Count how often each word occurs in a text."""
    counts = Counter()
    for word in text.lower().split():
        counts[word.strip(".,;:!?")] += 1
    return dict(counts)


def is_prime(number):
    if number < 2:
        return False
    for divisor in range(2, math.isqrt(number) + 1):
        if number % divisor == 0:
            return False
    return True


class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        if not self.items:
            raise IndexError("pop from an empty stack")
        return self.items.pop()


def group_by_length(names):
    groups = defaultdict(list)
    for name in names:
        groups[len(name)].append(name)
    return {length: sorted(group) for length, group in groups.items()}


def main():
    with open("input.txt", encoding="utf-8") as file:
        lines = [line.rstrip() for line in file]
    print(fizzbuzz(len(lines)), count_words(" ".join(lines)))


if __name__ == "__main__":
    main()
'''

PROMPTS = (
    "write fizzbuzz\n<|diff|>",
    "a function that counts the words of a text\n<|diff|>@@ -0,0 +1,2 @@\n+def count(text):",
    "a stack class with push and pop\n<|diff|>",
)

MIXED_TEXTS = (
    "def f(x):\n    return x  # naïve café, 日本語, emoji 🙂🏽, Ωμέγα\n",
    "runs   of    spaces\t\ttabs \n\n\n   and newlines  \n ",
    "windows\r\nline\r\nends\r\n and a lone \r return\n",
    "fix it\n<|diff|>@@ -0,0 +1,3 @@\n+def f():\n+    x = 12345\n+        return x\n<|diff|>",
    "<|diff|>\n<|diff|>a<|diff|> b\n+\n+ \n+  c\n+    d\n+      e @@ -10,0 +12,0 @@ @@ -,0 +",
    "it's we'll they've I'm 1,000.50 3e-7 0x1F a1b2c3 ١٢٣ ²³ ½ Ⅷ",
    "\u200bzero width, nbsp\u00a0here, line\u2028sep, \ufeffbom, \x00nul \x7f \x85 nel",
    " leading space",
    "",
)


def make_tokenizer(vocab_size: int = 600) -> Any:
    """Return a ``tokenizers.Tokenizer`` like the shipped model's, trained on ``SOURCE``."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(ADDED),
        special_tokens=[SPECIAL, *ADDED],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([SOURCE], trainer)
    # The trainer marks them as special; saved and read again they would stay so.
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = state["added_tokens"][:1]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ADDED])
    return tokenizer


def make_checkpoint(
    folder: Path,
    *,
    layers: int = 2,
    hidden: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    tied: bool = True,
    padded_vocab: int | None = None,
    context: int = 1024,
    rope_theta: float = 10000.0,
    seed: int = 0,
) -> Path:
    """Save a random ``LlamaForCausalLM`` and its tokenizer into ``folder`` and return it.

    ``padded_vocab`` gives the embedding more rows than the tokenizer has tokens.
    """
    from transformers import LlamaConfig

    return save_random(
        folder,
        LlamaConfig,
        seed=seed,
        padded_vocab=padded_vocab,
        hidden_size=hidden,
        intermediate_size=hidden * 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=context,
        rope_theta=rope_theta,
        tie_word_embeddings=tied,
        initializer_range=0.08,
    )


def save_random(
    folder: Path,
    config_class: Any,
    *,
    seed: int = 0,
    padded_vocab: int | None = None,
    tokenizer: Any = None,
    **settings: Any,
) -> Path:
    """Save a random causal model of a transformers configuration, with its tokenizer.

    ``tokenizer`` is one of transformers; the shipped model's kind unless given.
    """
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    tokenizer = tokenizer or PreTrainedTokenizerFast(
        tokenizer_object=make_tokenizer(),
        eos_token=SPECIAL,
        clean_up_tokenization_spaces=False,
        model_max_length=settings["max_position_embeddings"],
    )
    config = config_class(
        vocab_size=padded_vocab or len(tokenizer),
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
        **settings,
    )
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    for name, parameter in model.named_parameters():
        # All ones and zeros would hide a norm or a bias that an exporter forgot or swapped.
        if "norm" in name and name.endswith("weight"):
            torch.nn.init.normal_(parameter, 1.0, 0.2)
        elif name.endswith("bias"):
            torch.nn.init.normal_(parameter, 0.0, 0.2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
