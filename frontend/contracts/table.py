"""Every REST contract. A new one is a folder beside this file and a line in this list."""

from frontend.contracts import aimlapi, elevenlabs, localai, musicgpt, openai, tritone, vllm_omni
from frontend.contracts.kit.contract import Contract
from frontend.jobs.webhook_bodies import WebhookBody

CONTRACTS: tuple[Contract, ...] = (
    tritone.CONTRACT,
    elevenlabs.CONTRACT,
    localai.CONTRACT,
    openai.CONTRACT,
    vllm_omni.CONTRACT,
    aimlapi.CONTRACT,
    musicgpt.CONTRACT,
)

WEBHOOK_BODIES: dict[str, WebhookBody] = {
    contract.name: contract.webhook_body
    for contract in CONTRACTS
    if contract.webhook_body is not None
}
"""The contracts' own webhook bodies, by contract; all others get the standard body."""
