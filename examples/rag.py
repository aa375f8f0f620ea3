"""Answers from your own texts: embeddings, retrieval in memory, a model that cites.

    pip install "langchain-scaleway[testing]" numpy
    python -m examples.rag "When does the library close?"

With SCW_SECRET_KEY it runs on Scaleway, without on an emulator.
"""

import sys

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

from examples.without_a_key import scaleway_or_emulator
from langchain_scaleway import ChatScaleway, ScalewayEmbeddings
from langchain_scaleway.testing import ReceivedRequest

MODEL = "mistral-small-3.2-24b-instruct-2506"
EMBEDDING_MODEL = "qwen3-embedding-8b"

TEXTS = {
    "hours": "The library opens at nine. It closes at seven, and at noon on Saturdays.",
    "cards": "A library card costs ten euros a year. It is free for students and children.",
    "loans": "Books may be kept for four weeks, films for one. Both can be renewed twice.",
    "rooms": "Six rooms can be booked for groups of up to eight people, two hours at a time.",
}

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer from these texts alone, and name the text in brackets:\n\n{texts}"),
        ("human", "{question}"),
    ]
)


def numbered(documents: list[Document]) -> str:
    """Write the documents out for the prompt."""
    return "\n".join(f"[{document.id}] {document.page_content}" for document in documents)


def make_chain(model: ChatScaleway, embeddings: ScalewayEmbeddings) -> Runnable[str, str]:
    """Question in, answer out."""
    store = InMemoryVectorStore(embeddings)
    store.add_documents([Document(text, id=name) for name, text in TEXTS.items()])
    retriever = store.as_retriever(search_kwargs={"k": 2})
    return (
        {"texts": retriever | numbered, "question": RunnablePassthrough()}
        | PROMPT
        | model
        | StrOutputParser()
    )


def repeat_the_best_text(request: ReceivedRequest) -> str:
    """What the emulator says, since it has no model: the text that was found first."""
    texts = request.json["messages"][0]["content"].split("\n\n")[1]
    name, _, text = texts.splitlines()[0].partition("] ")
    return f"{text} {name}]"


def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "When does the library close?"
    with (
        scaleway_or_emulator(MODEL, repeat_the_best_text) as arguments,
        ChatScaleway(**arguments) as model,
        ScalewayEmbeddings(**{**arguments, "model": EMBEDDING_MODEL}) as embeddings,
    ):
        print(f"Question: {question}")
        print("Answer:   ", end="")
        for piece in make_chain(model, embeddings).stream(question):
            print(piece, end="", flush=True)
        print()


if __name__ == "__main__":
    main()
