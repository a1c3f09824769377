"""The topics a new instance starts with; from then on its admins keep them."""

from __future__ import annotations

from bot.model import Topic


def _topic(slug: str, english: str, simplified: str, traditional: str, query: str) -> Topic:
    return Topic(slug, (("en", english), ("zh-Hans", simplified), ("zh-Hant", traditional)), query)


TOPICS = (
    _topic(
        "llm", "Language models", "大语言模型", "大型語言模型",
        'LLM OR "language model" OR "large language model"',
    ),
    _topic(
        "peft", "PEFT", "高效微调", "高效微調",
        'LoRA OR PEFT OR "parameter-efficient" OR "low-rank adaptation"',
    ),
    _topic("rag", "RAG", "检索增强生成", "檢索增強生成", 'RAG OR "retrieval-augmented"'),
    _topic(
        "agents", "LLM agents", "智能体", "智慧代理",
        '(agent OR "multi-agent" OR "tool use") (LLM OR "language model")',
    ),
    _topic("reasoning", "Reasoning", "推理", "推理", 'title:reasoning OR "chain-of-thought"'),
    _topic(
        "alignment", "Alignment", "对齐", "對齊",
        'RLHF OR DPO OR "preference optimization" OR "human feedback"',
    ),
    _topic(
        "multimodal", "Multimodal models", "多模态模型", "多模態模型",
        'title:multimodal OR "vision-language" OR VLM OR MLLM',
    ),
    _topic("diffusion", "Diffusion models", "扩散模型", "擴散模型", '"diffusion model" OR "flow matching"'),
    _topic(
        "efficiency", "Efficient inference", "高效推理", "高效推論",
        'quantization OR pruning OR "KV cache" OR "speculative decoding"',
    ),
    _topic("evaluation", "Benchmarks", "评测", "評測", 'title:benchmark OR title:evaluation'),
    _topic(
        "safety", "Safety", "安全", "安全",
        'jailbreak OR "red teaming" OR "prompt injection" OR title:safety',
    ),
    _topic("speech", "Speech", "语音", "語音", 'cat:eess.AS OR "speech recognition" OR "text-to-speech"'),
)  # fmt: skip

STARTING = ("peft", "rag", "alignment")
"""What the console chat follows at first."""
