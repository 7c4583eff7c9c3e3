"""vLLM-Omni: `POST /v1/audio/generate`. Source: https://docs.vllm.ai/projects/vllm-omni."""

from frontend.contracts.kit.contract import Contract
from frontend.contracts.vllm_omni import routes
from frontend.contracts.vllm_omni.envelope import ENVELOPE

CONTRACT = Contract(envelope=ENVELOPE, routers=(routes.router,), root_paths=("/v1/audio/generate",))
