import subprocess
import sys


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, latelight; "
        "print([m for m in ('torch', 'transformers', 'onnxruntime', 'cv2', 'PIL', 'numpy') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    import latelight

    for name in latelight.__all__:
        assert getattr(latelight, name) is not None
