"""Scaleway's own configuration file: where it is, which profile counts, what is malformed."""

import os
import re
from pathlib import Path

import pytest

from langchain_scaleway.scw_config import config_path, load_profile

KEY = "11111111-aaaa-4aaa-8aaa-000000000001"
PROFILES = f"""\
secret_key: {KEY}
default_region: fr-par
profiles:
  staging:
    default_region: nl-ams
  partial:
    secret_key: null
  empty:
  wrong: 1
"""
TOP_LEVEL = {"secret_key": KEY, "default_region": "fr-par"}


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is looked for in a home that is empty."""
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test may put a file."""
    return tmp_path / "config.yaml"


class TestPath:
    def test_home_is_the_default(self, tmp_path: Path) -> None:
        assert config_path() == tmp_path / "home/.config/scw/config.yaml"

    def test_the_configuration_directory_goes_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
        assert config_path() == Path("/somewhere/scw/config.yaml")
        monkeypatch.setenv("SCW_CONFIG_PATH", "/somewhere/else")
        assert config_path() == Path("/somewhere/else")

    def test_empty_variables_count_as_unset(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", "")
        monkeypatch.setenv("SCW_CONFIG_PATH", "")
        assert config_path() == tmp_path / "home/.config/scw/config.yaml"

    @pytest.mark.skipif(not hasattr(os, "seteuid"), reason="Windows closes no directory so")
    def test_a_home_that_is_closed_to_the_user_has_no_file(self, tmp_path: Path) -> None:
        """A server that was started by root and runs as somebody else keeps root's `HOME`."""
        home = tmp_path / "home"
        home.mkdir(mode=0o000)
        if os.geteuid() == 0:  # To root nothing is closed.
            os.seteuid(65534)
        try:
            assert load_profile(config_path()) == {}
        finally:
            if os.getuid() == 0:
                os.seteuid(0)

    def test_the_other_ending_is_found(self, tmp_path: Path) -> None:
        directory = tmp_path / "home/.config/scw"
        directory.mkdir(parents=True)
        (directory / "config.yml").touch()
        assert config_path() == directory / "config.yml"
        (directory / "config.yaml").touch()
        assert config_path() == directory / "config.yaml"


class TestProfiles:
    @pytest.mark.parametrize(
        ("profile", "overrides"),
        [
            ("", {}),
            ("default", {}),
            ("staging", {"default_region": "nl-ams"}),
            ("partial", {}),
            ("empty", {}),
        ],
    )
    def test_they_override_the_top_level(
        self,
        profile: str,
        overrides: dict[str, str],
        path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path.write_text(PROFILES + f"active_profile: {profile!r}\n")
        assert load_profile(path) == TOP_LEVEL | overrides
        path.write_text(PROFILES)
        monkeypatch.setenv("SCW_PROFILE", profile)
        assert load_profile(path) == TOP_LEVEL | overrides

    def test_the_environment_chooses_before_the_file(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path.write_text(PROFILES + "active_profile: staging\n")
        monkeypatch.setenv("SCW_PROFILE", "default")
        assert load_profile(path) == TOP_LEVEL

    def test_an_unknown_one_is_an_error(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path.write_text(PROFILES + "active_profile: production\n")
        with pytest.raises(ValueError, match="no profile 'production', which active_profile asks"):
            load_profile(path)
        monkeypatch.setenv("SCW_PROFILE", "testing")
        with pytest.raises(ValueError, match="no profile 'testing', which SCW_PROFILE asks for"):
            load_profile(path)

    def test_a_malformed_one_is_an_error(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path.write_text(PROFILES)
        monkeypatch.setenv("SCW_PROFILE", "wrong")
        with pytest.raises(ValueError, match=r"must hold .* lines in its profile 'wrong'"):
            load_profile(path)

    def test_an_empty_file_has_none(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path.write_text("# nothing yet\n")
        assert load_profile(path) == {}
        monkeypatch.setenv("SCW_PROFILE", "staging")
        with pytest.raises(ValueError, match="no profile 'staging'"):
            load_profile(path)

    def test_without_a_file_there_is_nothing_to_choose_from(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SCW_PROFILE", "staging")
        assert load_profile(path) == {}
        assert load_profile(path / "config.yaml") == {}
        path.touch()
        assert load_profile(path.with_name("config.yaml.d")) == {}


class TestMalformedFiles:
    @pytest.mark.parametrize(
        "content",
        [
            f"secret_key: {KEY}\n\tbroken",
            f"secret_key: '{KEY}",
            f"!!python/object:os.system {KEY}",
            f"- {KEY}\n",
            KEY,
            f"secret_key: {KEY}\nsince: 2026-02-31\n",
            f"secret_key: {KEY}\nprofiles: [{KEY}]\nactive_profile: x\n",
            f"profiles: {{x: {{secret_key: {KEY}}}}}\nactive_profile: [{KEY}]\n",
            f"{KEY}: " + "[" * 10_000,
            "\x00" + KEY,
        ],
    )
    def test_the_file_is_named_and_never_quoted(self, content: str, path: Path) -> None:
        path.write_text(content)
        with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
            load_profile(path)
        error: BaseException | None = caught.value
        while error is not None:  # what reports errors walks the chain, printed or not
            assert KEY not in str(error)
            error = error.__cause__ or error.__context__

    def test_the_line_is_told(self, path: Path) -> None:
        path.write_text("a: 1\nb: 'open\n")
        with pytest.raises(ValueError, match=r"is not valid YAML \(line 3\)"):
            load_profile(path)

    def test_bytes_that_are_no_text(self, path: Path) -> None:
        path.write_bytes(b"secret_key: \xff\xfe\xfa")
        with pytest.raises(ValueError, match="is not valid YAML"):
            load_profile(path)

    def test_a_file_that_cannot_be_read(self, path: Path) -> None:
        path.mkdir()
        with pytest.raises(ValueError, match="cannot be read: Is a directory"):
            load_profile(path)
