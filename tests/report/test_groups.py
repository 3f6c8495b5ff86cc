"""Pages of runs whose tokens form several groups: each is analysed over its own, by name."""

import grokjax
from grokjax import Config, Sweep
from tests.conftest import TINY
from tests.report.pages import write_page


def test_each_group_has_a_section_of_its_own(tmp_path):
    base = Config(**TINY | {"max_epochs": 2, "train_fraction": 0.1, "batch_size": 64})
    operations = ["add", "multiply", "multiply", "s5"]
    sweep = Sweep.zip(base, modulus=[7, 7, 6, 120], operation=operations)
    run = grokjax.train(sweep, tmp_path / "run", progress=False)
    page = write_page(run.directory)
    sections = [
        a["id"] for a in page.all("section") if a["id"][:6] in ("learnt", "irreps", "no-fou")
    ]
    assert sections == ["learnt-0", "learnt-1", "irreps-0", "no-fourier"]
    assert "What the networks learnt: modulus 7, Z_7" in page.text
    assert "What the networks learnt: modulus 7, Z_6 by powers of 3" in page.text
    assert "in the order of the powers of 3 mod 7" in page.text
    assert page.text.count("left out: products mod 6 have no order of powers, as P must be") == 1
    alts = [image["alt"] for image in page.all("img")]
    assert "Principal components of member 1, tokens by powers of 3, in pairs" in alts
    assert "Power of member 3 in each representation of S5" in alts
    add, multiply, composite, s5 = page.data["members"]
    assert (add["frequency"], "tokens" in add) == ("frequency", False)
    assert multiply["frequency"] == "frequency over powers of 3"
    assert multiply["tokens"] == [1, 3, 2, 6, 4, 5]
    assert "spectrum" not in composite
    assert "spectrum" not in s5
