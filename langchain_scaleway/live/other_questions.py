"""What is asked about the other endpoints."""

import io
import wave

from langchain_scaleway.live.question import (
    EMBEDDING,
    GLM,
    GPT_OSS,
    PIXEL,
    WEATHER_FUNCTION,
    WHISPER,
    Question,
    is_ok,
    is_refused,
)


def _silence() -> bytes:
    """A second of silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16_000)
        recording.writeframes(bytes(32_000))
    return file.getvalue()


_RESPONSES = (
    Question(
        "responses_result",
        "gpt-oss-120b takes a tool's result on the Responses API.",
        "200 with a message",
        lambda e: "message" in {item.get("type") for item in e.json.get("output", ())},
        path="/responses",
        body={
            "model": GPT_OSS,
            "input": [
                {"type": "message", "role": "user", "content": "What is the weather in Paris?"},
                {
                    "type": "function_call",
                    "call_id": "call_1",
                    "name": "get_weather",
                    "arguments": '{"city": "Paris"}',
                    "status": "completed",
                },
                {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
            ],
            "tools": [{"type": "function", **WEATHER_FUNCTION}],
            "max_output_tokens": 300,
            "store": False,
        },
    ),
    Question(
        "responses_stream",
        "A stream of the Responses API ends with its terminal event, and without [DONE].",
        "response.completed last",
        lambda e: (
            bool(e.events)
            and e.events[-1].get("type") in {"response.completed", "response.incomplete"}
            and b"[DONE]" not in e.content
        ),
        path="/responses",
        body={"model": GPT_OSS, "input": "Say yes.", "max_output_tokens": 100, "stream": True},
    ),
    Question(
        "responses_effort_none",
        "gpt-oss-120b cannot be told not to reason.",
        "not known",
        None,
        path="/responses",
        body={"model": GPT_OSS, "input": "Say yes.", "reasoning": {"effort": "none"}},
    ),
    Question(
        "responses_other_model",
        "glm-5.2 is not served on the Responses API.",
        "422",
        is_refused(422),
        path="/responses",
        body={"model": GLM, "input": "Say yes.", "max_output_tokens": 16},
    ),
)

_OTHERS = (
    Question(
        "embeddings_base64",
        "Embeddings come in base64 if they are asked for.",
        "a string",
        lambda e: isinstance(e.json["data"][0]["embedding"], str) if is_ok(e) else False,
        path="/embeddings",
        body={"model": EMBEDDING, "input": ["yes"], "encoding_format": "base64"},
    ),
    Question(
        "embeddings_dimensions",
        "Fewer dimensions than the model's are refused or ignored.",
        "400, or 4096 dimensions",
        lambda e: e.status == 400 or len(e.json["data"][0]["embedding"]) == 4096,  # noqa: PLR2004 -- see `expected`
        path="/embeddings",
        body={"model": EMBEDDING, "input": ["yes"], "dimensions": 1024},
    ),
    Question(
        "embeddings_empty_text",
        "One empty text makes the whole request fail.",
        "400",
        is_refused(400),
        path="/embeddings",
        body={"model": EMBEDDING, "input": ["yes", ""]},
    ),
    Question(
        "rerank",
        "Rankings come sorted, and their usage is a total.",
        "200, falling scores, usage.total_tokens",
        lambda e: (
            is_ok(e)
            and [r["index"] for r in e.json["results"]]
            == [
                r["index"]
                for r in sorted(e.json["results"], key=lambda r: r["relevance_score"], reverse=True)
            ]
            and "total_tokens" in (e.json.get("usage") or {})
        ),
        path="/rerank",
        body={"model": EMBEDDING, "query": "a fruit", "documents": ["an apple", "a car"]},
    ),
    Question(
        "rerank_other_model",
        "bge-multilingual-gemma2 does not rank.",
        "not known",
        None,
        path="/rerank",
        body={"model": "bge-multilingual-gemma2", "query": "a", "documents": ["a", "b"]},
    ),
    Question(
        "transcription",
        "A transcription tells the seconds that it is billed for.",
        "200 with usage.seconds",
        lambda e: "seconds" in (e.json.get("usage") or {}),
        path="/audio/transcriptions",
        body={"model": WHISPER, "language": "en"},
        file=("silence.wav", _silence()),
    ),
    Question(
        "transcription_segments",
        "verbose_json gives segments with their times.",
        "200 with segments",
        lambda e: is_ok(e) and "segments" in e.json,
        path="/audio/transcriptions",
        body={"model": WHISPER, "language": "en", "response_format": "verbose_json"},
        file=("silence.wav", _silence()),
    ),
    Question(
        "batches",
        "Batches can be listed.",
        "not known",
        None,
        path="/batches",
    ),
    Question(
        "ocr",
        "There is no /v1/ocr (absent from the OpenAPI, the console and the list of models).",
        "404 or 422",
        is_refused(404, 405, 422),
        path="/ocr",
        body={"model": "mistral-ocr-2512", "document": {"type": "image_url", "image_url": PIXEL}},
    ),
)

OTHER_QUESTIONS = (*_RESPONSES, *_OTHERS)
