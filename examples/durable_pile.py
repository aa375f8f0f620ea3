"""Answer a pile in a program that may crash at any time: run it again, and it goes on.

    pip install "langchain-scaleway[testing]" dbos
    python -m examples.durable_pile prompts.txt    # a prompt a line; without a file: made up here

DBOS keeps in a file of SQLite what was asked and answered. The id of each row's workflow is the
digest of its request, so the same row is answered once, however often it comes and the program
runs; one that failed is asked again.
With Postgres in the place of SQLite, many machines work on one pile under the same rate. From
Python 3.12 on, DBOS 3.4 needs SQLite 3.42.
"""

import argparse
import hashlib
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID

from examples.without_a_key import scaleway_or_emulator
from langchain_scaleway import ChatScaleway

MODEL = "mistral-small-3.2-24b-instruct-2506"
PROMPTS = [f"Name a city that begins with {letter}." for letter in "ABCDEFGHIJ"]
AT_ONCE = 10
QUOTA = 300
"""Requests per minute that may begin: the model's quota, see its page in the console."""

models: list[ChatScaleway] = []


@DBOS.workflow()
def answer(prompt: str) -> str:
    """Ask the model; what has begun and not ended is done again after a crash."""
    return str(models[0].invoke(prompt).text)


def enqueue(prompt: str) -> str:
    """Put a prompt into the queue, unless it was answered before; give the id of its workflow."""
    workflow_id = hashlib.sha256(f"{MODEL}\n{prompt}".encode()).hexdigest()
    earlier = DBOS.get_workflow_status(workflow_id)
    if earlier is not None and earlier.status == "ERROR":
        DBOS.delete_workflow(workflow_id)  # Else its failure would be its answer for ever.
    with SetWorkflowID(workflow_id):
        DBOS.enqueue_workflow("pile", answer, prompt)
    return workflow_id


def result(workflow_id: str) -> str:
    """Wait for an answer; a row that failed does not end the others."""
    try:
        return str(DBOS.get_result(workflow_id))
    except Exception as error:  # noqa: BLE001 -- it belongs to its row
        return f"failed: {error}"


def main() -> None:
    """Answer the lines of a file, or the prompts made up here, in their order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompts", type=Path, nargs="?", help="a file with a prompt a line")
    parser.add_argument("--database", default="sqlite:///pile.sqlite", help="or postgresql://…")
    options = parser.parse_args()
    prompts = options.prompts.read_text("utf-8").splitlines() if options.prompts else PROMPTS
    config: DBOSConfig = {
        "name": "durable-pile",
        "system_database_url": options.database,
        "application_version": "1",  # Else only this very code would go on with open rows.
        "log_level": "WARNING",
    }
    with scaleway_or_emulator(MODEL) as arguments, ChatScaleway(**arguments) as model:
        models.append(model)
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(
            "pile",
            worker_concurrency=AT_ONCE,
            limiter={"limit": QUOTA, "period": 60},
            polling_interval_sec=0.1,
        )
        try:
            for prompt, workflow_id in [(prompt, enqueue(prompt)) for prompt in prompts]:
                print(f"{prompt}\t{result(workflow_id)}")
        finally:
            DBOS.destroy()


if __name__ == "__main__":
    main()
