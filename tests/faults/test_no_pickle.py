"""No code of the package can execute the content of a file."""

import ast
import json
from pathlib import Path

import grokjax

ROOT = Path(grokjax.__file__).parents[1]
FORBIDDEN = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}


def unsafe_calls(source):
    """Yield what in Python code could execute the content of a file."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module.split(".")[0]]
        yield from FORBIDDEN & set(names)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("eval", "exec", "compile", "__import__", "os.system"):
                yield called
            arguments = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called == "torch.load" and arguments.get("weights_only") != "True":
                yield called
            for word in node.keywords:
                if word.arg in ("allow_pickle", "shell") and ast.unparse(word.value) != "False":
                    yield f"{called}({word.arg})"


def sources():
    yield from (
        path.read_text()
        for name in ("grokjax", "experiments")
        for path in (ROOT / name).rglob("*.py")
    )
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        lines = "\n".join(code).splitlines()
        yield "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


def test_nothing_that_is_read_can_be_executed():
    found = [call for source in sources() for call in unsafe_calls(source)]
    assert found == []
    assert len(list(unsafe_calls("import pickle.x\nnp.load(a, allow_pickle=True)\neval(b)"))) == 3
    assert list(unsafe_calls("torch.load(a)")) == ["torch.load"]
