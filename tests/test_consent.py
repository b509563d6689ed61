"""What other programs may call, and whose face may be animated: consent is the boolean true."""

from pathlib import Path

from PIL import Image

from talker.web import app
from talker.web.consent import may_animate
from talker.web.examples import EXAMPLES


def test_the_pages_own_pictures_need_no_consent(tmp_path: Path) -> None:
    picture = str(tmp_path / "portrait.png")
    Image.new("RGB", (80, 96), "brown").save(picture)
    own = tmp_path / "copy.png"  # Gradio hands them over as copies
    own.write_bytes(EXAMPLES[0].picture.read_bytes())
    assert may_animate(False, str(own), None, str(EXAMPLES[1].picture))
    assert not may_animate(False, str(own), picture)
    assert not may_animate("true", picture)
    assert may_animate(True, picture)


def test_functions_are_called_as_their_endpoints() -> None:
    """Language models are told the functions' names."""
    public = [fn for fn in app.build_page().fns.values() if fn.api_visibility == "public"]
    assert len(public) == 14
    assert [fn.fn.__name__ for fn in public] == [fn.api_name for fn in public]
