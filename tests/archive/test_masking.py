"""Which variables hold a secret, and what of them is masked."""

from __future__ import annotations

import pytest

from lakebook.archive.masking import MASK, is_secret, mask_parameters, masker, secrets_in

SECRETS = [
    "PGPASSWORD",
    "MYSQL_PWD",
    "GITHUB_PAT",
    "APIKEY",
    "API_KEY",
    "ACCESSTOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "DB_PASS",
    "GITHUB_TOKEN",
    "KEY",
    "CLIENT_SECRET",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GPG_PASSPHRASE",
    "azure_storage_key",
]
HARMLESS = [
    "PATH",
    "PWD",
    "OLDPWD",
    "KEYBOARD",
    "PYTHONPATH",
    "COMPASS",
    "TOKENIZERS_PARALLELISM",
    "MAX_TOKENS",
    "SSH_ASKPASS",
    "MONKEY_PATCH",
    "KEYMAP",
    "BYPASS",
    "PATTERN",
    "HOME",
]


@pytest.mark.parametrize("name", SECRETS)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_names_of_no_secrets(name: str) -> None:
    assert not is_secret(name)


def test_the_password_of_a_url_is_masked_and_the_rest_is_not() -> None:
    mask = masker({"DATABASE_URL": "postgresql://ana:s3cr%2Ft@db.example.org:5432/lake"})
    assert mask("postgresql://ana:s3cr%2Ft@db") == f"postgresql://ana:{MASK}@db"
    assert mask("it is s3cr/t at db.example.org") == f"it is {MASK} at db.example.org"


def test_the_password_of_a_connection_string_is_masked() -> None:
    mask = masker({"DSN": "host=db user=ana password=hunter22 dbname=lake"})
    assert mask("hunter22 on lake") == f"{MASK} on lake"


def test_a_url_without_a_password_masks_nothing() -> None:
    text = "https://example.org/a@b http://[broken@"
    mask = masker({"SITE": "https://example.org/a@b", "ODD": "http://[broken@"})
    assert mask(text) == text


def test_a_parameter_is_a_secret_by_its_name() -> None:
    given = {"key": 'id=471100815 name="müller"', "token": 123456, "days": 30, "api_key": ""}
    kept = {"key": MASK, "token": MASK, "days": 30, "api_key": MASK}
    assert mask_parameters(given) == kept
    mask = masker(secrets_in(given))
    shown = 'key = "id=471100815 name=\\"m\\xfcller\\""'
    assert "471100815" not in mask(shown) and "xfcller" not in mask(shown)
    assert mask("471100815 and müller, 123456 of 30") == f"{MASK} and {MASK}, {MASK} of 30"
    assert secrets_in({"days": 30, "key": ""}) == {}


def test_a_secret_that_is_too_short_is_masked_where_it_is_assigned() -> None:
    mask = masker(secrets_in({"key": "7", "token": "long enough"}))
    assert mask('key = "7"  # 7 of 17') == f"{MASK}  # 7 of 17"
    assert mask('token = "long enough"') == f'token = "{MASK}"'
