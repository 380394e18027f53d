"""What a request says of its body, before Django believes it."""

import pytest

from ingestion.server.hot_path import drop_charset

FORM = "multipart/form-data"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("text/plain; charset=utf-7", "text/plain"),
        ("text/plain; boundary=x", "text/plain"),
        (
            f"{FORM}; boundary=----WebKitFormBoundaryAb1",
            f"{FORM}; boundary=----WebKitFormBoundaryAb1",
        ),
        (f'{FORM}; boundary="x.y"', f"{FORM}; boundary=x.y"),
        (f"{FORM}; charset=utf-7; boundary=x; charset=hex", f"{FORM}; boundary=x"),
        (f"{FORM}; boundary*=nope'en'%41", FORM),
        (f"{FORM}; boundary=a;charset=hex", f"{FORM}; boundary=a"),
        (f'{FORM}; boundary="a;charset=hex"', FORM),
        (f"{FORM}; boundary={'x' * 71}", FORM),
    ],
)
def test_of_what_is_said_beside_the_type_only_a_boundary_stays(said: str, kept: str) -> None:
    environ = {"CONTENT_TYPE": said}
    drop_charset(environ)
    assert environ["CONTENT_TYPE"] == kept
