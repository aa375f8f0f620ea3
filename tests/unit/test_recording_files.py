"""The recordings are whole: no file is missing, and none is left unread."""

from tests.support.recordings import DIRECTORY, FOLDERS, all_recordings


def test_every_recorded_file_is_read() -> None:
    endings = ("request.json", "response.http", "timing.json")
    read = {
        f"{recording.folder}/{recording.case}.{ending}"
        for recording in all_recordings()
        for ending in endings
    }
    files = {str(path.relative_to(DIRECTORY).as_posix()) for path in DIRECTORY.glob("*/*")}
    assert read == files


def test_every_folder_of_recordings_is_known() -> None:
    assert {path.name for path in DIRECTORY.iterdir() if path.is_dir()} == set(FOLDERS)


def test_the_recorded_pieces_make_up_the_answer() -> None:
    for recording in all_recordings():
        assert sum(recording.received_lengths) == len(recording.raw_response), recording
