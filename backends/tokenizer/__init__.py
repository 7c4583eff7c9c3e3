"""Triton backend `tokenizer`: prompts to padded token ids."""
