from pydantic import SecretStr

from frontend.keys.static import StaticKeys

KEYS = StaticKeys([SecretStr("first-key-of-sixteen"), SecretStr("second-key-of-sixteen")])


def test_each_key_has_an_id_that_survives_a_restart_and_a_new_order() -> None:
    ids = [KEYS.id_of(f"{each}-key-of-sixteen") for each in ("first", "second")]
    assert len(set(ids)) == 2
    turned = StaticKeys([SecretStr("second-key-of-sixteen"), SecretStr("first-key-of-sixteen")])
    assert [turned.id_of(f"{each}-key-of-sixteen") for each in ("first", "second")] == ids


def test_the_id_does_not_contain_the_key() -> None:
    key_id = KEYS.id_of("first-key-of-sixteen")
    assert key_id is not None
    assert "first" not in key_id
    assert key_id.startswith("static-")


def test_nothing_else_is_a_key() -> None:
    for text in ("", "first-key-of-sixtee", "first-key-of-sixteen ", "\udcff", "ключ"):
        assert KEYS.id_of(text) is None
    assert StaticKeys([]).id_of("anything") is None
