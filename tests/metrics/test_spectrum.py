"""The real Fourier basis of functions on Z_P."""

import numpy as np
import pytest

from grokjax.metrics import spectrum


@pytest.mark.parametrize("modulus", [2, 3, 7, 8, 53])
def test_basis_is_orthonormal_and_each_row_has_one_frequency(modulus):
    rows, frequencies = spectrum.basis(modulus)
    assert rows.dtype == np.float64
    np.testing.assert_allclose(rows @ rows.T, np.eye(modulus), atol=1e-6)
    assert frequencies.tolist() == [(i + 1) // 2 for i in range(modulus)]
    for i, (row, k) in enumerate(zip(rows, frequencies, strict=True)):
        waves = np.fft.rfft(row)
        assert np.abs(np.delete(waves, k)).max(initial=0) < 1e-5
        sine = i > 0 and i % 2 == 0  # the others have their crest at token 0
        assert np.angle(waves[k]) == pytest.approx(-np.pi / 2 if sine else 0, abs=1e-5)
