import pytest

torch = pytest.importorskip("torch")
CPU = torch.device("cpu")


def test_each_row_draws_by_its_own_seed_whatever_stands_beside_it() -> None:
    from backends.transformers.noise import RowNoise

    weights = torch.ones(6, 1000)
    with RowNoise([1, 2, 3], CPU):
        together = [torch.randn(3, 2), torch.rand(3, 2), torch.multinomial(weights, 1)]
    for row, seed in enumerate([1, 2, 3]):
        with RowNoise([seed], CPU):
            alone = [torch.randn(1, 2), torch.rand(1, 2), torch.multinomial(weights[:2], 1)]
        assert torch.equal(together[0][row], alone[0][0])
        assert torch.equal(together[1][row], alone[1][0])
        assert torch.equal(together[2][2 * row : 2 * row + 2], alone[2])


def test_a_given_generator_is_left_alone() -> None:
    from backends.transformers.noise import RowNoise

    expected = torch.randn(3, generator=torch.Generator().manual_seed(5))
    with RowNoise([1], CPU):
        found = torch.randn(3, generator=torch.Generator().manual_seed(5))
    assert torch.equal(expected, found)


def test_a_draw_that_is_not_of_the_rows_is_refused() -> None:
    from backends.transformers.noise import RowNoise

    with RowNoise([1, 2], CPU), pytest.raises(ValueError, match="2 rows cannot share"):
        torch.randn(3)


def test_the_shape_may_be_named_and_may_be_that_of_another() -> None:
    from backends.transformers.noise import RowNoise

    with RowNoise([1], CPU):
        named = torch.randn(size=(1, 4))
    with RowNoise([1], CPU):
        like = torch.randn_like(torch.zeros(1, 4, dtype=torch.float64))
    assert named.shape == like.shape
    assert like.dtype == torch.float64
