"""The colours that pages and charts share; `.streamlit/config.toml` holds the theme's own."""

# Theta and evidence: blue speaks against a digit, orange for it.
AGAINST = "#2b5c8a"
NEUTRAL = "#f7f4ee"
FOR = "#d9731a"
DIVERGING = ["#1d4470", "#5585b0", "#c3d5e4", NEUTRAL, "#f3d2b5", "#e39654", "#a8540c"]

# One colour a digit, apart for the colour-blind too (lightness differs as well as hue).
DIGITS = [
    "#2b5c8a",
    "#d9731a",
    "#3a8f6b",
    "#b03a5b",
    "#7a5ea8",
    "#8a6d3b",
    "#c79a00",
    "#6b7280",
    "#35a0b5",
    "#d17ba8",
]

INK = "#1f2430"
PAPER = "#ffffff"
