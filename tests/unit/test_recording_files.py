"""The recordings are what was recorded: nobody edits evidence."""

import hashlib

from tests.support.recordings import DIRECTORY, FOLDERS, all_recordings


def _manifest() -> dict[str, str]:
    lines = (DIRECTORY / "MANIFEST.sha256").read_text("utf-8").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines)
    return {path.removeprefix("./"): checksum for checksum, path in pairs}


def test_every_file_has_its_recorded_checksum() -> None:
    found = {
        str(path.relative_to(DIRECTORY).as_posix()): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in FOLDERS
        for path in (DIRECTORY / folder).iterdir()
    }
    assert found == _manifest()


def test_every_folder_is_read() -> None:
    assert {path.name for path in DIRECTORY.iterdir() if path.is_dir()} == set(FOLDERS)


def test_every_recording_has_its_three_files() -> None:
    names = {f"{recording.folder}/{recording.case}" for recording in all_recordings()}
    endings = ("request.json", "response.http", "timing.json")
    assert {f"{name}.{ending}" for name in names for ending in endings} == set(_manifest())


def test_the_recorded_pieces_make_up_the_answer() -> None:
    for recording in all_recordings():
        assert sum(recording.received_lengths) == len(recording.raw_response), recording
