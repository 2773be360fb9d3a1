"""The colours that pages and charts share; `.streamlit/config.toml` holds the theme's own."""

# Theta and evidence: blue speaks against a digit, orange for it.
AGAINST = "#3a6ea5"
NEUTRAL = "#f7f4ee"
FOR = "#d9731a"
DIVERGING = ["#1d4470", "#5585b0", "#c3d5e4", NEUTRAL, "#f3d2b5", "#e39654", "#a8540c"]
# The training curve, beside FOR for the held-out one: stands out on a light and a dark page.
TRAINING = "#4c8cc4"
# Lines that only guide the eye.
GUIDE = "#7b818c"

# One colour a digit, apart for the colour-blind too (lightness differs as well as hue), and
# with a contrast of 3 or more to light paper and dark.
DIGITS = [
    AGAINST,
    FOR,
    "#3a8f6b",
    "#b03a5b",
    "#7a5ea8",
    "#8a6d3b",
    "#b38a00",
    "#6b7280",
    "#2f99ad",
    "#cc6f9f",
]

INK = "#1f2430"
PAPER = "#ffffff"
# The page's own background, in the light and in the dark; and words on the theme's blue.
PAGE = ("#fdfcf9", "#15181f")
ON_BLUE = (PAPER, PAGE[1])


def either(colours: tuple[str, str]) -> str:
    """CSS for a colour: the one in the light, the other in the dark."""
    return f"light-dark({colours[0]}, {colours[1]})"
