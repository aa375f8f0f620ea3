"""What nobody could ask Scaleway when this was written (2026-11-28), and what is believed.

Each question is one small request. What is believed comes from Scaleway's pages, from dated reports
and from vLLM's behaviour; `docs/maintaining-models.md` says what to do when an answer differs.
"""

from langchain_scaleway.live.chat_questions import CHAT_QUESTIONS
from langchain_scaleway.live.other_questions import OTHER_QUESTIONS
from langchain_scaleway.live.question import Question

QUESTIONS: tuple[Question, ...] = (*CHAT_QUESTIONS, *OTHER_QUESTIONS)
