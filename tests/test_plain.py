"""Foreign words are plain text on a page, and none gets there by another way."""

import ast
from urllib.parse import quote

import pytest

from lrcore.errors import UserError
from lrcore.settings import NAMES
from tests.browser.driver import ROOT, canvas, settled
from tests.files import saved
from ui.plain import MOST, plain, sentence

# What asks another server, links to it, or passes for a word of ours.
HOSTILE = (
    "![](//elsewhere.test/a.png)",
    "![a](https://elsewhere.test/a.png)",
    '<img src="//elsewhere.test/a.png">',
    "[Log in again](//elsewhere.test)",
    "https://elsewhere.test",
    "www.elsewhere.test",
    "me@elsewhere.test",
    "<https://elsewhere.test>",
    "**Your session has expired.**",
    "# Your session has expired.",
    ":red[expired] :smile: :material/home: :blue-badge[new]",
    "$x^2$ and $$y$$",
    "`code` ~~struck~~ _low_",
    "- a\n- b\n\n1. c\n\n| a | b |\n| - | - |\n| c | d |",
    "a -> b <- c -- d",
    "[^1]\n\n[^1]: //elsewhere.test",
    "\\![](//elsewhere.test/a.png)",
    "\u202ereversed",
)
SAYING = {
    *("markdown", "caption", "write", "error", "warning", "info", "success", "toast", "title"),
    *("header", "subheader", "button", "download_button", "toggle", "checkbox", "metric", "pills"),
    *("popover", "expander", "page_link", "progress", "segmented_control", "radio", "status"),
    *("text_input", "selectbox", "number_input", "file_uploader", "image", "slider", "spinner"),
}
OUR_SAYING = {"acting_button", "say"}
# Words of theirs that Streamlit does not take for Markdown.
SPOKEN = {"key", "alt", "options", "placeholder", "on_click", "on_change", "args", "file_name"}
FOREIGN = {"error", "why", "notice", "used", "name", "path", "file", "stem"}
PLAIN = ("plain", "spoken", "sentence", "facts", "len", "round")
ATTRIBUTES = {"name", "message", "record", "error"}
# Names of digits, and of MNIST's files.
OURS = {
    ("ui/train/explanations.py", "name"),
    ("ui/weights_view.py", "name"),
    ("ui/evidence.py", "name"),
}
# The file's name of a download is its second argument after the data.
NOT_SAID = {"download_button": slice(0, 1), "image": slice(0, 0), "selectbox": slice(0, 1)}


def foreign(node, where):
    """The foreign words in an expression that are not made plain."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in PLAIN:
        return
    if isinstance(node, (ast.Lambda, ast.Compare)):
        return
    if isinstance(node, ast.FormattedValue) and node.format_spec:
        return  # a number
    name = getattr(node, "id", None)
    if (name in FOREIGN and (where, name) not in OURS) or (
        isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES
    ):
        yield ast.unparse(node)
    for child in ast.iter_child_nodes(node):
        yield from foreign(child, where)


def said(tree, where):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            ours = called in OUR_SAYING
            if ours or (called in SAYING and isinstance(node.func, ast.Attribute)):
                arguments = node.args[NOT_SAID.get(called, slice(None))]
                arguments += [word.value for word in node.keywords if word.arg not in SPOKEN]
                for argument in arguments:
                    for words in foreign(argument, where):
                        yield node.lineno, words


@pytest.mark.parametrize(
    "path",
    [*sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "ui").rglob("*.py"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_no_foreign_word_reaches_markdown(path):
    where = path.relative_to(ROOT).as_posix()
    if where != "ui/plain.py":
        assert list(said(ast.parse(path.read_text(encoding="utf-8")), where)) == []


@pytest.mark.parametrize(
    "line",
    [
        "st.error(str(error))",
        "st.warning(f'Skipped {name}')",
        "st.markdown(f'**{weights.name}**')",
        "left.button('x', help=f'Take {picture.name} away')",
        "st.toast('Now ' + used)",
    ],
)
def test_a_foreign_word_in_markdown_is_found(line):
    assert len(list(said(ast.parse(line), "ui/some.py"))) == 1


def test_plain_is_one_short_line():
    assert plain("pixels 60000") == "pixels 60000"
    assert "\n" not in plain("a\n\nb\r\u2028c")
    assert plain("e" * 5000).endswith("…")
    assert len(plain("e" * 5000)) == MOST
    assert plain("1. a").startswith("1\\.")
    assert "\u202e" not in plain("\u202ea")
    assert plain(UserError("Images cannot be '1'.")).replace("\\", "") == "Images cannot be '1'."


def test_code_in_a_sentence_stays_code_and_what_it_holds_is_no_more():
    assert sentence("use `a_b(c)` or *d*") == "use `a_b(c)` or \\*d\\*"
    assert sentence("a ` b") == "a \\` b"
    assert sentence("[x](//y)`[x](//y)` ``") == "\\[x\\]\\(//y\\)`[x](//y)` \\`\\`"


@pytest.mark.browser
def test_foreign_words_are_read_as_they_stand_and_ask_nobody(page, server, test_set):
    """Addresses, names of uploads and of weights: nothing leaves for another host."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for some in (HOSTILE[:9], HOSTILE[9:]):
        query = "&".join(f"{name}={quote(text)}" for name, text in zip(NAMES, some, strict=False))
        page.goto(f"{server.url}/train?{query}&show={quote(','.join(some))}")
        page.get_by_text("The link asks for controls").first.wait_for()
        alerts(page, len(some))
        check(page)
    page.goto(server.url)
    canvas(page)
    page.get_by_role("radio", name="Upload").click()
    settled(page)
    picture = saved(test_set.images[0])
    files = [
        {"name": f"{text.replace('/', '⁄')}.png", "mimeType": "image/png", "buffer": content}
        for text in HOSTILE
        for content in (picture, b"no picture")
    ]
    page.locator(".st-key-pictures input[type=file]").set_input_files(files[:16])
    alerts(page, 8)
    check(page)
    home = server.url.split("//")[1]
    outside = [u for u in asked if not u.startswith(("data:", "blob:")) and home not in u]
    assert outside == []


def alerts(page, count):
    page.wait_for_function(
        "count => document.querySelectorAll('[data-testid=stAlert]').length >= count", arg=count
    )
    settled(page)


def check(page):
    """No link, picture, formula or colour of a stranger's stands on the page."""
    main = page.get_by_test_id("stMain")
    # Badges in buttons are ours: they say what a button acts on.
    badges = ".stMarkdownBadge:not(button *)"
    foreign = f"a[href*='elsewhere'], img[src*='elsewhere'], {badges}, del"
    assert main.locator(foreign).count() == 0
    said = main.get_by_test_id("stAlert")
    assert said.locator("a, img, code, em, li, table, h1, .katex").count() == 0
    assert "😄" not in " ".join(said.all_inner_texts())
