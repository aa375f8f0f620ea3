"""Where key, project and base URL come from, and what is refused without telling a secret."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from langchain_scaleway.settings import Settings
from langchain_scaleway.settings import load_settings as load

KEY = "11111111-aaaa-4aaa-8aaa-000000000001"
OTHER_KEY = "22222222-bbbb-4bbb-8bbb-000000000002"
PROJECT = "33333333-cccc-4ccc-8ccc-000000000003"
OTHER_PROJECT = "44444444-dddd-4ddd-8ddd-000000000004"


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path that `SCW_CONFIG_PATH` names; nothing stands there yet."""
    path = tmp_path / "chosen.yaml"
    monkeypatch.setenv("SCW_CONFIG_PATH", str(path))
    return path


def key_of(settings: Settings) -> str | None:
    return settings.api_key.get_secret_value() if settings.api_key else None


def test_arguments_alone() -> None:
    settings = load(SecretStr(KEY), PROJECT)
    assert settings == load(KEY, PROJECT) == Settings(SecretStr(KEY), PROJECT, None)
    assert settings.url == f"https://api.scaleway.ai/{PROJECT}/v1"
    assert load(KEY).url == "https://api.scaleway.ai/v1"


def test_precedence(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_file.write_text(f"secret_key: from-file\ndefault_project_id: {PROJECT}\n")
    assert (key_of(load()), load().project_id) == ("from-file", PROJECT)
    monkeypatch.setenv("SCALEWAY_API_KEY", "from-second-variable")
    monkeypatch.setenv("SCW_DEFAULT_PROJECT_ID", OTHER_PROJECT)
    assert (key_of(load()), load().project_id) == ("from-second-variable", OTHER_PROJECT)
    monkeypatch.setenv("SCW_SECRET_KEY", "from-first-variable")
    assert key_of(load()) == "from-first-variable"
    settings = load("from-argument", PROJECT)
    assert (key_of(settings), settings.project_id) == ("from-argument", PROJECT)
    assert settings.places == {"api_key": "api_key", "project_id": "project_id"}
    monkeypatch.setenv("SCALEWAY_BASE_URL", " http://localhost:8000/v1/ ")
    settings = load()
    assert (settings.project_id, settings.url) == (None, "http://localhost:8000/v1")
    assert load(base_url="http://localhost:9/v1").url == "http://localhost:9/v1"
    monkeypatch.setenv("SCALEWAY_BASE_URL", "")
    assert load().url == f"https://api.scaleway.ai/{OTHER_PROJECT}/v1"


def test_blank_values_count_as_unset_and_whitespace_around_others_is_dropped(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.write_text(f"default_project_id: {PROJECT}\nsecret_key: ' {KEY} '\n")
    monkeypatch.setenv("SCW_PROFILE", "")
    for blank in ("", " ", "\n\t"):
        for name in ("SCW_SECRET_KEY", "SCALEWAY_API_KEY", "SCW_DEFAULT_PROJECT_ID"):
            monkeypatch.setenv(name, blank)
        assert load() == Settings(SecretStr(KEY), PROJECT, None)
    monkeypatch.setenv("SCW_SECRET_KEY", f" {OTHER_KEY}\n")
    monkeypatch.setenv("SCW_DEFAULT_PROJECT_ID", f"{OTHER_PROJECT}\n")
    assert load() == Settings(SecretStr(OTHER_KEY), OTHER_PROJECT, None)
    monkeypatch.delenv("SCW_SECRET_KEY")
    config_file.write_text("secret_key: '  '\n")
    with pytest.raises(ValueError, match="No Scaleway API key"):
        load()


def test_an_explicit_empty_key_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCW_SECRET_KEY", KEY)
    for empty in ("", " "):
        with pytest.raises(ValueError, match="api_key is empty"):
            load(empty)


def test_other_clients_variables_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", OTHER_KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1")
    monkeypatch.setenv("SCW_API_URL", "https://api.scaleway.com")
    assert load(KEY) == Settings(SecretStr(KEY), None, None)
    with pytest.raises(ValueError, match="No Scaleway API key"):
        load()


def test_a_missing_key_names_the_three_ways(config_file: Path) -> None:
    with pytest.raises(ValueError, match="No Scaleway API key was found") as caught:
        load()
    for way in ("api_key=", "SCW_SECRET_KEY", "SCALEWAY_API_KEY", "scw init", str(config_file)):
        assert way in str(caught.value)


def test_the_serverless_host_needs_a_key_however_it_was_given() -> None:
    with pytest.raises(ValueError, match="No Scaleway API key was found"):
        load(base_url="https://API.scaleway.ai/v1/")


def test_another_host_needs_no_key_and_gets_the_one_that_is_known(config_file: Path) -> None:
    url = "https://deployment.ifr.fr-par.scaleway.com/v1"
    assert load(base_url=url) == Settings(None, None, url)
    config_file.write_text(f"secret_key: {KEY}\n")
    assert load(base_url=url) == Settings(SecretStr(KEY), None, url)


def test_with_a_base_url_only_the_argument_names_a_project(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.write_text("default_project_id: not looked at\n")
    monkeypatch.setenv("SCW_DEFAULT_PROJECT_ID", "not looked at")
    url = "http://localhost:8000/v1"
    assert load(base_url=url).project_id is None
    assert load(project_id=PROJECT, base_url=url) == Settings(None, PROJECT, url)


@pytest.mark.parametrize("url", ["https://api.scaleway.ai/v1", "https://API.scaleway.ai/v1/"])
def test_a_project_goes_into_the_bare_url_of_scaleway(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoped = f"https://api.scaleway.ai/{PROJECT}/v1"
    assert load(KEY, project_id=PROJECT, base_url=url).url == scoped
    monkeypatch.setenv("SCW_DEFAULT_PROJECT_ID", PROJECT)
    assert load(KEY, base_url=url).url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "project"),
    [
        (None, PROJECT),
        (f"https://api.scaleway.ai/{OTHER_PROJECT}/v1", OTHER_PROJECT),
        ("https://api.scaleway.ai", None),
        (f"https://deployment.ifr.fr-par.scaleway.com/{PROJECT}/v1", None),
        ("http://localhost:8000/v1", None),
    ],
)
def test_the_project_that_requests_name(url: str | None, project: str | None) -> None:
    assert load(KEY, project_id=PROJECT, base_url=url).project_in_url == project


@pytest.mark.parametrize(
    ("given_url", "used"),
    [
        ("https://api.scaleway.ai/v1///", "https://api.scaleway.ai/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/v1/", "http://[::1]:8080/v1"),
        ("HTTPS://vllm.example/api/v1", "HTTPS://vllm.example/api/v1"),
    ],
)
def test_base_urls_are_used_as_given(given_url: str, used: str) -> None:
    assert load(KEY, base_url=given_url).url == used


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "does not begin with http"),
        ("api.scaleway.ai/v1", "does not begin with http"),
        ("ftp://api.scaleway.ai/v1", "does not begin with http"),
        ("https:///v1", "no valid host name"),
        ("https://:443/v1", "no valid host name"),
        ("https://api..scaleway.ai/v1", "no valid host name"),
        ("https://.../v1", "no valid host name"),
        (f"https://{'a' * 64}/v1", "no valid host name"),
        ("https://api.scaleway.com", "models answer at api.scaleway.ai"),
        ("https://user:hunter2@host/v1", "a user name, a query"),
        ("https://host/v1?token=hunter2", "a user name, a query"),
        ("https://host/v1?", "a user name, a query"),
        ("https://host/v1#hunter2", "a fragment"),
        ("https://host/v1/chat/completions", "is added to it and must be left out"),
        ("https://host/v1/embeddings/", "is added to it and must be left out"),
        ("https://host:port/v1", "it is not a URL"),
        ("https://[host/v1", "it is not a URL"),
        (" https://host/v1", "a space or a line break"),
        ("https://host/v1\n", "a space or a line break"),
    ],
)
def test_base_urls_that_cannot_work(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match="base_url cannot be used") as caught:
        load(KEY, base_url=url)
    assert problem in str(caught.value)
    assert "https://api.scaleway.ai/v1" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("bad", [f"{KEY}\nX-Evil: 1", f"{KEY}\x00", f"clé-{KEY}", f"{KEY} {KEY}"])
def test_keys_that_no_header_can_carry(bad: str) -> None:
    with pytest.raises(ValueError, match=r"^api_key holds a character that no key") as caught:
        load(bad)
    assert KEY not in str(caught.value)


OUTSIDE = {
    "SCALEWAY_BASE_URL": (f"https://user:{KEY}@host/v1", "cannot be used"),
    "SCW_SECRET_KEY": (f"clé-{KEY}", "holds a character"),
    "SCW_DEFAULT_PROJECT_ID": ("my-project", "must be a project ID .*'my-project'"),
}


@pytest.mark.parametrize(("name", "value", "said"), [(n, *case) for n, case in OUTSIDE.items()])
def test_a_bad_value_of_a_variable_names_it(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name} {said}") as caught:
        load(None if name == "SCW_SECRET_KEY" else KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'secret_key: "{KEY}\\nX-Evil: 1"', "^secret_key in .* holds a character"),
        (f"secret_key: [{KEY}]", "must be text"),
        ("default_project_id: my-project", "must be a project ID"),
        ("{ not yaml", "is not valid YAML"),
    ],
)
def test_a_bad_value_of_the_file_names_it(content: str, said: str, config_file: Path) -> None:
    config_file.write_text(content)
    with pytest.raises(ValueError, match=said) as caught:
        load(KEY if "secret_key" not in content else None)
    assert str(config_file) in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("base_url", [None, "http://localhost:8000/v1"])
def test_an_access_key_is_not_taken_for_the_secret_one(
    base_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCW_SECRET_KEY", "SCW0123456789ABCDEFG")
    with pytest.raises(ValueError, match="SCW_SECRET_KEY holds an access key") as caught:
        load(base_url=base_url)
    assert "the secret key that belongs to it" in str(caught.value)
    assert "0123456789" not in str(caught.value)


@pytest.mark.parametrize("key", ["SCW", "SCW-0123456789-ABCDEF", "scw0123456789abcdefg"])
def test_other_keys_may_begin_alike(key: str) -> None:
    assert key_of(load(key, base_url="http://localhost:8000/v1")) == key


@given(st.text(min_size=1).filter(lambda text: not text.isascii() or not text.isprintable()))
def test_a_refused_key_is_never_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        load(f"secret-{key}-secret")
    assert "secret-" not in str(caught.value)


@pytest.mark.parametrize(
    "project_id",
    ["", "default", PROJECT.replace("-", ""), f"{{{PROJECT}}}", f" {PROJECT}", "../v1"],
)
def test_a_project_that_is_no_uuid(project_id: str) -> None:
    with pytest.raises(ValueError, match="project_id must be a project ID") as caught:
        load(KEY, project_id)
    assert repr(project_id) in str(caught.value)
    assert load(KEY, PROJECT.upper()).project_id == PROJECT, "as good in upper case"


def test_the_profile_of_the_file_counts(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_file.write_text(
        f"secret_key: {KEY}\nprofiles: {{staging: {{default_project_id: {PROJECT}}}}}\n"
    )
    monkeypatch.setenv("SCW_PROFILE", "staging")
    assert load() == Settings(SecretStr(KEY), PROJECT, None)


def test_the_file_is_not_opened_when_nothing_is_missing(config_file: Path) -> None:
    config_file.write_text("{ not yaml")
    settings = load(KEY, PROJECT)
    assert settings.project_id == PROJECT
    assert KEY not in f"{settings} {settings!r}"
    assert key_of(load(KEY, base_url="http://localhost/v1")) == KEY
